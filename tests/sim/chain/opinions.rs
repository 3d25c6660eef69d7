//! What policies may say of credentials, by a model of their own.

use http::Uri;

use super::{
    closure::Says,
    policies::{Leaf, Tree, is_s3},
};

impl Tree {
    /// Returns whether it may let credentials go from one origin to the other.
    pub fn may_trust(&self, from: &Uri, to: &Uri) -> bool {
        self.opinions(from, to).contains(&Opinion::Trust)
    }

    fn opinions(&self, from: &Uri, to: &Uri) -> Vec<Opinion> {
        let (first, second, join): (_, _, fn(Opinion, Opinion) -> Opinion) = match self {
            Self::Leaf(leaf) => return leaf.opinions(from, to),
            Self::And(first, second) => (first, second, Opinion::max),
            Self::Or(first, second) => (first, second, Opinion::or),
        };
        let (first, second) = (first.opinions(from, to), second.opinions(from, to));
        first.iter().flat_map(|one| second.iter().map(|other| join(*one, *other))).collect()
    }
}

/// From the mildest to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Opinion {
    None,
    Trust,
    Follow,
    End,
}

impl Opinion {
    fn or(self, other: Self) -> Self {
        if self == Self::None { other } else { self }
    }
}

impl Leaf {
    fn opinions(&self, from: &Uri, to: &Uri) -> Vec<Opinion> {
        match self {
            Self::Standard => vec![Opinion::Follow],
            Self::S3 if [from, to].into_iter().all(is_s3) => {
                vec![Opinion::None, Opinion::Trust, Opinion::End]
            }
            Self::S3 => vec![Opinion::None, Opinion::End],
            Self::SameOrigin
            | Self::HttpsOnly
            | Self::Limited(_)
            | Self::Referer
            | Self::Strict(..)
            | Self::Cache
            | Self::Expect(_) => vec![Opinion::None],
            Self::Closure(closure) => vec![match closure.says {
                Says::Pass => Opinion::None,
                Says::Trust => Opinion::Trust,
                Says::Follow => Opinion::Follow,
                Says::Stop | Says::Because | Says::Fail => Opinion::End,
            }],
        }
    }
}
