//! The error of a call, which keeps the response if there is one.

use std::{error, fmt, time::Duration};

use http::{Method, Response, Uri};
use http_body::Body;
use sync_wrapper::SyncWrapper;

use crate::{
    BoxError,
    body::ResponseBody,
    history::History,
    policy::Failure,
    refusal::Refusal,
    rules::target::{Target, redacted},
};

/// The error of a call: the inner service failed, a redirect was refused, or a request might not leave.
///
/// It owns the response that was refused ([`into_response`](Self::into_response)). `R` is the inner
/// service's response body. The error is one pointer in size, and `Send + Sync + 'static` for every
/// response body that is `Send + 'static`, so that it becomes a [`BoxError`]. Its text is about its own
/// level; the [`source`](error::Error::source) is the inner service's error, the [`Refusal`], or what the
/// policy has [against the request](Self::not_admitted).
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
        /// None where the redirect was remembered: then nothing was sent.
        response: Option<SyncWrapper<Response<ResponseBody<R>>>>,
    },
    NotSent {
        method: Method,
        requested: Target,
        history: Option<History>,
        failure: Failure,
    },
}

impl<R: Body> Error<R> {
    /// Returns why a redirect was refused, or `None` if it is about something else.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &*self.kind {
            Kind::Refused { refusal, .. } => Some(refusal),
            Kind::NotReady { .. } | Kind::Service { .. } | Kind::NotSent { .. } => None,
        }
    }

    /// Returns what the policy has against a request that it did not [admit](crate::Policy::admit), or
    /// `None` if it is about something else. Nothing was sent then to where that request would go.
    pub fn not_admitted(&self) -> Option<&Failure> {
        match &*self.kind {
            Kind::NotSent { failure, .. } => Some(failure),
            Kind::NotReady { .. } | Kind::Service { .. } | Kind::Refused { .. } => None,
        }
    }

    /// Returns the response that was refused, whole, with its [`Refusal`] and its
    /// [`History`](crate::History) in its extensions, or `None` if the inner service failed, or nothing
    /// was sent: the redirect was [remembered](Refusal::is_from_cache), or the request not
    /// [admitted](Self::not_admitted).
    pub fn into_response(self) -> Option<Response<ResponseBody<R>>> {
        match *self.kind {
            Kind::Refused { response, .. } => response.map(SyncWrapper::into_inner),
            Kind::NotReady { .. } | Kind::Service { .. } | Kind::NotSent { .. } => None,
        }
    }

    /// Returns the URI of the request that failed, was redirected or not sent, without userinfo, or `None` if
    /// the inner service was not ready for any.
    pub fn uri(&self) -> Option<&Uri> {
        match &*self.kind {
            Kind::NotReady { .. } => None,
            Kind::Service { requested, .. } | Kind::NotSent { requested, .. } => {
                Some(requested.uri())
            }
            Kind::Refused { refusal, .. } => Some(refusal.uri()),
        }
    }

    /// Returns the redirects that were followed before, if there were any.
    pub fn history(&self) -> Option<&History> {
        match &*self.kind {
            Kind::NotReady { .. } => None,
            Kind::Service { history, .. }
            | Kind::Refused { history, .. }
            | Kind::NotSent { history, .. } => history.as_ref(),
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

    /// Makes the error of a request that the policy did not let leave.
    pub(crate) fn not_sent(
        (method, requested): (Method, Target),
        history: Option<History>,
        failure: Failure,
    ) -> Self {
        Self { kind: Box::new(Kind::NotSent { method, requested, history, failure }) }
    }

    pub(crate) fn refused(refusal: Refusal, response: Response<ResponseBody<R>>) -> Self {
        let history = History::of(&response).cloned();
        let response = Some(SyncWrapper::new(response));
        Self { kind: Box::new(Kind::Refused { refusal, history, response }) }
    }

    /// Makes the error of a remembered redirect, for which nothing was sent.
    pub(crate) fn remembered(refusal: Refusal, history: Option<History>) -> Self {
        Self { kind: Box::new(Kind::Refused { refusal, history, response: None }) }
    }
}

impl<R: Body> fmt::Display for Error<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            Kind::NotReady { .. } => f.write_str("the inner service is not ready"),
            Kind::Service { method, requested, history, .. } => {
                write!(f, "{method} {} failed", redacted(requested.uri()))?;
                write_after(f, history.as_ref())
            }
            Kind::NotSent { method, requested, history, .. } => {
                write!(
                    f,
                    "{method} {} was not sent: the policy forbids it",
                    redacted(requested.uri())
                )?;
                write_after(f, history.as_ref())
            }
            Kind::Refused { refusal, .. } => {
                let uri = redacted(refusal.uri());
                let redirected = match refusal.is_from_cache() {
                    true => "is remembered as redirected",
                    false => "was redirected",
                };
                write!(f, "{} {uri} {redirected}, and that was refused", refusal.method())
            }
        }
    }
}

fn write_after(f: &mut fmt::Formatter<'_>, history: Option<&History>) -> fmt::Result {
    match history.map_or(0, |history| history.hops().len()) {
        0 => Ok(()),
        1 => f.write_str(", after a redirect"),
        hops => write!(f, ", after {hops} redirects"),
    }
}

impl<R: Body> fmt::Debug for Error<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            Kind::NotReady { source } | Kind::Service { source, .. } => {
                write!(f, "Error({self}: {source:?})")
            }
            Kind::Refused { refusal, .. } => write!(f, "Error({refusal:?})"),
            Kind::NotSent { failure, .. } => write!(f, "Error({self}: {failure:?})"),
        }
    }
}

impl<R: Body> error::Error for Error<R> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &*self.kind {
            Kind::NotReady { source } | Kind::Service { source, .. } => Some(&**source),
            Kind::Refused { refusal, .. } => Some(refusal),
            Kind::NotSent { failure, .. } => failure.source.as_deref().map(|source| source as _),
        }
    }
}

/// A call took longer than its [total time](crate::FollowRedirectLayer::total_time): the
/// [`source`](error::Error::source) of its [`Error`].
///
/// ```
/// use std::{error::Error, time::Duration};
/// use tower::BoxError;
/// use tower_follow_redirect::TotalTimeElapsed;
///
/// /// For how long it was tried, if that was too short.
/// fn tried(error: &BoxError) -> Option<Duration> {
///     Some(error.source()?.downcast_ref::<TotalTimeElapsed>()?.limit())
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct TotalTimeElapsed {
    pub(crate) limit: Duration,
}

impl TotalTimeElapsed {
    /// Returns the time that it had.
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

impl fmt::Display for TotalTimeElapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "all hops together took longer than {:?}", self.limit)
    }
}

impl error::Error for TotalTimeElapsed {}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http_body_util::Empty;

    use super::*;
    use crate::refusal::RefusalKind;

    type Body = Empty<bytes::Bytes>;

    fn refusal(kind: RefusalKind) -> Refusal {
        let requested = Target::new(Uri::from_static("https://a.test/x"), None).unwrap();
        Refusal::new(kind, (Method::PUT, requested), StatusCode::FOUND, None, None)
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
