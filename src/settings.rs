//! What can be configured, apart from the policy.

use std::{sync::Arc, time::Duration};

use http::{Extensions, HeaderName};

use crate::{
    observe::Observer,
    origins::KnownOrigins,
    rules::{expect::Threshold, location::LocationLimit, method::MethodRules},
    timer::Timer,
};

/// The settings of a layer, shared by all calls.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) limit: usize,
    pub(crate) total_time: Option<Duration>,
    pub(crate) location: LocationLimit,
    pub(crate) loops: Loops,
    pub(crate) on_refusal: OnRefusal,
    pub(crate) methods: MethodRules,
    pub(crate) sensitive: Arc<[HeaderName]>,
    pub(crate) extensions: Vec<KeepExtension>,
    pub(crate) record: Vec<HeaderName>,
    pub(crate) record_limit: usize,
    pub(crate) replay_limit: u64,
    #[cfg(feature = "spill")]
    pub(crate) spill: Option<crate::body::Spill>,
    pub(crate) expect: ExpectContinue,
    /// Those that have answered `Expect: 100-continue` with 417.
    pub(crate) refusers: Arc<KnownOrigins>,
    pub(crate) drain: Drain,
    pub(crate) peek_time: Duration,
    pub(crate) informational_limit: u32,
    pub(crate) timer: Timer,
    pub(crate) observer: Option<Observer>,
}

/// How many redirects are followed, if nobody says otherwise.
pub(crate) const LIMIT: usize = 20;

impl Default for Settings {
    fn default() -> Self {
        Self {
            limit: LIMIT,
            total_time: None,
            location: LocationLimit::default(),
            loops: Loops::UntilLimit,
            on_refusal: OnRefusal::default(),
            methods: MethodRules::default(),
            sensitive: Arc::default(),
            extensions: kept_by_default(),
            record: Vec::new(),
            record_limit: 64 * 1024,
            replay_limit: 64 * 1024,
            #[cfg(feature = "spill")]
            spill: None,
            expect: ExpectContinue::default(),
            refusers: Arc::default(),
            drain: Drain::default(),
            peek_time: Duration::from_secs(5),
            informational_limit: 1000,
            timer: Timer::default(),
            observer: None,
        }
    }
}

/// Copies one type of extension, if it is there.
pub(crate) type KeepExtension = fn(&Extensions, &mut Extensions);

/// Makes what copies an extension.
pub(crate) fn keep<T: Clone + Send + Sync + 'static>() -> KeepExtension {
    |from, to| {
        if let Some(extension) = from.get::<T>() {
            to.insert(extension.clone());
        }
    }
}

/// What is about a whole call, wherever it leads.
fn kept_by_default() -> Vec<KeepExtension> {
    vec![
        #[cfg(feature = "permanent-cache")]
        keep::<crate::policy::permanent::RedirectCacheMode>(),
    ]
}

/// What ends a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loops {
    UntilLimit,
    Detect,
}

/// What becomes of a redirect that may not or cannot be followed.
///
/// It applies to the limit, a loop, a bad `Location`, the scheme, content that is lost, and a policy
/// that [fails](crate::policy::Decision::Fail). A policy's stop and a missing `Location` always give
/// the response.
///
/// ```
/// use tower_follow_redirect::{FollowRedirectLayer, OnRefusal};
///
/// let layer = FollowRedirectLayer::new().limit(3).on_refusal(OnRefusal::Return);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnRefusal {
    /// The call ends with an [`Error`](crate::Error), which owns the response. This is the default.
    #[default]
    Error,
    /// The call ends with the response; the [`Refusal`](crate::Refusal) is in its extensions.
    Return,
}

/// When an upload waits for `100 Continue`, and how long ([RFC 9110 §10.1.1]).
///
/// By default a request with more than 1 MiB of content, or of unknown length, is sent with
/// `Expect: 100-continue`, and its content waits for one second: a redirect that comes first costs
/// nothing. A caller's own `Expect: 100-continue` is honoured at any size; a caller's empty `Expect`
/// turns the waiting off, and is not sent.
///
/// The second begins when the transport first asks for the content. On a connection that does not
/// take the head at once that is before the head has left. Every hop has its own second. A policy that
/// knows the server may make the content wait until that has answered
/// ([`ExpectSupport`](crate::policy::ExpectSupport)).
///
/// A transport that reports no informational response (HTTP/2, reqwest) is not waited for.
///
/// A server that answers 417 gets the request once more, without the expectation. That is no
/// redirect, and counts as none. The server is [remembered](Self::remember_refusals), and not asked
/// again for a while.
///
/// ```
/// use std::time::Duration;
/// use tower_follow_redirect::{ExpectContinue, FollowRedirectLayer};
///
/// let expect = ExpectContinue::above(64 * 1024).wait(Duration::from_secs(3));
/// let layer = FollowRedirectLayer::new().expect_continue(expect);
/// ```
///
/// [RFC 9110 §10.1.1]: https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectContinue {
    pub(crate) threshold: Threshold,
    pub(crate) wait: Duration,
    pub(crate) unreported: Unreported,
    pub(crate) memory: Duration,
}

/// What an upload does whose transport will not report `100 Continue`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreported {
    SendAtOnce,
    Wait,
}

impl ExpectContinue {
    /// Waits where the content has more than so many `bytes`, or an unknown length.
    pub fn above(bytes: u64) -> Self {
        Self {
            threshold: Threshold::Above(bytes),
            wait: Duration::from_secs(1),
            unreported: Unreported::SendAtOnce,
            memory: Duration::from_secs(10 * 60),
        }
    }

    /// Waits only where the caller has set `Expect: 100-continue`.
    ///
    /// ```
    /// use http::{Request, header::EXPECT};
    /// use tower_follow_redirect::{ExpectContinue, FollowRedirectLayer};
    ///
    /// let layer = FollowRedirectLayer::new().expect_continue(ExpectContinue::when_asked());
    /// let request = Request::put("https://a.test/").header(EXPECT, "100-continue").body("content");
    /// ```
    pub fn when_asked() -> Self {
        Self { threshold: Threshold::WhenAsked, ..Self::default() }
    }

    /// Never waits. A caller's `Expect` is sent as it is.
    ///
    /// ```
    /// use tower_follow_redirect::{ExpectContinue, FollowRedirectLayer};
    ///
    /// // For servers that never redirect an upload, or that do not know the expectation.
    /// let layer = FollowRedirectLayer::new().expect_continue(ExpectContinue::off());
    /// ```
    pub fn off() -> Self {
        Self { threshold: Threshold::Off, ..Self::default() }
    }

    /// Sets how long the content waits, by default one second; then it is sent without an answer.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Sets how long an origin that has answered 417 is sent no expectation, a caller's own neither;
    /// by default ten minutes, and with zero it is not remembered.
    ///
    /// Up to 64 origins are remembered, by all clones of a layer.
    #[must_use]
    pub fn remember_refusals(mut self, time: Duration) -> Self {
        self.memory = time;
        self
    }

    /// Waits also on a transport that reports no informational response. A final response within that
    /// time saves the upload; every other upload begins late by all of it.
    #[must_use]
    pub fn wait_unreported(mut self) -> Self {
        self.unreported = Unreported::Wait;
        self
    }
}

impl Default for ExpectContinue {
    fn default() -> Self {
        Self::above(1024 * 1024)
    }
}

/// How much of a redirect's body is read before the next request, so that its connection can be
/// used again.
///
/// The default is 128 KiB and 250 milliseconds. A body that is larger or slower is dropped, and with
/// it, on HTTP/1, the connection.
///
/// ```
/// use std::time::Duration;
/// use tower_follow_redirect::{Drain, FollowRedirectLayer};
///
/// let drain = Drain::up_to(8 * 1024).within(Duration::from_millis(50));
/// let layer = FollowRedirectLayer::new().drain(drain);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
}

impl Drain {
    /// Reads at most so many bytes; with 0, a body that is not at its end is dropped at once.
    pub fn up_to(bytes: u64) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// Sets the longest time that is spent.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self { bytes: 128 * 1024, time: Duration::from_millis(250) }
    }
}
