//! What happens in a call, hop by hop, for metrics and logs.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use http::{Method, StatusCode, Uri};

#[cfg(feature = "hyper")]
use crate::informational::TooManyInformational;
use crate::{
    error::TotalTimeElapsed,
    policy::Failure,
    refusal::Refusal,
    rules::target::{Target, redacted},
};

/// What came of one request of a call, as
/// [`FollowRedirectLayer::observe`](crate::FollowRedirectLayer::observe) tells it.
///
/// There is one event for every request that was sent, and one for every remembered redirect that was
/// followed in place of a request; the last event of a call says [how it ended](HopOutcome::ends_call). A
/// remembered redirect that is passed over, since the server is asked instead, has none. Where a call ends
/// between two requests, or goes back from a remembered redirect before anything was sent, there is one more:
/// it has the URI that the call was at, no response, and nothing sent.
///
/// Its `Debug` shows no query, no userinfo and no header field.
///
/// ```
/// use tower_follow_redirect::{FollowRedirectLayer, HopEvent};
///
/// fn log(event: &HopEvent<'_>) {
///     let (method, outcome) = (event.method(), event.outcome().as_str());
///     let (status, sent) = (event.status(), event.body_bytes_sent());
///     println!("{method} {outcome} {status:?}, {sent} bytes, {:?}", event.elapsed());
/// }
///
/// let layer = FollowRedirectLayer::new().observe(log);
/// ```
pub struct HopEvent<'a> {
    pub(crate) method: &'a Method,
    pub(crate) requested: &'a Target,
    pub(crate) about: About,
    pub(crate) outcome: HopOutcome<'a>,
    pub(crate) elapsed: Duration,
    pub(crate) body_bytes_sent: u64,
    pub(crate) resends: u32,
    pub(crate) redirects: usize,
    pub(crate) call_elapsed: Duration,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Response(StatusCode),
    /// A remembered redirect, which was followed instead of sending the request.
    Memory(StatusCode),
    /// There is no response.
    Nothing,
}

impl<'a> HopEvent<'a> {
    /// Returns the method of the request.
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// Returns the URI of the request, without userinfo. Its query may be secret, and its path is
    /// whatever a server wrote: both are too much for the label of a metric.
    pub fn uri(&self) -> &'a Uri {
        self.requested.uri()
    }

    /// Returns the status of the response, or of the remembered redirect, or `None` if there was none.
    pub fn status(&self) -> Option<StatusCode> {
        match self.about {
            About::Response(status) | About::Memory(status) => Some(status),
            About::Nothing => None,
        }
    }

    /// Returns whether it is about a redirect that was remembered from an earlier call. Nothing was sent
    /// then.
    pub fn is_from_cache(&self) -> bool {
        matches!(self.about, About::Memory(_))
    }

    /// Returns what came of the request.
    pub fn outcome(&self) -> HopOutcome<'a> {
        self.outcome
    }

    /// Returns the time from the request to the head of its response, or to now if there is none; zero
    /// where nothing was sent.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Returns how many bytes of content the inner service has taken from this request's body so far. An
    /// upload may go on beside its response.
    pub fn body_bytes_sent(&self) -> u64 {
        self.body_bytes_sent
    }

    /// Returns how many requests this call had sent before this one: `http.request.resend_count`.
    pub fn resend_count(&self) -> u32 {
        self.resends
    }

    /// Returns how many redirects were followed before, remembered ones too.
    pub fn redirects(&self) -> usize {
        self.redirects
    }

    /// Returns the time since the call began.
    pub fn call_elapsed(&self) -> Duration {
        self.call_elapsed
    }
}

/// Shows neither queries nor header fields: both may be secret.
impl fmt::Debug for HopEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HopEvent")
            .field("method", &self.method)
            .field("uri", &format_args!("{}", redacted(self.uri())))
            .field("status", &self.status())
            .field("from_cache", &self.is_from_cache())
            .field("outcome", &self.outcome)
            .field("elapsed", &self.elapsed)
            .field("body_bytes_sent", &self.body_bytes_sent)
            .field("resend_count", &self.resends)
            .finish_non_exhaustive()
    }
}

/// What came of a request.
///
/// ```
/// use tower_follow_redirect::{FollowRedirectLayer, HopOutcome};
///
/// let layer = FollowRedirectLayer::new().observe(|event| match event.outcome() {
///     HopOutcome::Followed(target) => println!("to {}", target.uri().path()),
///     HopOutcome::Failed(error) => println!("{error}"),
///     outcome if outcome.ends_call() => println!("{}", outcome.as_str()),
///     _ => {}
/// });
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum HopOutcome<'a> {
    /// It was redirected, and the redirect is followed to this target.
    Followed(&'a Target),
    /// The server refused its `Expect` with 417: it is sent again without.
    Repeated,
    /// The remembered redirects that led here are wrong: the request that they began with is sent.
    Retracted,
    /// The response is handed over. A 3xx has the reason why it is not followed.
    Returned(Option<&'a Refusal>),
    /// The redirect is refused, and the call ends with an [`Error`](crate::Error).
    Refused(&'a Refusal),
    /// The policy did not [admit](crate::Policy::admit) the request: it was not sent.
    NotAdmitted(&'a Failure),
    /// The inner service failed, or the call took too long.
    Failed(&'a (dyn Error + Send + Sync + 'static)),
    /// The call was dropped before it had an end. Between two requests, this is about the one that was
    /// sent last, and counts nothing of it again.
    Dropped,
}

impl<'a> HopOutcome<'a> {
    /// Returns whether the call ends with it.
    pub fn ends_call(self) -> bool {
        match self {
            Self::Followed(_) | Self::Repeated | Self::Retracted => false,
            Self::Returned(_)
            | Self::Refused(_)
            | Self::NotAdmitted(_)
            | Self::Failed(_)
            | Self::Dropped => true,
        }
    }

    /// Returns why a redirect was not followed, if it was not.
    pub fn refusal(self) -> Option<&'a Refusal> {
        match self {
            Self::Returned(refusal) => refusal,
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Returns a name for logs and metrics, such as `followed` or `not-admitted`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Followed(_) => "followed",
            Self::Repeated => "repeated",
            Self::Retracted => "retracted",
            Self::Returned(_) => "returned",
            Self::Refused(_) => "refused",
            Self::NotAdmitted(_) => "not-admitted",
            Self::Failed(_) => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// Returns what the call's error is about, as a name for logs and metrics, or `None` if it has not
    /// ended with one: the [reason](crate::RefusalKind::as_str) of a refusal, `not-admitted`,
    /// `total-time-elapsed`, `too-many-informational`, or `inner-service`.
    pub fn error_type(self) -> Option<&'static str> {
        match self {
            Self::Refused(refusal) => Some(refusal.kind().as_str()),
            Self::NotAdmitted(_) => Some("not-admitted"),
            Self::Failed(error) if error.is::<TotalTimeElapsed>() => Some("total-time-elapsed"),
            #[cfg(feature = "hyper")]
            Self::Failed(error) if error.is::<TooManyInformational>() => {
                Some("too-many-informational")
            }
            Self::Failed(_) => Some("inner-service"),
            Self::Followed(_)
            | Self::Repeated
            | Self::Retracted
            | Self::Returned(_)
            | Self::Dropped => None,
        }
    }
}

/// Shows no error of the inner service: its text may have the whole URL.
impl fmt::Debug for HopOutcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Followed(target) => f.debug_tuple("Followed").field(target).finish(),
            outcome => match outcome.refusal() {
                Some(refusal) => write!(f, "{}({})", outcome.as_str(), refusal.kind().as_str()),
                None => f.write_str(outcome.as_str()),
            },
        }
    }
}

/// Who is told.
#[derive(Clone)]
pub(crate) struct Observer(Arc<dyn Fn(&HopEvent<'_>) + Send + Sync>);

impl Observer {
    pub(crate) fn new(observe: impl Fn(&HopEvent<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observe))
    }

    pub(crate) fn tell(&self, event: &HopEvent<'_>) {
        (self.0)(event);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}
