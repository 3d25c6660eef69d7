//! Why a redirect was not followed.

use std::{error, fmt, sync::Arc};

use http::{Method, Response, StatusCode, Uri};

use crate::{
    history::Source,
    rules::target::{Target, redacted},
};

/// Why a redirect was not followed.
///
/// Every 3xx that is handed back carries one in its extensions, and it is the
/// [`source`](error::Error::source) of an [`Error`](crate::Error) about a redirect, so it can be found
/// behind a [`BoxError`](crate::BoxError) too. Its text has the URIs without query and userinfo.
///
/// ```
/// use tower_follow_redirect::{Refusal, RefusalKind};
///
/// fn is_loop(error: &tower::BoxError) -> bool {
///     let refusal = error.source().and_then(|source| source.downcast_ref::<Refusal>());
///     refusal.is_some_and(|refusal| refusal.kind() == RefusalKind::Loop)
/// }
/// ```
#[derive(Clone)]
pub struct Refusal {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    kind: RefusalKind,
    method: Method,
    requested: Target,
    status: StatusCode,
    from: Source,
    target: Option<Target>,
    source: Option<Arc<dyn error::Error + Send + Sync>>,
}

/// The reason of a [`Refusal`].
///
/// ```
/// use tower_follow_redirect::{Refusal, RefusalKind};
///
/// /// What somebody is told who waits for it.
/// fn explain(refusal: &Refusal) -> &'static str {
///     match refusal.kind() {
///         RefusalKind::TooManyRedirects | RefusalKind::Loop => "the server redirects in circles",
///         RefusalKind::MissingLocation | RefusalKind::BadLocation => "the server is at fault",
///         RefusalKind::BodyNotReplayable => "the upload was redirected in its midst: try again",
///         _ => "it redirects to where this program does not go",
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// The limit of redirects was reached: the layer's, or that of a
    /// [`Limited`](crate::policy::Limited).
    TooManyRedirects,
    /// The same request was sent before in this chain.
    Loop,
    /// There is no `Location`, or it is blank.
    MissingLocation,
    /// `Location` is no URI that could be requested.
    BadLocation,
    /// The target's scheme is neither `http` nor `https`, or [`HttpsOnly`](crate::policy::HttpsOnly)
    /// refuses it.
    Scheme,
    /// The content must be sent again, and cannot be: it is gone, or its
    /// [`BodyFactory`](crate::BodyFactory) or its temporary file (the feature `spill`) failed.
    BodyNotReplayable,
    /// The policy stopped, or failed.
    Policy,
    /// A CONNECT or an upgrade was redirected: it is about this connection, not about a resource.
    Tunnel,
    /// The status is 3xx but no redirect to follow: 300, 304, 305, 306 or an unknown one.
    NotRedirect,
}

impl Refusal {
    /// Returns why `response` was handed back, or `None` if it is no redirect.
    ///
    /// ```
    /// use http::Response;
    /// use tower_follow_redirect::{Refusal, RefusalKind};
    ///
    /// fn is_without_location<B>(response: &Response<B>) -> bool {
    ///     let refusal = Refusal::of(response);
    ///     refusal.is_some_and(|refusal| refusal.kind() == RefusalKind::MissingLocation)
    /// }
    /// ```
    pub fn of<B>(response: &Response<B>) -> Option<&Self> {
        response.extensions().get()
    }

    /// Returns the reason.
    pub fn kind(&self) -> RefusalKind {
        self.inner.kind
    }

    /// Returns whether the redirect is remembered from an earlier call: then there is no response.
    pub fn is_from_cache(&self) -> bool {
        self.inner.from == Source::Memory
    }

    /// Returns the status of the redirect: that of the response that is handed back, or the remembered
    /// one.
    pub fn status(&self) -> StatusCode {
        self.inner.status
    }

    /// Returns the method of the request that was redirected.
    pub fn method(&self) -> &Method {
        &self.inner.method
    }

    /// Returns the URI of the request that was redirected, without userinfo.
    pub fn uri(&self) -> &Uri {
        self.inner.requested.uri()
    }

    /// Returns where the redirect leads, if that is known: by its `Location`, or by a policy.
    pub fn target(&self) -> Option<&Target> {
        self.inner.target.as_ref()
    }

    pub(crate) fn new(
        kind: RefusalKind,
        (method, requested): (Method, Target),
        status: StatusCode,
        target: Option<Target>,
        source: Option<Arc<dyn error::Error + Send + Sync>>,
    ) -> Self {
        let from = Source::Server;
        Self { inner: Arc::new(Inner { kind, method, requested, status, from, target, source }) }
    }

    pub(crate) fn with_source(self, source: Arc<dyn error::Error + Send + Sync>) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.inner);
        inner.source = Some(source);
        Self { inner: Arc::new(inner) }
    }

    /// Makes it about a redirect that is remembered.
    pub(crate) fn of_memory(self) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.inner);
        inner.from = Source::Memory;
        Self { inner: Arc::new(inner) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, method, requested, status, from, target, source } = &*self.inner;
        let remembered = if *from == Source::Memory { "a remembered " } else { "" };
        write!(f, "{remembered}{} after {method} {}", status.as_u16(), redacted(requested.uri()))?;
        if let Some(target) = target {
            write!(f, " to {}", redacted(target.uri()))?;
        }
        f.write_str(" was not followed: ")?;
        f.write_str(match (kind, source) {
            (RefusalKind::BodyNotReplayable, Some(_)) => "its content could not be made again",
            (kind, _) => kind.sentence(),
        })
    }
}

impl RefusalKind {
    /// Returns a name for logs and metrics, such as `too-many-redirects`.
    ///
    /// ```
    /// use tower_follow_redirect::RefusalKind;
    ///
    /// assert_eq!(RefusalKind::BadLocation.as_str(), "bad-location");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooManyRedirects => "too-many-redirects",
            Self::Loop => "loop",
            Self::MissingLocation => "missing-location",
            Self::BadLocation => "bad-location",
            Self::Scheme => "scheme",
            Self::BodyNotReplayable => "body-not-replayable",
            Self::Policy => "policy",
            Self::Tunnel => "tunnel",
            Self::NotRedirect => "not-redirect",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::TooManyRedirects => "too many redirects; raise the limit if all are wanted",
            Self::Loop => "the same request was sent before",
            Self::MissingLocation => "there is no Location",
            Self::BadLocation => "its Location cannot be requested",
            Self::Scheme => "the scheme of its target is not allowed",
            Self::BodyNotReplayable => {
                "the content was sent and cannot be sent again; raise the replay limit, give a \
                 BodyFactory, or send Expect: 100-continue"
            }
            Self::Policy => "the policy refused it",
            Self::Tunnel => "CONNECT and Upgrade are about this server only",
            Self::NotRedirect => "the status is no redirect to follow",
        }
    }
}

/// Writes the name that [`as_str`](RefusalKind::as_str) returns.
impl fmt::Display for RefusalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refusal({:?}: {self})", self.inner.kind)
    }
}

impl error::Error for Refusal {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(kind: RefusalKind) -> Refusal {
        refusal_with(kind, None)
    }

    fn refusal_with(kind: RefusalKind, source: Option<crate::BoxError>) -> Refusal {
        let target = |uri| Target::new(Uri::from_static(uri), None).unwrap();
        let requested = target("https://u:secret@a.test/x?sig=secret");
        let target = Some(target("https://b.test/y?sig=secret"));
        let source = source.map(Into::into);
        Refusal::new(kind, (Method::PUT, requested), StatusCode::FOUND, target, source)
    }

    #[test]
    fn the_text_names_origin_and_path_and_nothing_secret() {
        let text = refusal(RefusalKind::Policy).to_string();
        let expected = "302 after PUT https://a.test/x?… to https://b.test/y?… was not followed: \
                        the policy refused it";
        assert_eq!(text, expected);
        assert!(!format!("{:?}", refusal(RefusalKind::Loop)).contains("secret"));
    }

    /// Whoever gave a factory need not be told to give one.
    #[test]
    fn a_factory_that_fails_is_the_reason() {
        let lost = refusal(RefusalKind::BodyNotReplayable).to_string();
        assert!(lost.contains("give a BodyFactory"), "{lost}");
        let failed = refusal_with(RefusalKind::BodyNotReplayable, Some("no such file".into()));
        let text = failed.to_string();
        assert!(text.ends_with(" was not followed: its content could not be made again"), "{text}");
        assert_eq!(error::Error::source(&failed).unwrap().to_string(), "no such file");
    }
}
