//! The request that a chain is at.

use http::{Extensions, HeaderName, request};

use crate::{head::Head, rules::next::Secrets, settings::Settings};

/// The request that is sent next or was sent last, and what came along with it.
#[derive(Clone)]
pub(super) struct Standing {
    /// Its extensions are the caller's.
    pub(super) head: Head,
    pub(super) fragment: Option<Box<str>>,
    /// In a box: few policies set anything.
    pub(super) set_by_policy: Option<Box<SetByPolicy>>,
}

/// What policies have set in a request. It is meant for one origin.
#[derive(Clone, Default)]
pub(super) struct SetByPolicy {
    pub(super) fields: Vec<HeaderName>,
    pub(super) extensions: Extensions,
}

impl Standing {
    /// Makes the head of the request, with the extensions of policies in place of their like.
    pub(super) fn request(&self) -> request::Parts {
        let mut head = self.head.to_parts();
        if let Some(set) = &self.set_by_policy {
            head.extensions.extend(set.extensions.clone());
        }
        head
    }

    /// Returns the names that are secret in the request.
    pub(super) fn secrets<'a>(&'a self, settings: &'a Settings) -> Secrets<'a> {
        secrets(&self.set_by_policy, settings)
    }

    /// Returns the head, made whole, and the names that are secret in it.
    pub(super) fn whole<'a>(
        &'a mut self,
        settings: &'a Settings,
    ) -> (&'a mut request::Parts, Secrets<'a>) {
        (self.head.whole(), secrets(&self.set_by_policy, settings))
    }
}

fn secrets<'a>(set: &'a Option<Box<SetByPolicy>>, settings: &'a Settings) -> Secrets<'a> {
    let set_by_policy = set.as_ref().map_or(&[][..], |set| &set.fields);
    Secrets { added: &settings.sensitive, set_by_policy }
}
