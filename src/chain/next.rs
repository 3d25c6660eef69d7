//! The next request of a chain, and what it changes in it.

use http::{Extensions, HeaderName, request};

use crate::{
    history::Hop,
    rules::{method::Content, next::Crossing, visit::Visit},
};

/// The next request, without its content. The chain changes only when it is given to
/// [`Chain::commit`](super::Chain::commit).
pub(crate) struct Next {
    pub(crate) head: request::Parts,
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
    WithoutExpect,
    /// The request that remembered redirects began with, to its own URI.
    Retraction,
}

/// What a followed redirect changes.
pub(super) struct Followed {
    pub(super) hop: Hop,
    pub(super) visit: Option<Visit>,
    pub(super) fragment: Option<Box<str>>,
    pub(super) crossing: Crossing,
    pub(super) fields_of_policy: Vec<HeaderName>,
    pub(super) extensions: Extensions,
    pub(super) extensions_of_policy: Extensions,
}

impl Next {
    /// Returns whether it follows a redirect, so that a failure to send it is a refusal.
    pub(crate) fn is_redirect(&self) -> bool {
        matches!(self.kind, Kind::Redirect(_))
    }

    /// Returns whether it is the same request again: it must not ask for `100 Continue`.
    pub(crate) fn is_repeated(&self) -> bool {
        matches!(self.kind, Kind::WithoutExpect)
    }
}
