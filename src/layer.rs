//! The layer, and with it all settings.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderName, StatusCode};
use tower_layer::Layer;

use crate::{
    call::Shared,
    observe::{HopEvent, Observer},
    policy::{Policy, Standard},
    rules::{location::LocationLimit, method::MethodRule},
    service::FollowRedirect,
    settings::{Drain, ExpectContinue, Loops, OnRefusal, Settings, keep},
};

/// Makes services that follow redirects, and holds their settings.
///
/// ```
/// use std::time::Duration;
/// use http::header::HeaderName;
/// use tower_follow_redirect::{ExpectContinue, FollowRedirectLayer, policy::HttpsOnly};
///
/// let layer = FollowRedirectLayer::new()
///     .with_policy(HttpsOnly)
///     .limit(5)
///     .sensitive_header(HeaderName::from_static("x-tenant-token"))
///     .expect_continue(ExpectContinue::default().wait(Duration::from_secs(2)));
/// ```
pub struct FollowRedirectLayer<P = Standard> {
    settings: Settings,
    policy: Arc<P>,
}

impl FollowRedirectLayer {
    /// Makes a layer with the policy [`Standard`] and the default settings.
    ///
    /// ```
    /// use http_body_util::Empty;
    /// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
    /// use tower::{Layer, ServiceBuilder};
    /// use tower_follow_redirect::{FollowRedirectLayer, ReplayBody};
    ///
    /// # type Body = Empty<bytes::Bytes>;
    /// let client = Client::builder(TokioExecutor::new()).build_http::<ReplayBody<Body>>();
    /// let client = FollowRedirectLayer::new().layer(client);
    /// ```
    pub fn new() -> Self {
        Self { settings: Settings::default(), policy: Arc::new(Standard) }
    }
}

impl<P> FollowRedirectLayer<P> {
    /// Sets the policy; by default it is [`Standard`].
    ///
    /// A request may bring its own ([`RequestPolicy`](crate::policy::RequestPolicy)).
    ///
    /// ```
    /// use tower_follow_redirect::{FollowRedirectLayer, Policy, policy::{HttpsOnly, Limited, SameOrigin}};
    ///
    /// let layer = FollowRedirectLayer::new().with_policy(HttpsOnly.and(SameOrigin).and(Limited::new(3)));
    /// ```
    #[must_use]
    pub fn with_policy<Q: Policy>(self, policy: Q) -> FollowRedirectLayer<Q> {
        FollowRedirectLayer { settings: self.settings, policy: Arc::new(policy) }
    }

    /// Sets how many redirects are followed; by default 20 ([Fetch §4.4]).
    ///
    /// With a limit of 0, the first redirect is refused.
    ///
    /// ```
    /// # use bytes::Bytes;
    /// # use http::{Request, Response, header::LOCATION};
    /// # use http_body_util::Empty;
    /// # use tower::{BoxError, Layer, ServiceExt, service_fn};
    /// use tower_follow_redirect::{FollowRedirectLayer, RefusalKind, ReplayBody};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// # type Body = Empty<Bytes>;
    /// let circle = service_fn(|_: Request<ReplayBody<Body>>| async {
    ///     Ok::<_, BoxError>(Response::builder().status(302).header(LOCATION, "/").body(Body::new())?)
    /// });
    /// let client = FollowRedirectLayer::new().limit(2).layer(circle);
    /// let error = client.oneshot(Request::get("http://a.test/").body(Body::new())?).await.unwrap_err();
    ///
    /// assert_eq!(error.refusal().unwrap().kind(), RefusalKind::TooManyRedirects);
    /// assert_eq!(error.history().unwrap().hops().len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [Fetch §4.4]: https://fetch.spec.whatwg.org/#http-redirect-fetch
    #[must_use]
    pub fn limit(self, redirects: usize) -> Self {
        self.set(|settings| settings.limit = redirects)
    }

    /// Sets how long a `Location` may be, and how often it may be there; by default 64 KiB, and 8 times
    /// the same. What passes that is a [bad `Location`](crate::RefusalKind::BadLocation).
    #[must_use]
    pub fn location_limit(self, limit: LocationLimit) -> Self {
        self.set(|settings| settings.location = limit)
    }

    /// Sets how long a call may take, with all its hops, up to the head of the response that is handed
    /// over; by default there is no limit.
    ///
    /// Then the call ends with an [`Error`](crate::Error) whose source is
    /// [`TotalTimeElapsed`](crate::TotalTimeElapsed), and which has the history; hop and upload are
    /// cancelled as if the call had been dropped. The time counts from the first poll. It includes what a
    /// policy waits for, such as a human's answer. Where there is no clock (see `timer`), it has no end.
    ///
    /// By itself the layer waits for no more than a [drain](Self::drain) per redirect, and a
    /// [peek](Self::peek_time) where a policy asks for one. All other time is the inner service's. A limit
    /// for each hop belongs inside of the layer, and one for the body of the last response is what it
    /// is without redirects: a matter of the client.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_follow_redirect::{Error, FollowRedirectLayer, TotalTimeElapsed};
    ///
    /// let layer = FollowRedirectLayer::new().total_time(Duration::from_secs(30));
    ///
    /// # type Body = http_body_util::Empty<bytes::Bytes>;
    /// fn is_late(error: &Error<Body>) -> bool {
    ///     std::error::Error::source(error).is_some_and(|source| source.is::<TotalTimeElapsed>())
    /// }
    /// ```
    #[must_use]
    pub fn total_time(self, time: Duration) -> Self {
        self.set(|settings| settings.total_time = Some(time))
    }

    /// Refuses a redirect that leads to a request which was sent before in the same chain.
    ///
    /// Two requests are the same if method, URI and credentials are: a POST that is answered 303
    /// with its own URI is no loop. A redirect that sets a cookie begins anew, for there may be a jar
    /// inside, and one for which a policy tells the inner service something is not looked at. By default a
    /// loop ends at the [limit](Self::limit), since a server may answer the same request otherwise the next
    /// time.
    ///
    /// ```
    /// # use bytes::Bytes;
    /// # use http::{Request, Response, header::LOCATION};
    /// # use http_body_util::Empty;
    /// # use tower::{BoxError, Layer, ServiceExt, service_fn};
    /// use tower_follow_redirect::{FollowRedirectLayer, RefusalKind, ReplayBody};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// # type Body = Empty<Bytes>;
    /// let circle = service_fn(|_: Request<ReplayBody<Body>>| async {
    ///     Ok::<_, BoxError>(Response::builder().status(302).header(LOCATION, "/").body(Body::new())?)
    /// });
    /// let client = FollowRedirectLayer::new().detect_loops().layer(circle);
    /// let error = client.oneshot(Request::get("http://a.test/").body(Body::new())?).await.unwrap_err();
    ///
    /// assert_eq!(error.refusal().unwrap().kind(), RefusalKind::Loop);
    /// assert!(error.history().is_none(), "nothing was followed");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn detect_loops(self) -> Self {
        self.set(|settings| settings.loops = Loops::Detect)
    }

    /// Sets what becomes of a redirect that is refused; by default the call ends with an
    /// [`Error`](crate::Error).
    #[must_use]
    pub fn on_refusal(self, on_refusal: OnRefusal) -> Self {
        self.set(|settings| settings.on_refusal = on_refusal)
    }

    /// Sets what 301, 302 or 303 does to the method.
    ///
    /// By default 301 and 302 make a POST a GET, and 303 makes everything but HEAD a GET.
    ///
    /// # Panics
    ///
    /// Panics for another status: 307 and 308 keep the method, and the rest are no redirects.
    ///
    /// ```
    /// use http::StatusCode;
    /// use tower_follow_redirect::{FollowRedirectLayer, rules::method::MethodRule};
    ///
    /// // As curl's --post301: a POST stays one, with its content.
    /// let layer = FollowRedirectLayer::new()
    ///     .method_rule(StatusCode::MOVED_PERMANENTLY, MethodRule::Keep);
    /// ```
    #[must_use]
    pub fn method_rule(self, status: StatusCode, rule: MethodRule) -> Self {
        self.set(|settings| match status {
            StatusCode::MOVED_PERMANENTLY => settings.methods.moved_permanently = rule,
            StatusCode::FOUND => settings.methods.found = rule,
            StatusCode::SEE_OTHER => settings.methods.see_other = rule,
            _ => panic!("{status} leaves no choice of method"),
        })
    }

    /// Adds a header field that never goes to another origin, unless a policy grants credentials.
    ///
    /// Those that [`rules::credentials`](crate::rules::credentials) lists need not be added, nor a
    /// value that is marked [sensitive](http::HeaderValue::set_sensitive).
    ///
    /// ```
    /// # use bytes::Bytes;
    /// # use http::{HeaderName, Request, Response, header::LOCATION};
    /// # use http_body_util::Empty;
    /// # use tower::{BoxError, Layer, ServiceExt, service_fn};
    /// use tower_follow_redirect::{FollowRedirectLayer, ReplayBody};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// # type Body = Empty<Bytes>;
    /// const TENANT: HeaderName = HeaderName::from_static("x-tenant");
    ///
    /// let server = service_fn(|request: Request<ReplayBody<Body>>| async move {
    ///     if request.uri().host() == Some("a.test") {
    ///         let away = Response::builder().status(307).header(LOCATION, "http://b.test/");
    ///         return Ok::<_, BoxError>(away.body(Body::new())?);
    ///     }
    ///     assert!(!request.headers().contains_key(TENANT));
    ///     Ok(Response::new(Body::new()))
    /// });
    /// let client = FollowRedirectLayer::new().sensitive_header(TENANT).layer(server);
    /// let request = Request::get("http://a.test/").header(TENANT, "1234").body(Body::new())?;
    /// assert_eq!(client.oneshot(request).await?.status(), 200);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn sensitive_header(self, name: HeaderName) -> Self {
        self.set(|settings| {
            settings.sensitive = settings.sensitive.iter().cloned().chain([name]).collect();
        })
    }

    /// Lets a type of request extension go along to another origin.
    ///
    /// Within an origin all extensions go along. To another origin none does, since they may tell who
    /// sent the request; unless they are allowed here, or a policy grants credentials.
    ///
    /// ```
    /// use tower_follow_redirect::FollowRedirectLayer;
    ///
    /// #[derive(Clone)]
    /// struct TraceId(u64);
    ///
    /// let layer = FollowRedirectLayer::new().keep_extension::<TraceId>();
    /// ```
    #[must_use]
    pub fn keep_extension<T: Clone + Send + Sync + 'static>(self) -> Self {
        self.set(|settings| settings.extensions.push(keep::<T>()))
    }

    /// Records a header field of every redirect that is followed, such as `Set-Cookie`, up to a
    /// [limit](Self::record_limit); see [`Hop::headers`](crate::Hop::headers).
    ///
    /// ```
    /// # use bytes::Bytes;
    /// # use http::{Request, Response, header::{LOCATION, SET_COOKIE}};
    /// # use http_body_util::Empty;
    /// # use tower::{BoxError, Layer, ServiceExt, service_fn};
    /// use tower_follow_redirect::{FollowRedirectLayer, History, ReplayBody};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// # type Body = Empty<Bytes>;
    /// let login = service_fn(|request: Request<ReplayBody<Body>>| async move {
    ///     let response = match request.uri().path() {
    ///         "/login" => Response::builder().status(303).header(LOCATION, "/").header(SET_COOKIE, "id=1"),
    ///         _ => Response::builder(),
    ///     };
    ///     Ok::<_, BoxError>(response.body(Body::new())?)
    /// });
    /// let client = FollowRedirectLayer::new().record_header(SET_COOKIE).layer(login);
    /// let response = client.oneshot(Request::post("http://a.test/login").body(Body::new())?).await?;
    ///
    /// let history = History::of(&response).expect("it was redirected");
    /// assert_eq!(history.hops()[0].headers()[SET_COOKIE], "id=1");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn record_header(self, name: HeaderName) -> Self {
        self.set(|settings| settings.record.push(name))
    }

    /// Sets how many bytes of header fields, names and values, are recorded in all hops of a call
    /// together; by default 64 KiB.
    ///
    /// A field that passes the limit is left out, and counted
    /// ([`Hop::headers_left_out`](crate::Hop::headers_left_out)).
    ///
    /// ```
    /// use http::header::SET_COOKIE;
    /// use tower_follow_redirect::FollowRedirectLayer;
    ///
    /// let layer = FollowRedirectLayer::new().record_header(SET_COOKIE).record_limit(4 * 1024);
    /// ```
    #[must_use]
    pub fn record_limit(self, bytes: usize) -> Self {
        self.set(|settings| settings.record_limit = bytes)
    }

    /// Sets how many bytes of content are recorded while they are sent, so that they can be sent
    /// again; by default 64 KiB.
    ///
    /// A redirect that needs the content, and comes after more than that was sent, is refused. There
    /// is no limit for content that comes in one piece, was not sent yet, is a file (`FileBody`, with
    /// the feature `fs`), or can be made again by a [`BodyFactory`](crate::BodyFactory). With the
    /// feature `spill` a temporary file takes what passes the limit. A request may have a limit of its own
    /// ([`ReplayLimit`](crate::ReplayLimit)).
    ///
    /// ```
    /// use tower_follow_redirect::FollowRedirectLayer;
    ///
    /// // A form is sent again, and a large upload that was begun is not.
    /// let layer = FollowRedirectLayer::new().replay_limit(1024 * 1024);
    /// ```
    #[must_use]
    pub fn replay_limit(self, bytes: u64) -> Self {
        self.set(|settings| settings.replay_limit = bytes)
    }

    /// Records in a temporary file what passes the [replay limit](Self::replay_limit).
    ///
    /// ```
    /// use tower_follow_redirect::{FollowRedirectLayer, Spill};
    ///
    /// // Up to 10 GiB of an upload are sent again, of which 64 KiB are in memory.
    /// let layer = FollowRedirectLayer::new().spill(Spill::up_to(10 << 30));
    /// ```
    #[cfg(feature = "spill")]
    #[must_use]
    pub fn spill(self, spill: crate::body::Spill) -> Self {
        self.set(|settings| settings.spill = Some(spill))
    }

    /// Sets when content waits for `100 Continue`, and how long; by default above 1 MiB, for one second.
    #[must_use]
    pub fn expect_continue(self, expect: ExpectContinue) -> Self {
        self.set(|settings| settings.expect = expect)
    }

    /// Sets how much of a redirect's body is read before the next request; by default 128 KiB, within
    /// 250 ms.
    #[must_use]
    pub fn drain(self, drain: Drain) -> Self {
        self.set(|settings| settings.drain = drain)
    }

    /// Sets how long a policy's [peek](crate::policy::Verdict::Peek) into a response body may take; by
    /// default 5 seconds. Then the policy sees what has come.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_follow_redirect::{FollowRedirectLayer, policy::S3};
    ///
    /// // S3 says in its XML where a bucket is, and says it at once.
    /// let layer = FollowRedirectLayer::new().with_policy(S3::new()).peek_time(Duration::from_secs(1));
    /// ```
    #[must_use]
    pub fn peek_time(self, time: Duration) -> Self {
        self.set(|settings| settings.peek_time = time)
    }

    /// Sets how many informational (1xx) responses a request may have, where the layer listens to them;
    /// by default 1000. More of them end the call
    /// ([`TooManyInformational`](crate::TooManyInformational)).
    ///
    /// ```
    /// use tower_follow_redirect::FollowRedirectLayer;
    ///
    /// // 100 Continue, and a few 103 Early Hints.
    /// let layer = FollowRedirectLayer::new().informational_limit(10);
    /// ```
    #[cfg(feature = "hyper")]
    #[must_use]
    pub fn informational_limit(self, responses: u32) -> Self {
        self.set(|settings| settings.informational_limit = responses)
    }

    /// Sets the clock for every wait; by default tokio's.
    ///
    /// Outside a tokio runtime the default has no clock, and nothing is waited for. (So it is in a
    /// runtime without `enable_time`, but there tokio prints a panic that is caught, and with
    /// `panic = "abort"` ends the process: enable the time, or set a timer.)
    ///
    /// ```
    /// use hyper_util::rt::TokioTimer;
    /// use tower_follow_redirect::FollowRedirectLayer;
    ///
    /// let layer = FollowRedirectLayer::new().timer(TokioTimer::new());
    /// ```
    #[cfg(feature = "hyper")]
    #[must_use]
    pub fn timer(self, timer: impl hyper::rt::Timer + Send + Sync + 'static) -> Self {
        let timer = crate::timer::Timer::Hyper(Arc::new(timer));
        self.set(|settings| settings.timer = timer)
    }

    /// Tells what happens in every call, hop by hop: for metrics and logs.
    ///
    /// It is told of calls with a policy of their own too, and cannot change anything. It runs in the task
    /// that polls the call, so it must not block, nor panic. Without it a call pays for the question
    /// whether there is one. (With the feature `tracing`, logs need no observer.)
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
    /// use tower_follow_redirect::{FollowRedirectLayer, HopOutcome};
    ///
    /// let followed = Arc::new(AtomicU64::new(0));
    /// let counter = Arc::clone(&followed);
    /// let layer = FollowRedirectLayer::new().observe(move |event| {
    ///     if let HopOutcome::Followed(_) = event.outcome() {
    ///         counter.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn observe(self, observe: impl Fn(&HopEvent<'_>) + Send + Sync + 'static) -> Self {
        self.set(|settings| settings.observer = Some(Observer::new(observe)))
    }

    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }
}

impl Default for FollowRedirectLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<P> Clone for FollowRedirectLayer<P> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone(), policy: Arc::clone(&self.policy) }
    }
}

/// A policy need not be `Debug`.
impl<P> fmt::Debug for FollowRedirectLayer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowRedirectLayer")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl<S, P> Layer<S> for FollowRedirectLayer<P> {
    type Service = FollowRedirect<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { settings, policy } = self.clone();
        FollowRedirect::sharing(Arc::new(Shared { settings, policy }), inner)
    }
}
