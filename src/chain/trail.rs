//! What redirects leave behind in a chain.

use super::{Chain, Pending, walk::Walk};
use crate::{history::Hop, rules::visit::Visit};

/// What only a chain with a redirect has.
#[derive(Default)]
pub(super) struct Trail {
    pub(super) hops: Vec<Hop>,
    pub(super) visited: Vec<Visit>,
    /// The redirect whose policy waits for an answer.
    pub(super) pending: Option<Pending>,
    /// The remembered redirects that led to the request that was sent last.
    pub(super) walk: Option<Walk>,
}

/// What a redirect makes of the requests that count as visited.
pub(super) enum Visits {
    Same,
    /// The request that it was an answer to is one.
    Add(Box<Visit>),
    /// None is any more: sent again, each could be answered otherwise.
    Forget,
}

impl Trail {
    pub(super) fn visit(&mut self, visits: Visits) {
        match visits {
            Visits::Same => {}
            Visits::Add(visit) => self.visited.push(*visit),
            Visits::Forget => self.visited.clear(),
        }
    }
}

impl Chain {
    /// Returns the redirects that were followed.
    #[inline]
    pub(super) fn hops(&self) -> &[Hop] {
        hops(&self.trail)
    }

    pub(super) fn trail_mut(&mut self) -> &mut Trail {
        self.trail.get_or_insert_default()
    }
}

/// Returns the redirects of a trail, if there is one.
#[inline]
pub(super) fn hops(trail: &Option<Box<Trail>>) -> &[Hop] {
    trail.as_ref().map_or(&[], |trail| &trail.hops)
}
