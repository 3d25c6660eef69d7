//! What policies change of a proposal.

use http::{Extensions, HeaderMap, HeaderName, Method};

use crate::rules::{method::Content, target::Target};

/// What policies change of a proposal.
#[derive(Clone, Default)]
pub(crate) struct Edits {
    pub(crate) method: Option<Method>,
    pub(crate) content: Option<Content>,
    pub(crate) target: Option<Target>,
    pub(crate) set: HeaderMap,
    pub(crate) strip: Vec<HeaderName>,
    pub(crate) extensions: Extensions,
}

impl Edits {
    /// Adds later edits: they win, save that nothing is unstripped.
    pub(crate) fn extend(&mut self, later: Self) {
        self.method = later.method.or_else(|| self.method.take());
        self.content = later.content.or(self.content);
        self.target = later.target.or_else(|| self.target.take());
        for (name, value) in &later.set {
            self.set.insert(name, value.clone());
        }
        self.strip.extend(later.strip);
        self.extensions.extend(later.extensions);
    }

    /// Returns whether the request has another target or method, or other content.
    pub(super) fn make_another(&self) -> bool {
        self.target.is_some() || self.method.is_some() || self.content.is_some()
    }

    /// Returns whether they make the same request as others, but for header fields.
    pub(super) fn make_the_same(&self, other: &Self) -> bool {
        (&self.target, &self.method, self.content) == (&other.target, &other.method, other.content)
    }

    /// Applies the fields to `headers`: what is stripped is not set either.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.set {
            headers.insert(name, value.clone());
        }
        for name in &self.strip {
            headers.remove(name);
        }
    }
}
