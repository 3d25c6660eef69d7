//! Why a redirect was not followed, and the error that says so and keeps the response.

use std::{error, fmt, sync::Arc};

use http::{Method, Response, StatusCode, Uri};
use http_body::Body;
use sync_wrapper::SyncWrapper;
use tower::BoxError;

use crate::{
    body::ResponseBody,
    history::History,
    rules::location::{Target, redacted},
};

/// Why a redirect was not followed.
///
/// Every 3xx that is handed back carries one in its extensions, and it is the
/// [`source`](error::Error::source) of an [`Error`] about a redirect, so it can be found behind a
/// [`BoxError`] too. Its text has the URIs without query and userinfo.
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

struct Inner {
    kind: RefusalKind,
    method: Method,
    requested: Target,
    status: StatusCode,
    target: Option<Target>,
    source: Option<Arc<dyn error::Error + Send + Sync>>,
}

/// The reason of a [`Refusal`].
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
    /// [`BodyFactory`](crate::BodyFactory) failed.
    BodyNotReplayable,
    /// The policy stopped, or failed.
    Policy,
    /// A CONNECT or an upgrade was redirected: it is about this connection, not about a resource.
    Tunnel,
    /// The status is 3xx but no redirect to follow: 300, 304, 305, 306 or an unknown one.
    NotRedirect,
}

impl Refusal {
    /// Returns the reason.
    pub fn kind(&self) -> RefusalKind {
        self.inner.kind
    }

    /// Returns the status of the response that is handed back.
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
        Self { inner: Arc::new(Inner { kind, method, requested, status, target, source }) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, method, requested, status, target, source } = &*self.inner;
        write!(f, "{} after {method} {}", status.as_u16(), redacted(requested.uri()))?;
        if let Some(target) = target {
            write!(f, " to {}", redacted(target.uri()))?;
        }
        f.write_str(" was not followed: ")?;
        match (kind, source) {
            // The source says what is wrong with this `Location`, in a sentence of ours.
            (RefusalKind::BadLocation | RefusalKind::Scheme, Some(source)) => source.fmt(f),
            (RefusalKind::BodyNotReplayable, Some(_)) => f.write_str("its BodyFactory failed"),
            _ => f.write_str(kind.sentence()),
        }
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

/// The error of a call: the inner service failed, or a redirect was refused.
///
/// It owns the response that was refused ([`into_response`](Self::into_response)). `R` is the inner
/// service's response body. The error is one pointer in size, and `Send + Sync + 'static` for every
/// response body that is `Send + 'static`, so that it becomes a [`BoxError`]. Its text is about its own
/// level; the [`source`](error::Error::source) is the inner service's error, or the [`Refusal`].
///
/// ```
/// # use http_body_util::Empty;
/// use tower_follow_redirect::Error;
///
/// # type Body = Empty<bytes::Bytes>;
/// fn status(error: Error<Body>) -> Option<http::StatusCode> {
///     Some(error.into_response()?.status())
/// }
/// ```
pub struct Error<R: Body> {
    kind: Box<Kind<R>>,
}

enum Kind<R: Body> {
    NotReady {
        source: BoxError,
    },
    Service {
        method: Method,
        requested: Target,
        history: Option<History>,
        source: BoxError,
    },
    Refused {
        refusal: Refusal,
        history: Option<History>,
        response: SyncWrapper<Response<ResponseBody<R>>>,
    },
}

impl<R: Body> Error<R> {
    /// Returns why a redirect was refused, or `None` if the inner service failed.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &*self.kind {
            Kind::Refused { refusal, .. } => Some(refusal),
            Kind::NotReady { .. } | Kind::Service { .. } => None,
        }
    }

    /// Returns the response that was refused, whole, with its [`Refusal`] and its
    /// [`History`](crate::History) in its extensions, or `None` if the inner service failed.
    pub fn into_response(self) -> Option<Response<ResponseBody<R>>> {
        match *self.kind {
            Kind::Refused { response, .. } => Some(response.into_inner()),
            Kind::NotReady { .. } | Kind::Service { .. } => None,
        }
    }

    /// Returns the URI of the request that failed or was redirected, without userinfo, or `None` if
    /// the inner service was not ready for any.
    pub fn uri(&self) -> Option<&Uri> {
        match &*self.kind {
            Kind::NotReady { .. } => None,
            Kind::Service { requested, .. } => Some(requested.uri()),
            Kind::Refused { refusal, .. } => Some(refusal.uri()),
        }
    }

    /// Returns the redirects that were followed before, if there were any.
    pub fn history(&self) -> Option<&History> {
        match &*self.kind {
            Kind::NotReady { .. } => None,
            Kind::Service { history, .. } | Kind::Refused { history, .. } => history.as_ref(),
        }
    }

    pub(crate) fn not_ready(source: impl Into<BoxError>) -> Self {
        Self { kind: Box::new(Kind::NotReady { source: source.into() }) }
    }

    pub(crate) fn service(
        (method, requested): (Method, Target),
        history: Option<History>,
        source: impl Into<BoxError>,
    ) -> Self {
        let source = source.into();
        Self { kind: Box::new(Kind::Service { method, requested, history, source }) }
    }

    pub(crate) fn refused(refusal: Refusal, response: Response<ResponseBody<R>>) -> Self {
        let history = History::of(&response).cloned();
        let response = SyncWrapper::new(response);
        Self { kind: Box::new(Kind::Refused { refusal, history, response }) }
    }
}

impl<R: Body> fmt::Display for Error<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            Kind::NotReady { .. } => f.write_str("the inner service is not ready"),
            Kind::Service { method, requested, history, .. } => {
                write!(f, "{method} {} failed", redacted(requested.uri()))?;
                match history.as_ref().map_or(0, |history| history.hops().len()) {
                    0 => Ok(()),
                    1 => f.write_str(", after a redirect"),
                    hops => write!(f, ", after {hops} redirects"),
                }
            }
            Kind::Refused { .. } => f.write_str("a redirect was refused"),
        }
    }
}

impl<R: Body> fmt::Debug for Error<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            Kind::NotReady { source } | Kind::Service { source, .. } => {
                write!(f, "Error({self}: {source:?})")
            }
            Kind::Refused { refusal, .. } => write!(f, "Error({refusal:?})"),
        }
    }
}

impl<R: Body> error::Error for Error<R> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &*self.kind {
            Kind::NotReady { source } | Kind::Service { source, .. } => Some(&**source),
            Kind::Refused { refusal, .. } => Some(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Empty;

    use super::*;

    type Body = Empty<bytes::Bytes>;

    fn refusal(kind: RefusalKind) -> Refusal {
        refusal_with(kind, None)
    }

    fn refusal_with(kind: RefusalKind, source: Option<BoxError>) -> Refusal {
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
        assert!(text.ends_with(" was not followed: its BodyFactory failed"), "{text}");
        assert_eq!(error::Error::source(&failed).unwrap().to_string(), "no such file");
    }

    #[test]
    fn an_error_is_one_pointer_and_becomes_a_box_error() {
        assert_eq!(size_of::<Error<Body>>(), size_of::<usize>());
        let response = Response::new(ResponseBody::new(Body::new()));
        let error: BoxError = Error::refused(refusal(RefusalKind::Loop), response).into();
        let source = error.source().and_then(|source| source.downcast_ref::<Refusal>());
        assert_eq!(source.map(Refusal::kind), Some(RefusalKind::Loop));
    }

    #[test]
    fn the_response_comes_back() {
        let mut response = Response::new(ResponseBody::new(Body::new()));
        *response.status_mut() = StatusCode::FOUND;
        let error = Error::refused(refusal(RefusalKind::Loop), response);
        assert_eq!(error.into_response().unwrap().status(), StatusCode::FOUND);
    }

    /// `Send + Sync + 'static` for a response body that is only `Send`.
    #[test]
    fn an_error_about_a_body_that_is_not_sync_is_sync() {
        fn is_box_error<T: Into<BoxError>>() {}
        is_box_error::<Error<http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, BoxError>>>();
    }
}
