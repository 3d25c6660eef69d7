//! The request that a chain is at.

use http::{Extensions, request};

use crate::{head::Head, rules::next::Secrets};

/// The request that is sent next or was sent last, and what came along with it.
#[derive(Clone)]
pub(super) struct Standing {
    /// Its extensions are the caller's.
    pub(super) head: Head,
    pub(super) fragment: Option<Box<str>>,
    /// The extensions that policies have set: like the fields, they are meant for one origin.
    pub(super) set_by_policy: Extensions,
    pub(super) secrets: Secrets,
}

impl Standing {
    /// Makes the head of the request, with the extensions of policies in place of their like.
    pub(super) fn request(&self) -> request::Parts {
        let mut head = self.head.to_parts();
        head.extensions.extend(self.set_by_policy.clone());
        head
    }
}
