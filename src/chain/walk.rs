//! The remembered redirects that led to a request, and the way back.

use super::{
    Chain,
    next::{Kind, Next},
    standing::Standing,
    trail::Trail,
};
use crate::rules::method::Content;

/// Where a walk of remembered redirects began.
pub(super) struct Walk {
    start: Standing,
    hops: usize,
    visited: usize,
    content: Content,
}

/// Whether policies are asked what they remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    Asked,
    /// It has misled this call once.
    SetAside,
}

impl Chain {
    /// Adds a remembered redirect to the walk, which is about to be followed.
    pub(super) fn walk_on(&mut self, content: Content) {
        let Trail { hops, visited, walk, .. } = &mut **self.trail.get_or_insert_default();
        let walk = walk.get_or_insert_with(|| Walk {
            start: self.at.clone(),
            hops: hops.len(),
            visited: visited.len(),
            content: Content::Keep,
        });
        if content == Content::Drop {
            walk.content = Content::Drop;
        }
    }

    /// Makes the request that the walk began with, unless there is no walk, or its content is gone.
    pub(crate) fn retraction(&self) -> Option<Next> {
        let walk = self.trail.as_ref()?.walk.as_ref()?;
        (walk.content == Content::Keep).then(|| Next::of(walk.start.request(), Kind::Retraction))
    }

    /// Goes back to where the walk began, and sets the memory aside.
    pub(super) fn walk_back(&mut self) {
        let trail = self.trail_mut();
        if let Some(walk) = trail.walk.take() {
            trail.hops.truncate(walk.hops);
            trail.visited.truncate(walk.visited);
            self.at = walk.start;
        }
        self.memory = Memory::SetAside;
    }
}
