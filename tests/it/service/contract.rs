//! Readiness, cancellation, errors of the inner service, and other layers around it.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Empty, Full};
use tower::{
    BoxError, Layer, Service, ServiceBuilder, ServiceExt, service_fn,
    util::{BoxCloneService, BoxService},
};
use tower_follow_redirect::{
    FollowRedirect, FollowRedirectLayer, History, Refusal, RefusalKind, ReplayBody, ResponseFuture,
    UploadCancelled,
    policy::{self, Attempt, Decision, Exchange, Policy, Standard, Verdict},
};
use tower_test::mock;

use crate::support::{
    HyperClient,
    body::{Length, Never, OneShot, Pieces},
    get,
    step::{Answer, Call, ok, redirect, send},
};

type NoBody = Empty<Bytes>;

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn readiness_is_awaited_for_every_hop() {
    let (inner, mut handle) = mock::pair::<Request<ReplayBody<NoBody>>, Answer>();
    let mut service = FollowRedirectLayer::new().layer(inner);
    handle.allow(0);
    assert!(poll(pin!(service.ready())).is_pending());
    handle.allow(1);
    let mut call = pin!(service.ready().await.unwrap().call(get("http://a.test/1")));
    let (_, first) = handle.next_request().await.unwrap();
    assert!(poll(call.as_mut()).is_pending());
    first.send_response(redirect(302, "/2"));
    assert!(poll(call.as_mut()).is_pending());
    assert!(handle.poll_request().is_pending(), "the service is not ready for the second hop");
    handle.allow(1);
    assert!(poll(call.as_mut()).is_pending());
    let (request, second) = handle.next_request().await.unwrap();
    assert_eq!(request.uri().path(), "/2");
    second.send_response(ok());
    assert_eq!(call.await.unwrap().status(), 200);
}

/// A service that is ready only where it was polled, and once.
struct Counted {
    number: usize,
    clones: Arc<AtomicUsize>,
    ready: bool,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        let number = self.clones.fetch_add(1, Ordering::SeqCst) + 1;
        Self { number, clones: Arc::clone(&self.clones), ready: false }
    }
}

impl Service<Request<ReplayBody<NoBody>>> for Counted {
    type Response = Answer;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Answer, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReplayBody<NoBody>>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "clone {} was not polled", self.number);
        let mut response = match request.uri().path() {
            "/3" => ok(),
            path => redirect(302, format!("/{}", path[1..].parse::<u32>().unwrap() + 1)),
        };
        response.extensions_mut().insert(self.number);
        std::future::ready(Ok(response))
    }
}

/// And the inner service is cloned once per call, not once per hop.
#[tokio::test]
async fn the_service_that_was_ready_makes_the_call_and_its_hops() {
    let clones = Arc::new(AtomicUsize::new(0));
    let inner = Counted { number: 0, clones: Arc::clone(&clones), ready: false };
    let mut service = FollowRedirectLayer::new().layer(inner);
    for call in 0..3 {
        let response = service.ready().await.unwrap().call(get("http://a.test/1")).await.unwrap();
        assert_eq!(response.extensions().get(), Some(&call));
        assert_eq!(clones.load(Ordering::SeqCst), call + 1);
    }
}

/// A waker that counts.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// All that can be done is done in one poll.
#[test]
fn a_hop_needs_no_extra_wake_up() {
    let clones = Arc::new(AtomicUsize::new(0));
    let mut service = FollowRedirect::new(Counted { number: 0, clones, ready: false });
    let wakes = Arc::new(Wakes::default());
    let waker = Arc::clone(&wakes).into();
    let mut cx = Context::from_waker(&waker);
    assert!(service.poll_ready(&mut cx).is_ready());
    let call = pin!(service.call(get("http://a.test/1")));
    let Poll::Ready(response) = call.poll(&mut cx) else { panic!("nothing is waited for") };
    assert_eq!(History::of(&response.unwrap()).unwrap().hops().len(), 2);
    assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
}

/// The future can be named, and spawned, with every body that can be sent.
#[test]
fn the_future_is_a_named_type_that_is_send() {
    fn is_send<T: Send + 'static>() {}
    is_send::<ResponseFuture<HyperClient<OneShot>, Standard, OneShot, hyper::body::Incoming>>();
    is_send::<ResponseFuture<HyperClient<NoBody>, Box<dyn Policy>, NoBody, Pieces>>();
    fn is_clone<T: Clone>() {}
    is_clone::<FollowRedirect<HyperClient<OneShot>>>();
    // A policy needs not be `Clone` for that.
    is_clone::<FollowRedirect<HyperClient<OneShot>, Box<dyn Policy>>>();
    is_clone::<FollowRedirectLayer<Box<dyn Policy>>>();
}

/// Counts that it was dropped.
struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn dropping_the_future_drops_the_inner_call() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dropped);
    let inner = service_fn(move |request: Request<ReplayBody<NoBody>>| {
        let guard = Guard(Arc::clone(&count));
        async move {
            if request.uri().path() == "/2" {
                std::future::pending::<()>().await;
            }
            drop(guard);
            Ok::<_, BoxError>(redirect(302, "/2"))
        }
    });
    let mut call = Box::pin(FollowRedirect::new(inner).oneshot(get("http://a.test/1")));
    assert!(poll(call.as_mut()).is_pending());
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    drop(call);
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
}

/// A transport that still has the body of the hop learns that nobody waits for it.
#[tokio::test]
async fn dropping_the_future_drops_the_content() {
    let (inner, mut handle) = mock::pair::<Request<ReplayBody<OneShot>>, Answer>();
    let (body, counts) = OneShot::new(100, 10, Length::Known);
    let request = Request::put("http://a.test/").body(body).unwrap();
    let mut call = Box::pin(FollowRedirect::new(inner).oneshot(request));
    assert!(poll(call.as_mut()).is_pending());
    let (request, _send) = handle.next_request().await.unwrap();
    let mut body = request.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 10);
    drop(call);
    assert_eq!((counts.read(), counts.dropped()), (10, 1));
    let error = body.frame().await.unwrap().unwrap_err();
    assert!(error.is::<UploadCancelled>(), "{error}");
}

/// While a redirect's body is drained, and while the service is not ready for the next hop.
#[tokio::test]
async fn dropping_the_future_between_two_hops_sends_nothing() {
    for pieces_end in [false, true] {
        let (inner, mut handle) = mock::pair::<Request<ReplayBody<OneShot>>, Response<Pieces>>();
        handle.allow(1);
        let (body, counts) = OneShot::new(100, 10, Length::Known);
        let request = Request::put("http://a.test/").body(body).unwrap();
        let mut call = Box::pin(FollowRedirect::new(inner).oneshot(request));
        assert!(poll(call.as_mut()).is_pending());
        let (_, send) = handle.next_request().await.unwrap();
        let (pieces, body) = Pieces::new();
        let response = Response::builder().status(307).header(header::LOCATION, "/2");
        send.send_response(response.body(body).unwrap());
        assert!(poll(call.as_mut()).is_pending());
        let pieces = if pieces_end { None } else { Some(pieces) };
        assert!(poll(call.as_mut()).is_pending());
        drop(call);
        assert_eq!((counts.read(), counts.dropped()), (0, 1));
        assert!(pieces.is_none_or(|pieces| pieces.is_closed()));
        handle.allow(1);
        assert!(handle.next_request().await.is_none());
    }
}

#[tokio::test]
async fn the_error_of_a_hop_names_it_and_is_the_source() {
    let mut call = Call::start(FollowRedirectLayer::new(), send("POST", "http://a.test/1", "x"));
    call.next().await.redirect(303, "http://u:secret@b.test/2?sig=secret");
    call.next().await.fail("no route to host");
    let error = call.end().await.unwrap_err();
    assert_eq!(error.to_string(), "GET http://b.test/2?… failed, after a redirect");
    assert!(error.refusal().is_none());
    let error: BoxError = error.into();
    assert_eq!(error.source().unwrap().to_string(), "no route to host");
    assert!(!format!("{error:?}").contains("secret"));
}

#[tokio::test]
async fn a_service_that_cannot_become_ready_is_an_error() {
    let (inner, mut handle) = mock::pair::<Request<ReplayBody<NoBody>>, Answer>();
    let mut service = FollowRedirect::new(inner);
    handle.send_error("closed");
    let error = poll_fn(|cx| service.poll_ready(cx)).await.unwrap_err();
    assert_eq!(error.to_string(), "the inner service is not ready");
    assert!(error.refusal().is_none());
    let error: BoxError = error.into();
    assert_eq!(error.source().unwrap().to_string(), "closed");
}

#[tokio::test]
async fn a_service_that_fails_between_two_hops_is_an_error_of_the_next() {
    let (inner, mut handle) = mock::pair::<Request<ReplayBody<NoBody>>, Answer>();
    let mut call = pin!(FollowRedirect::new(inner).oneshot(get("http://a.test/1")));
    assert!(poll(call.as_mut()).is_pending());
    let (_, first) = handle.next_request().await.unwrap();
    first.send_response(redirect(302, "/2"));
    handle.send_error("closed");
    let error = call.await.unwrap_err();
    assert_eq!(error.to_string(), "GET http://a.test/2 failed, after a redirect");
    assert!(error.into_response().is_none());
}

/// Redirects `/1` to `/2` to `/3`.
async fn server(request: Request<ReplayBody<Full<Bytes>>>) -> Result<Answer, BoxError> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    Ok(match request.uri().path() {
        "/1" => redirect(307, "/2"),
        "/2" => redirect(308, "/3"),
        "/loop" => redirect(302, "/loop"),
        _ => ok(),
    })
}

/// One permit is enough for a chain: it is given back before the next hop asks for it.
#[tokio::test(start_paused = true)]
async fn towers_layers_go_inside_and_outside() {
    let client = ServiceBuilder::new()
        .buffer(4)
        .timeout(Duration::from_secs(1))
        .concurrency_limit(4)
        .layer(FollowRedirectLayer::new())
        .buffer(4)
        .timeout(Duration::from_secs(1))
        .concurrency_limit(1)
        .service(service_fn(server));
    let calls: Vec<_> = (0..4)
        .map(|_| tokio::spawn(client.clone().oneshot(send("PUT", "http://a.test/1", "x"))))
        .collect();
    for call in calls {
        let response = call.await.unwrap().unwrap();
        assert_eq!(History::of(&response).unwrap().hops().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn the_service_and_the_inner_service_can_be_boxed() {
    let inner = BoxCloneService::new(service_fn(server));
    let boxed = BoxCloneService::new(FollowRedirect::new(inner));
    let once = BoxService::new(boxed.clone());
    let response = boxed.oneshot(send("PUT", "http://a.test/1", "x")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(once.oneshot(send("PUT", "http://a.test/1", "x")).await.unwrap().status(), 200);
}

/// Behind a buffer every error is a `BoxError`; the reason can still be found.
#[tokio::test(start_paused = true)]
async fn the_reason_is_found_behind_a_box_error() {
    let client = ServiceBuilder::new()
        .buffer(4)
        .layer(FollowRedirectLayer::new().limit(3))
        .service(service_fn(server));
    let error = client.oneshot(send("GET", "http://a.test/loop", "")).await.unwrap_err();
    let refusal = error.source().and_then(|source| source.downcast_ref::<Refusal>()).unwrap();
    assert_eq!(refusal.kind(), RefusalKind::TooManyRedirects);
    assert_eq!(refusal.status(), 302);
}

/// Waits for an answer that never comes.
#[tokio::test]
async fn dropping_the_future_drops_a_question() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dropped);
    let policy = policy::redirect_fn(move |_| {
        let guard = Guard(Arc::clone(&count));
        Verdict::ask(async move {
            std::future::pending::<()>().await;
            drop(guard);
            Decision::Follow
        })
    });
    let (inner, mut handle) = mock::pair::<Request<ReplayBody<OneShot>>, Answer>();
    let (body, counts) = OneShot::new(100, 10, Length::Known);
    let request = Request::put("http://a.test/").body(body).unwrap();
    let service = FollowRedirectLayer::new().with_policy(policy).layer(inner);
    let mut call = Box::pin(service.oneshot(request));
    assert!(poll(call.as_mut()).is_pending());
    let (_, first) = handle.next_request().await.unwrap();
    first.send_response(redirect(307, "/2"));
    assert!(poll(call.as_mut()).is_pending());
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    drop(call);
    assert_eq!((dropped.load(Ordering::SeqCst), counts.dropped()), (1, 1));
    assert!(handle.next_request().await.is_none());
}

/// Counts the requests of which it learns what came of them: answered, and not.
#[derive(Clone, Default)]
struct Concluded {
    answered: Arc<AtomicUsize>,
    unanswered: Arc<AtomicUsize>,
    verdict: Option<fn() -> Verdict>,
}

impl Policy for Concluded {
    fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
        self.verdict.map_or(Decision::Pass.into(), |verdict| verdict())
    }

    fn concluded(&self, exchange: &mut Exchange<'_>) {
        let count = if exchange.outcome().is_ok() { &self.answered } else { &self.unanswered };
        count.fetch_add(1, Ordering::SeqCst);
    }
}

/// Whatever the call waits for when its time is over, each request is concluded once.
#[tokio::test(start_paused = true)]
async fn a_policy_learns_of_every_request_before_the_time_is_over() {
    let asks: fn() -> Verdict = || Verdict::ask(std::future::pending::<Decision>());
    let peeks: fn() -> Verdict = || Verdict::Peek(100);
    for (verdict, redirects, expected) in
        [(None, 0, (0, 1)), (None, 2, (2, 1)), (Some(asks), 1, (1, 0)), (Some(peeks), 1, (1, 0))]
    {
        let policy = Concluded { verdict, ..Concluded::default() };
        let server = service_fn({
            let left = Arc::new(AtomicUsize::new(redirects));
            move |_: Request<ReplayBody<NoBody>>| {
                let is_there = |left: usize| left.checked_sub(1);
                let left = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_there);
                async move {
                    match left {
                        Ok(_) => {
                            let redirect =
                                Response::builder().status(302).header(header::LOCATION, "/");
                            // A body of which nothing comes.
                            Ok::<_, BoxError>(redirect.body(Never).unwrap())
                        }
                        Err(_) => std::future::pending().await,
                    }
                }
            }
        });
        let layer = FollowRedirectLayer::new().total_time(Duration::from_secs(1));
        let client = layer.with_policy(policy.clone()).layer(server);
        assert!(client.oneshot(get("http://a.test/")).await.is_err());
        let counts = (&policy.answered, &policy.unanswered);
        let counts = (counts.0.load(Ordering::SeqCst), counts.1.load(Ordering::SeqCst));
        assert_eq!(counts, expected, "{redirects} redirects");
    }
}
