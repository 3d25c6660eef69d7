//! Policies of every kind, and what they may say.

use std::time::Duration;

use http::{HeaderName, StatusCode, Uri, header};
use tower_follow_redirect::{
    Origin, Policy,
    policy::{
        self, ExpectSupport, HttpsOnly, Limited, PermanentCache, Referer, S3, SameOrigin, Standard,
        StrictConfirm, strict::Consent,
    },
};

use super::{choices::Choices, clock::Clock, closure::Closure, tokens::Token};

#[derive(Clone, Debug)]
pub enum Tree {
    Leaf(Leaf),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

#[derive(Clone, Debug)]
pub enum Leaf {
    Standard,
    SameOrigin,
    HttpsOnly,
    Limited(usize),
    Referer,
    S3,
    Strict(Reply, Duration),
    Cache,
    Expect(ExpectSupport),
    Closure(Closure),
}

/// What is answered to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    Yes,
    No,
    ThisChain,
    ForAMinute,
    Nobody,
}

impl Tree {
    pub fn choose(choices: &mut Choices<'_>, depth: usize) -> Self {
        if depth == 0 || !choices.one_in(3) {
            return Self::Leaf(Leaf::choose(choices));
        }
        let first = Box::new(Self::choose(choices, depth - 1));
        let second = Box::new(Self::choose(choices, depth - 1));
        if choices.one_in(3) { Self::Or(first, second) } else { Self::And(first, second) }
    }

    /// Makes the policy. Those that wait do so by `clock`, and all of it holds `token`.
    pub fn policy(&self, clock: &Clock, cache: &PermanentCache, token: &Token) -> Box<dyn Policy> {
        match self {
            Self::Leaf(leaf) => leaf.policy(clock, cache, token),
            Self::And(first, second) => {
                Box::new(first.policy(clock, cache, token).and(second.policy(clock, cache, token)))
            }
            Self::Or(first, second) => {
                Box::new(first.policy(clock, cache, token).or(second.policy(clock, cache, token)))
            }
        }
    }

    pub fn any(&self, is_so: &dyn Fn(&Leaf) -> bool) -> bool {
        match self {
            Self::Leaf(leaf) => is_so(leaf),
            Self::And(first, second) | Self::Or(first, second) => {
                first.any(is_so) || second.any(is_so)
            }
        }
    }

    /// Returns whether there is a memory that is asked.
    pub fn remembers(&self) -> bool {
        self.any(&|leaf| matches!(leaf, Leaf::Cache))
    }

    /// Returns whether a redirect may lead elsewhere than its `Location` says.
    pub fn leads(&self) -> bool {
        self.any(&|leaf| match leaf {
            Leaf::S3 | Leaf::Cache => true,
            Leaf::Closure(closure) => closure.target.is_some(),
            _ => false,
        })
    }

    /// Returns whether a method or content may not be what RFC 9110 makes of it.
    pub fn rewrites(&self) -> bool {
        self.any(&|leaf| match leaf {
            Leaf::Strict(..) | Leaf::S3 => true,
            Leaf::Closure(closure) => closure.drops,
            _ => false,
        })
    }

    /// Returns whether content waits for a server's `100 Continue` as long as that takes.
    pub fn trusts_to_answer(&self, uri: &Uri) -> bool {
        self.any(&|leaf| leaf.expect(uri) != ExpectSupport::Unknown)
    }

    /// Returns whether no redirect is expected after a server's `100 Continue`.
    pub fn trusts_to_decide(&self, uri: &Uri) -> bool {
        self.any(&|leaf| leaf.expect(uri) == ExpectSupport::Decides)
    }

    /// Returns whether a response body may be read before the caller gets it.
    pub fn peeks(&self) -> bool {
        self.any(&|leaf| match leaf {
            Leaf::S3 => true,
            Leaf::Closure(closure) => closure.peeks.is_some(),
            _ => false,
        })
    }

    /// Returns whether it strips its field of every redirect that it lets pass.
    pub fn strips(&self) -> bool {
        match self {
            Self::Leaf(Leaf::Closure(closure)) => closure.strips,
            Self::Leaf(_) => false,
            Self::And(first, second) => first.strips() || second.strips(),
            Self::Or(first, _) => first.strips(),
        }
    }
}

impl Leaf {
    fn choose(choices: &mut Choices<'_>) -> Self {
        match choices.below(20) {
            0..=3 => Self::Standard,
            4 => Self::SameOrigin,
            5 => Self::HttpsOnly,
            6 => Self::Limited(choices.below(5)),
            7 => Self::Referer,
            8 | 9 => Self::S3,
            10 | 11 => Self::Strict(
                choices.pick(&[
                    Reply::Yes,
                    Reply::No,
                    Reply::ThisChain,
                    Reply::ForAMinute,
                    Reply::Nobody,
                ]),
                Duration::from_millis(choices.pick(&[0, 0, 10, 2000])),
            ),
            12 | 13 => Self::Cache,
            14 => Self::Expect(choices.pick(&[ExpectSupport::Answers, ExpectSupport::Decides])),
            _ => Self::Closure(Closure::choose(choices)),
        }
    }

    fn policy(&self, clock: &Clock, cache: &PermanentCache, token: &Token) -> Box<dyn Policy> {
        match self {
            Self::Standard => Box::new(Standard),
            Self::SameOrigin => Box::new(SameOrigin),
            Self::HttpsOnly => Box::new(HttpsOnly),
            Self::Limited(max) => Box::new(Limited::new(*max)),
            Self::Referer => Box::new(Referer::auto()),
            Self::S3 => Box::new(S3::new()),
            Self::Cache => Box::new(cache.clone()),
            Self::Expect(support) => {
                let support = *support;
                Box::new(policy::expect_fn(move |_| support))
            }
            Self::Strict(reply, after) => strict(*reply, *after, clock.clone(), token.clone()),
            Self::Closure(closure) => closure.clone().policy(clock.clone(), token.clone()),
        }
    }

    /// Returns what it says of how the server of `uri` treats an expectation.
    fn expect(&self, uri: &Uri) -> ExpectSupport {
        match self {
            Self::Expect(support) => *support,
            Self::S3 if is_s3(uri) => ExpectSupport::Decides,
            _ => ExpectSupport::Unknown,
        }
    }
}

pub fn is_s3(uri: &Uri) -> bool {
    uri.host().is_some_and(|host| host.ends_with(".amazonaws.com"))
}

fn strict(reply: Reply, after: Duration, clock: Clock, token: Token) -> Box<dyn Policy> {
    Box::new(StrictConfirm::new(move |_| {
        let (sleep, token) = (clock.sleep(after), token.clone());
        async move {
            sleep.await;
            drop(token);
            match reply {
                Reply::Yes => Consent::Yes,
                Reply::No => Consent::No,
                Reply::ThisChain => Consent::ThisChain,
                Reply::ForAMinute => Consent::For(Duration::from_secs(60)),
                Reply::Nobody => Consent::Unanswered("nobody is there".into()),
            }
        }
    }))
}

/// Writes the origin of a URI.
pub fn origin(uri: &Uri) -> String {
    Origin::of(uri).map_or_else(String::new, |origin| format!("{origin:?}"))
}

/// Returns whether a status is one that the layer follows, whatever its policy.
pub fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// What RFC 9110 makes of a method, and whether the content goes along.
pub fn rewrite(status: u16, method: &http::Method) -> (http::Method, bool) {
    use http::Method;
    match (StatusCode::from_u16(status), method) {
        (Ok(StatusCode::SEE_OTHER), &Method::HEAD) => (Method::HEAD, false),
        (Ok(StatusCode::SEE_OTHER), _) => (Method::GET, false),
        (Ok(StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND), &Method::POST) => {
            (Method::GET, false)
        }
        (_, method) => (method.clone(), true),
    }
}

/// The fields that are secret, besides those of the layer's settings.
pub const SECRETS: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-marked"),
    HeaderName::from_static("x-added"),
];
