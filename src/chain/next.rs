//! The next request of a chain, and what it changes in it.

use std::{mem, time::Duration};

use http::{Extensions, Method, StatusCode, Uri, Version, request};

use super::{Chain, standing::Standing, trail::Visits};
use crate::{
    history::{ChosenBy, Hop, Recorded, Source},
    policy::Edits,
    rules::{
        expect,
        method::Content,
        next::{Change, Crossing, Secrets},
        target::Target,
    },
    settings::Settings,
};

/// The next request, without its content. The chain changes only when it is given to
/// [`Chain::commit`].
pub(crate) struct Next {
    pub(crate) uri: Uri,
    pub(crate) content: Content,
    pub(super) kind: Kind,
}

/// What a next request is.
#[expect(clippy::large_enum_variant, reason = "one per redirect, in a box")]
pub(super) enum Kind {
    Redirect(Followed),
    /// The same request again, without `Expect` ([RFC 9110 §10.1.1]).
    ///
    /// [RFC 9110 §10.1.1]: https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
    WithoutExpect(request::Parts),
    /// The request that remembered redirects began with, to its own URI.
    Retraction(request::Parts),
}

/// What a followed redirect changes.
pub(super) struct Followed {
    pub(super) method: Method,
    pub(super) fragment: Option<Box<str>>,
    pub(super) crossing: Crossing,
    /// Those of the caller that may go along, if not all do.
    pub(super) extensions: Option<Extensions>,
    pub(super) edits: Edits,
    pub(super) visits: Visits,
    pub(super) status: StatusCode,
    pub(super) source: Source,
    pub(super) elapsed: Duration,
    pub(super) chosen_by: ChosenBy,
    /// What the history keeps of the response's.
    pub(super) recorded: Recorded,
}

impl Followed {
    /// Makes of the fields that were sent those of the next request.
    pub(super) fn change(&self, sent: &mut request::Parts, content: Content, secrets: Secrets<'_>) {
        let (method, headers) = (&sent.method, &mut sent.headers);
        let Self { method: next_method, crossing, .. } = self;
        Change { method, next_method, content, crossing: *crossing }.apply(headers, secrets);
        self.edits.apply(headers);
    }
}

impl Next {
    pub(super) fn of(head: request::Parts, kind: impl FnOnce(request::Parts) -> Kind) -> Self {
        Self { uri: head.uri.clone(), content: Content::Keep, kind: kind(head) }
    }

    /// Returns where it goes.
    pub(crate) fn target(&self) -> Target {
        let fragment = match &self.kind {
            Kind::Redirect(followed) => followed.fragment.clone(),
            Kind::WithoutExpect(_) | Kind::Retraction(_) => None,
        };
        Target::of_request(self.uri.clone(), fragment)
    }

    /// Returns whether it follows a redirect, so that a failure to send it is a refusal.
    pub(crate) fn is_redirect(&self) -> bool {
        matches!(self.kind, Kind::Redirect(_))
    }

    /// Returns whether it is the same request again: it must not ask for `100 Continue`.
    pub(crate) fn is_repeated(&self) -> bool {
        matches!(self.kind, Kind::WithoutExpect(_))
    }
}

impl Chain {
    /// Goes on to the next request: what stays behind now is gone for good.
    pub(crate) fn commit(&mut self, settings: &Settings, next: Box<Next>) -> request::Parts {
        match next.kind {
            Kind::WithoutExpect(head) => head,
            Kind::Retraction(head) => {
                self.walk_back();
                head
            }
            Kind::Redirect(followed) => {
                self.follow(settings, next.uri, next.content, followed);
                self.at.request()
            }
        }
    }

    /// Makes the next request of the one that was sent last.
    fn follow(&mut self, settings: &Settings, uri: Uri, content: Content, followed: Followed) {
        match followed.source {
            Source::Memory => self.walk_on(content),
            Source::Server => self.trail_mut().walk = None,
        }
        let (request, secrets) = self.at.whole(settings);
        followed.change(request, content, secrets);
        let Standing { head, fragment, set_by_policy } = &mut self.at;
        let request = head.whole();
        if followed.crossing != Crossing::WithinOrigin {
            // It is what the old origin was asked with, and what was meant for that alone.
            request.version = Version::default();
            *set_by_policy = None;
        }
        if let Some(kept) = followed.extensions {
            request.extensions = kept;
        }
        let Edits { set, extensions, .. } = followed.edits;
        if !(set.is_empty() && extensions.is_empty()) {
            let set_by_policy = set_by_policy.get_or_insert_default();
            set_by_policy.fields.extend(set.keys().cloned());
            set_by_policy.extensions.extend(extensions);
        }
        let requested = mem::replace(&mut request.uri, uri);
        let fragment = mem::replace(fragment, followed.fragment);
        let trail = self.trail.get_or_insert_default();
        trail.hops.push(Hop {
            method: mem::replace(&mut request.method, followed.method),
            requested: Target::of_request(requested, fragment),
            status: followed.status,
            source: followed.source,
            elapsed: followed.elapsed,
            chosen_by: followed.chosen_by,
            recorded: followed.recorded,
        });
        trail.visit(followed.visits);
    }

    /// Makes the request that was sent last again, without `Expect`.
    pub(super) fn without_expect(&self) -> Next {
        let mut head = self.at.request();
        expect::remove(&mut head.headers);
        Next::of(head, Kind::WithoutExpect)
    }
}
