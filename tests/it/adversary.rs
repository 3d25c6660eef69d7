//! Attacks: what a hostile server, a racing transport or an odd body could do.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    BodyFactory, ExpectContinue, FollowRedirectLayer, OnRefusal, RefusalKind, ReplayBody,
    policy::{self, Decision, Policy, Verdict},
};
use tower_test::mock;

use crate::support::{
    body::{Length, Never, OneShot, is_part},
    eventually, get, hyper_client,
    raw::{self, OK, Server, field},
    step::{Answer, Call, End, ok, reason, redirect, status},
    text,
};

type Interference = Box<dyn FnOnce() + Send>;
type Frames = VecDeque<Result<Frame<Bytes>, BoxError>>;

/// A body of given frames. While its first frame is polled, something else happens.
struct Script {
    frames: Frames,
    interfere: Arc<Mutex<Option<Interference>>>,
}

impl Script {
    fn new(frames: impl IntoIterator<Item = Result<&'static str, &'static str>>) -> Self {
        let frames = frames.into_iter().map(|frame| match frame {
            Ok(text) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
            Err(error) => Err(error.into()),
        });
        Self { frames: frames.collect(), interfere: Arc::default() }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let interfere = self.interfere.lock().unwrap().take();
        if let Some(interfere) = interfere {
            interfere();
        }
        Poll::Ready(self.frames.pop_front())
    }
}

/// A call that a body drives on while it is itself polled, as if on another thread.
type Shared = Arc<Mutex<Pin<Box<dyn Future<Output = End> + Send>>>>;

fn drive(call: &Shared) -> Poll<End> {
    call.lock().unwrap().as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Sends `request`, answers it with 307 while a frame is being polled for the first hop (after
/// `before` frames), and returns what came on the first and on the second hop.
async fn race(request: Request<Script>, before: usize) -> (Vec<String>, Result<String, String>) {
    let interfere = Arc::clone(&request.body().interfere);
    let (inner, mut handle) = mock::pair::<Request<ReplayBody<Script>>, Answer>();
    let service = FollowRedirectLayer::new().layer(inner);
    let call: Shared = Arc::new(Mutex::new(Box::pin(service.oneshot(request))));
    assert!(drive(&call).is_pending());
    let (first, answer) = handle.next_request().await.unwrap();
    let mut first = first.into_body();
    let mut seen = Vec::new();
    for _ in 0..before {
        seen.push(show(first.frame().await));
    }
    let meanwhile = Arc::clone(&call);
    *interfere.lock().unwrap() = Some(Box::new(move || {
        let mut response = redirect(307, "/2");
        *response.body_mut() = Full::default();
        answer.send_response(response);
        assert!(drive(&meanwhile).is_pending());
    }));
    seen.push(show(first.frame().await));
    assert!(drive(&call).is_pending());
    let (second, _answer) = handle.next_request().await.unwrap();
    let second = second.into_body().collect().await;
    let second = second
        .map(|content| String::from_utf8(content.to_bytes().into()).unwrap())
        .map_err(|error| error.to_string());
    (seen, second)
}

fn show(frame: Option<Result<Frame<Bytes>, BoxError>>) -> String {
    match frame {
        None => "end".into(),
        Some(Err(error)) => format!("error: {error}"),
        Some(Ok(frame)) => String::from_utf8(frame.into_data().unwrap().into()).unwrap(),
    }
}

/// A body that fails while the redirect is decided must not become a short, complete upload.
#[tokio::test]
async fn a_body_that_fails_in_a_racing_poll_fails_on_the_next_hop() {
    for before in [0, 1, 2] {
        let frames = ["one ", "two "].into_iter().take(before).map(Ok).chain([Err("disk")]);
        let request = Request::put("http://a.test/1").body(Script::new(frames)).unwrap();
        let (first, second) = race(request, before).await;
        assert!(second.is_err(), "{before}: {first:?} then {second:?}");
    }
}

/// What a racing poll takes out of a body that is not recorded must not be missing on the next hop.
#[tokio::test]
async fn a_factory_makes_up_for_what_a_racing_poll_took() {
    for before in [0, 1] {
        let make = || Script::new([Ok("one "), Ok("two "), Ok("three")]);
        let mut request = Request::put("http://a.test/1").body(make()).unwrap();
        request.extensions_mut().insert(BodyFactory::new(make));
        let (first, second) = race(request, before).await;
        assert_eq!(second.as_deref(), Ok("one two three"), "{before}: {first:?}");
    }
}

#[tokio::test]
async fn a_record_makes_up_for_what_a_racing_poll_took() {
    for before in [0, 1, 2] {
        let body = Script::new([Ok("one "), Ok("two "), Ok("three")]);
        let request = Request::put("http://a.test/1").body(body).unwrap();
        let (first, second) = race(request, before).await;
        assert_eq!(second.as_deref(), Ok("one two three"), "{before}: {first:?}");
    }
}

/// The record is bounded, whatever the content is made of: they are not in it, and nothing is lost.
#[tokio::test]
async fn frames_without_a_byte_do_not_fill_the_memory() {
    let body = Script::new(std::iter::repeat_n(Ok(""), 70_000));
    let request = Request::put("http://a.test/1").body(body).unwrap();
    let mut call = Call::start(FollowRedirectLayer::new(), request);
    let mut first = call.next().await;
    first.head.extensions.clear();
    for _ in 0..69_999 {
        assert_eq!(show(first.body.frame().await), "");
    }
    first.redirect(307, "/2");
    let mut second = call.next().await;
    // Of 70,000 only the last is left.
    assert_eq!(show(second.body.frame().await), "");
    assert!(second.body.frame().await.is_none());
    second.answer(ok());
    call.end().await.unwrap();
}

/// A response body that must not be polled after its end, as those made of `stream::unfold`.
struct Strict {
    frames: VecDeque<&'static str>,
    ended: bool,
    fails: bool,
}

impl Strict {
    fn new(frames: &[&'static str]) -> Self {
        Self { frames: frames.iter().copied().collect(), ended: false, fails: false }
    }
}

impl Body for Strict {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        assert!(!self.ended, "polled after its end");
        Poll::Ready(match self.frames.pop_front() {
            Some(text) => Some(Ok(Frame::data(Bytes::from_static(text.as_bytes())))),
            None => {
                self.ended = true;
                self.fails.then(|| Err("cut".into()))
            }
        })
    }
}

fn peek_and(decision: Decision) -> impl Policy {
    policy::redirect_fn(move |attempt| match attempt.peeked() {
        None => Verdict::Peek(1000),
        Some(_) => decision.clone().into(),
    })
}

/// A service that answers /1 with a redirect to /2 whose body is `body`, and all else with 200.
async fn strict(path: &str, body: Strict) -> Result<Response<Strict>, BoxError> {
    let response = Response::builder();
    Ok(match path {
        "/1" => response.status(302).header(header::LOCATION, "/2").body(body)?,
        _ => response.body(Strict::new(&["ok"]))?,
    })
}

#[tokio::test]
async fn a_body_that_was_peeked_to_its_end_is_not_polled_again() {
    for decision in [Decision::Stop, Decision::Follow, Decision::fail("no")] {
        let server = service_fn(|request: Request<ReplayBody<Empty<Bytes>>>| {
            let path = request.uri().path().to_owned();
            async move { strict(&path, Strict::new(&["see ", "there"])).await }
        });
        let client = FollowRedirectLayer::new()
            .with_policy(peek_and(decision.clone()))
            .on_refusal(OnRefusal::Return)
            .layer(server);
        let response = client.oneshot(get("http://a.test/1")).await.unwrap();
        let expected = if response.status() == 200 { "ok" } else { "see there" };
        let text = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(text, expected, "{decision:?}");
    }
}

#[tokio::test]
async fn a_body_that_failed_while_it_was_peeked_gives_its_error_and_is_not_drained_further() {
    for decision in [Decision::Stop, Decision::Follow] {
        let server = service_fn(|request: Request<ReplayBody<Empty<Bytes>>>| {
            let path = request.uri().path().to_owned();
            async move { strict(&path, Strict { fails: true, ..Strict::new(&["see "]) }).await }
        });
        let client = FollowRedirectLayer::new().with_policy(peek_and(decision)).layer(server);
        let response = client.oneshot(get("http://a.test/1")).await.unwrap();
        let redirected = response.status() == 302;
        let mut body = response.into_body();
        assert!(body.frame().await.unwrap().is_ok());
        assert!(!redirected || body.frame().await.unwrap().is_err());
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Token(&'static str);

/// Sets an extension at the first hop, for the services below that send to that origin.
fn sets_an_extension() -> impl Policy {
    policy::redirect_fn(|attempt| {
        if attempt.hops().is_empty() {
            attempt.next_extensions().insert(Token("for b"));
        }
        Decision::FollowWithCredentials
    })
}

/// What a policy sets is for one origin: a grant of the caller's credentials is not about it.
#[tokio::test]
async fn an_extension_that_a_policy_set_stays_with_its_origin() {
    for layer in [
        FollowRedirectLayer::new().with_policy(sets_an_extension()),
        FollowRedirectLayer::new().keep_extension::<Token>().with_policy(sets_an_extension()),
    ] {
        let mut call = Call::start(layer, get("http://a.test/"));
        call.next().await.redirect(302, "http://b.test/");
        let at_b = call.next().await;
        assert_eq!(at_b.head.extensions.get(), Some(&Token("for b")));
        at_b.redirect(302, "http://c.test/");
        let at_c = call.next().await;
        assert_eq!(at_c.head.extensions.get::<Token>(), None);
        at_c.answer(ok());
    }
}

#[tokio::test]
async fn a_header_that_a_policy_set_stays_with_its_origin_even_where_credentials_are_granted() {
    let policy = policy::redirect_fn(|attempt| {
        if attempt.hops().is_empty() {
            attempt.set_header(header::AUTHORIZATION, HeaderValue::from_static("for b"));
        }
        Decision::FollowWithCredentials
    });
    let layer = FollowRedirectLayer::new().with_policy(policy);
    let mut request = get("http://a.test/");
    request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("of a"));
    let mut call = Call::start(layer, request);
    call.next().await.redirect(302, "http://b.test/");
    let at_b = call.next().await;
    assert_eq!(at_b.field("authorization"), Some("for b"));
    at_b.redirect(302, "/2");
    let at_b = call.next().await;
    assert_eq!(at_b.field("authorization"), Some("for b"));
    at_b.redirect(302, "http://c.test/");
    let at_c = call.next().await;
    assert_eq!(at_c.field("authorization"), None);
    at_c.answer(ok());
}

/// A field may be repeated more often than a map can have fields.
#[tokio::test]
async fn a_field_that_is_repeated_very_often_survives() {
    let mut request = get("http://a.test/1");
    for _ in 0..40_000 {
        request.headers_mut().append("x-many", HeaderValue::from_static("v"));
    }
    let mut call = Call::start(FollowRedirectLayer::new(), request);
    call.next().await.redirect(302, "/2");
    let second = call.next().await;
    assert_eq!(second.head.headers.get_all("x-many").iter().count(), 40_000);
    second.answer(ok());
}

/// Never to end, without a byte.
struct Void;

impl Body for Void {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
    }
}

/// Redirects `/1` with a body that never ends, and sends back what comes elsewhere.
async fn redirect_without_an_end(
    request: Request<ReplayBody<Script>>,
) -> Result<Response<UnsyncBoxBody<Bytes, BoxError>>, BoxError> {
    let (head, body) = request.into_parts();
    let response = Response::builder();
    Ok(match head.uri.path() {
        "/1" => response.status(307).header(header::LOCATION, "/2").body(Never.boxed_unsync())?,
        _ => {
            let content = Full::from(body.collect().await?.to_bytes());
            response.body(content.map_err(BoxError::from).boxed_unsync())?
        }
    })
}

/// A runtime may have no clock. Then nothing waits, and nothing panics.
#[test]
fn nothing_panics_in_a_runtime_without_a_clock() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let client = FollowRedirectLayer::new()
        .expect_continue(ExpectContinue::default().wait_unreported())
        .layer(service_fn(redirect_without_an_end));
    let request = Request::put("http://a.test/1").body(Script::new([Ok("ha "), Ok("ha")])).unwrap();
    let response = runtime.block_on(client.oneshot(request)).unwrap();
    let text = runtime.block_on(response.into_body().collect()).unwrap().to_bytes();
    assert_eq!(text, "ha ha");
}

/// Runs on a thread of its own, since what never yields cannot be timed out.
fn within<F: Future<Output = ()>>(time: Duration, what: impl FnOnce() -> F + Send + 'static) {
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(what());
        let _ = done.send(());
    });
    wait.recv_timeout(time).expect("it ends");
}

#[test]
fn draining_ends_although_the_body_never_does() {
    within(Duration::from_secs(5), || async {
        let server = service_fn(|request: Request<ReplayBody<Empty<Bytes>>>| async move {
            let response = Response::builder();
            Ok::<_, BoxError>(match request.uri().path() {
                "/1" => response.status(302).header(header::LOCATION, "/2").body(Void)?,
                _ => response.body(Void)?,
            })
        });
        let client = FollowRedirectLayer::new().layer(server);
        client.oneshot(get("http://a.test/1")).await.unwrap();
    });
}

#[test]
fn peeking_ends_although_the_body_never_does() {
    within(Duration::from_secs(20), || async {
        let server = service_fn(|request: Request<ReplayBody<Empty<Bytes>>>| async move {
            let response = Response::builder();
            Ok::<_, BoxError>(match request.uri().path() {
                "/1" => response.status(302).header(header::LOCATION, "/2").body(Void)?,
                _ => response.body(Void)?,
            })
        });
        let client = FollowRedirectLayer::new().with_policy(peek_and(Decision::Stop)).layer(server);
        client.oneshot(get("http://a.test/1")).await.unwrap();
    });
}

/// A chain without a limit of its own ends where the caller says so.
#[test]
fn an_endless_chain_leaves_room_for_a_timeout() {
    within(Duration::from_secs(10), || async {
        let server = service_fn(|_: Request<ReplayBody<Empty<Bytes>>>| async {
            Ok::<_, BoxError>(redirect(302, "/again"))
        });
        let client = FollowRedirectLayer::new().limit(usize::MAX).layer(server);
        let call = client.oneshot(get("http://a.test/1"));
        assert!(tokio::time::timeout(Duration::from_millis(200), call).await.is_err());
    });
}

/// A 417 is no redirect: where it cannot be answered, it is the answer.
#[tokio::test]
async fn a_417_whose_content_cannot_be_made_anew_is_handed_over() {
    let body = Script::new([Ok("one "), Ok("two")]);
    let mut request = Request::put("http://a.test/1").body(body).unwrap();
    let fails = || Err::<Script, _>("the file is gone");
    request.extensions_mut().insert(BodyFactory::fallible(fails));
    request.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
    // The mock drops the callback before it reads: nothing waits.
    let mut call = Call::start(FollowRedirectLayer::new(), request);
    let mut first = call.next().await;
    first.head.extensions.clear();
    assert_eq!(show(first.body.frame().await), "one ");
    first.answer(status(417));
    let response = call.end().await.expect("417 is no redirect that could be refused");
    assert_eq!(response.status(), StatusCode::EXPECTATION_FAILED);
}

/// Content of no bytes is nothing to wait for, however it is told.
#[tokio::test]
async fn no_expectation_goes_with_content_of_no_bytes() {
    struct Zero;
    impl Body for Zero {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            Poll::Ready(None)
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(0)
        }
    }
    let mut request = Request::put("http://a.test/1").body(Zero).unwrap();
    request.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
    let mut call = Call::start(FollowRedirectLayer::new(), request);
    let first = call.next().await;
    assert_eq!(first.field("expect"), None);
    first.answer(ok());
}

/// Redirects a GET of `http://a.test/1` from location to location, and returns the heads that the
/// service saw.
async fn seen<P: Policy>(
    layer: FollowRedirectLayer<P>,
    headers: HeaderMap,
    locations: Vec<Vec<u8>>,
) -> Vec<http::request::Parts> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let heads = Arc::clone(&log);
    let server = service_fn(move |request: Request<ReplayBody<Empty<Bytes>>>| {
        let mut log = log.lock().unwrap();
        log.push(request.into_parts().0);
        let answer = locations.get(log.len() - 1);
        let answer = answer.map_or_else(ok, |location| redirect(307, location));
        std::future::ready(Ok::<_, BoxError>(answer))
    });
    let mut request = get("http://a.test/1");
    *request.headers_mut() = headers;
    let result = layer.layer(server).oneshot(request).await;
    let response = result.unwrap_or_else(|error| error.into_response().unwrap());
    assert_eq!(reason(&response).is_some(), response.status().is_redirection());
    std::mem::take(&mut *heads.lock().unwrap())
}

/// No `Location` of 64 KiB, whatever is in it, costs more than a moment.
#[tokio::test]
async fn long_locations_are_cheap() {
    let repeat = |unit: &str| unit.repeat(65_000 / unit.len());
    let hosts: String = (0..20_000).filter_map(|n| char::from_u32(0x4e00 + n)).collect();
    let table = [
        format!("//{}/", repeat("é")),
        format!("//{hosts}/"),
        format!("//{}/", repeat("é.")),
        format!("//xn--{}/", repeat("a")),
        format!("//{}/", repeat("xn--a-")),
        format!("//{}a.test/", repeat("@")),
        format!("/{}", repeat("../")),
        format!("/{}", repeat("x/../")),
        format!("/{}", repeat("%2e%2e/")),
        format!("/{}", repeat("é")),
        format!("/?{}", repeat("é ")),
        format!("/#{}", repeat("é ")),
        format!("//[{}]/", repeat(":")),
        format!("//{}/", repeat("1.")),
        format!("//{}/", repeat("0")),
        repeat("\u{a0}"),
        repeat("?#"),
    ];
    let latin: Vec<u8> = std::iter::repeat_n(0xe9, 65_000).collect();
    let all = table.iter().map(|text| text.as_bytes()).chain([&latin[..]]);
    for location in all {
        let begun = Instant::now();
        let start = String::from_utf8_lossy(&location[..location.len().min(12)]).into_owned();
        seen(FollowRedirectLayer::new(), HeaderMap::new(), vec![location.to_vec()]).await;
        let took = begun.elapsed();
        println!("{start:?} took {took:?}");
        assert!(took < Duration::from_secs(2), "{start}: {took:?}");
    }
}

/// Whatever `Connection` names, what remains says the same and goes to the same origin.
#[tokio::test]
async fn no_header_trick_carries_a_secret_across() {
    let mut secret = HeaderValue::from_static("s3cr3t");
    secret.set_sensitive(true);
    let fields = [
        ("connection", HeaderValue::from_static("authorization, cookie, x-plain, host")),
        ("connection", HeaderValue::from_bytes(b"x-odd, \xff").unwrap()),
        ("authorization", HeaderValue::from_static("s3cr3t")),
        ("cookie", HeaderValue::from_static("s3cr3t")),
        ("x-mixed", HeaderValue::from_static("plain")),
        ("x-mixed", secret.clone()),
        ("x-mixed", HeaderValue::from_static("s3cr3t as well")),
        ("x-added", HeaderValue::from_static("s3cr3t")),
        ("referer", HeaderValue::from_static("http://a.test/?s3cr3t")),
        ("origin", HeaderValue::from_static("http://s3cr3t.a.test")),
        ("host", HeaderValue::from_static("s3cr3t.a.test")),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, value);
    }
    let same = ["/2", "http://A.TEST:80/2", "//a.test/2", "http://u:p@a.test:00080/2", "?x"];
    let other = [
        "https://a.test/",
        "http://a.test./",
        "http://a.test:0/",
        "http://a.test:8080/",
        "http://a.test@b.test/",
        "http://b.test#@a.test/",
        "http://b.test?@a.test/",
        "http://[::ffff:1.2.3.4]/",
        "http://a\u{ad}.test.b.test/",
        "//xn--a-.test/",
        "http://a.test%2eb.test/",
    ];
    for (location, stays) in
        same.iter().map(|l| (*l, true)).chain(other.iter().map(|l| (*l, false)))
    {
        let layer = FollowRedirectLayer::new().sensitive_header(HeaderName::from_static("x-added"));
        let locations = vec![location.into(), b"http://a.test/1".to_vec()];
        let heads = seen(layer, headers.clone(), locations).await;
        println!("{location}: {} requests", heads.len());
        assert!(heads.len() == 3 || !stays, "{location} was not followed");
        for head in &heads[1..] {
            let leaks = head
                .headers
                .values()
                .any(|value| value.as_bytes().windows(6).any(|window| window == b"s3cr3t"));
            assert_eq!(leaks, stays, "{location}: {head:?}");
        }
    }
}

/// The redirect's body ends only when the whole upload is there, and nobody follows.
#[tokio::test]
async fn a_stop_in_mid_upload_lets_a_server_read_all_before_it_ends_its_answer() {
    for peeks in [false, true] {
        let server = Server::start(|mut connection, _| async move {
            let Some(_) = connection.head().await else { return };
            let mut content = connection.bytes(1).await;
            let head = "HTTP/1.1 307 Moved\r\nlocation: /2\r\ncontent-length: 10\r\n\r\nfirst";
            connection.say(head).await;
            content.extend(connection.bytes(1_000_000 - 1).await);
            assert!(content.len() == 1_000_000 && is_part(&content, 0));
            connection.say(" last").await;
            connection.read_to_end().await;
        })
        .await;
        let (body, counts) = OneShot::new(1_000_000, 1000, Length::Known);
        let request = Request::put(server.url("/1")).body(body).unwrap();
        let policy: Box<dyn Policy> = if peeks {
            Box::new(policy::redirect_fn(|attempt| match attempt.peeked() {
                None => Verdict::Peek(3),
                Some(_) => Decision::Stop.into(),
            }))
        } else {
            Box::new(Decision::Stop)
        };
        let client = FollowRedirectLayer::new().with_policy(policy).layer(hyper_client());
        let response = client.oneshot(request).await.unwrap();
        assert_eq!(reason(&response), Some(RefusalKind::Policy));
        let text = tokio::time::timeout(Duration::from_secs(10), text(response)).await;
        assert_eq!(text.unwrap(), "first last");
        eventually("the body is dropped", || counts.dropped() == 1).await;
        assert_eq!(counts.read(), 1_000_000);
    }
}

/// Answers without a body, while the upload is parked: it ends, and the connection with it.
#[tokio::test]
async fn a_parked_upload_ends_with_an_answer_that_has_no_body() {
    for (status, method) in [(204, "PUT"), (304, "PUT"), (200, "HEAD"), (307, "HEAD")] {
        let (closed, mut ends) = tokio::sync::mpsc::unbounded_channel();
        let server = Server::start(move |mut connection, _| {
            let closed = closed.clone();
            async move {
                let Some(_) = connection.head().await else { return };
                let answer = format!("HTTP/1.1 {status} Answer\r\nx-length: 9\r\n");
                let length = if status == 204 { "" } else { "content-length: 9\r\n" };
                connection.say(format!("{answer}{length}\r\n")).await;
                let _ = closed.send(connection.read_to_end().await.len());
            }
        })
        .await;
        let (body, counts) = OneShot::new(2 << 20, 1000, Length::Known);
        let request = Request::builder().method(method).uri(server.url("/1")).body(body).unwrap();
        let client = FollowRedirectLayer::new().layer(hyper_client());
        let response = client.oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
        let content = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(content.len(), 0);
        let end = tokio::time::timeout(Duration::from_secs(10), ends.recv()).await;
        assert_eq!(end.expect("the connection ends"), Some(0), "{status} {method}");
        eventually("the body is dropped", || counts.dropped() == 1).await;
    }
}

/// A policy that panics takes its own call along, and nothing else.
#[tokio::test]
async fn a_policy_that_panics_leaves_no_upload_behind() {
    let (closed, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |mut connection, _| {
        let closed = closed.clone();
        async move {
            let Some(_) = connection.head().await else { return };
            connection.say(raw::redirect(307, "/2")).await;
            let _ = closed.send(connection.read_to_end().await.len());
        }
    })
    .await;
    let (body, counts) = OneShot::new(2 << 20, 1000, Length::Known);
    let request = Request::put(server.url("/1")).body(body).unwrap();
    let policy = policy::redirect_fn(|_| -> Decision { panic!("a bug of the policy") });
    let client = FollowRedirectLayer::new().with_policy(policy).layer(hyper_client());
    let call = tokio::spawn(client.oneshot(request));
    assert!(call.await.unwrap_err().is_panic());
    let end = tokio::time::timeout(Duration::from_secs(10), ends.recv()).await;
    assert_eq!(end.expect("the connection ends"), Some(0));
    eventually("the body is dropped", || counts.dropped() == 1).await;
}

/// The longest and the shortest wait.
#[tokio::test]
async fn a_wait_may_be_endless_or_none() {
    for wait in [Duration::ZERO, Duration::MAX] {
        let server = Server::start(move |mut connection, _| async move {
            while let Some(head) = connection.head().await {
                assert_eq!(field(&head, "expect"), Some("100-continue"));
                if wait == Duration::MAX {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
                }
                assert_eq!(connection.bytes(6).await, [0, 1, 2, 3, 4, 5]);
                let next = raw::redirect(307, "/2");
                connection.say(if head.starts_with("PUT /1") { &next } else { OK }).await;
            }
        })
        .await;
        let (body, _) = OneShot::new(6, 2, Length::Known);
        let request = Request::put(server.url("/1"));
        let request = request.header("expect", "100-continue").body(body).unwrap();
        let expect = ExpectContinue::default().wait(wait);
        let client = FollowRedirectLayer::new().expect_continue(expect).layer(hyper_client());
        let response = tokio::time::timeout(Duration::from_secs(10), client.oneshot(request));
        assert_eq!(text(response.await.unwrap().unwrap()).await, "ok");
    }
}

/// What the caller says of the length stays, over every hop, and is not said twice.
#[tokio::test]
async fn framing_that_the_caller_sets_is_kept() {
    for (name, value) in [("content-length", "6"), ("transfer-encoding", "chunked")] {
        for known in [Length::Known, Length::Unknown] {
            let server = Server::start(move |mut connection, _| async move {
                while let Some(head) = connection.head().await {
                    let fields = head.to_lowercase();
                    let count = |name: &str| fields.matches(name).count();
                    assert_eq!(count("content-length") + count("transfer-encoding"), 1, "{head}");
                    let mut content = Vec::new();
                    if count("content-length") == 1 {
                        content = connection.bytes(6).await;
                    } else {
                        while let Some(chunk) = connection.chunk().await {
                            content.extend(chunk);
                        }
                    }
                    assert_eq!(content, [0, 1, 2, 3, 4, 5], "{head}");
                    let next = raw::redirect(307, "/2");
                    connection.say(if head.starts_with("PUT /1") { &next } else { OK }).await;
                }
            })
            .await;
            let (body, _) = OneShot::new(6, 2, known);
            let request = Request::put(server.url("/1")).header(name, value).body(body).unwrap();
            let expect = ExpectContinue::off();
            let client = FollowRedirectLayer::new().expect_continue(expect).layer(hyper_client());
            let response = tokio::time::timeout(Duration::from_secs(10), client.oneshot(request));
            assert_eq!(text(response.await.unwrap().unwrap()).await, "ok", "{name} {known:?}");
        }
    }
}

/// Without any runtime nothing waits, and nothing panics.
#[test]
fn everything_ends_without_a_runtime() {
    let client = FollowRedirectLayer::new()
        .with_policy(peek_and(Decision::Follow))
        .expect_continue(ExpectContinue::default().wait_unreported())
        .layer(service_fn(redirect_without_an_end));
    let request = Request::put("http://a.test/1").body(Script::new([Ok("ha "), Ok("ha")])).unwrap();
    let mut call = std::pin::pin!(client.oneshot(request));
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(response) = call.as_mut().poll(&mut cx) else { panic!("it waits") };
    let mut content = std::pin::pin!(response.unwrap().into_body().collect());
    let Poll::Ready(content) = content.as_mut().poll(&mut cx) else { panic!("it waits") };
    assert_eq!(content.unwrap().to_bytes(), "ha ha");
}

/// Trailers of a response that was looked at are still there.
#[tokio::test]
async fn trailers_of_a_response_survive_a_peek() {
    for limit in [0, 1, 3, 1000] {
        let server = service_fn(|_: Request<ReplayBody<Empty<Bytes>>>| async {
            let mut trailers = HeaderMap::new();
            trailers.insert("x-checksum", HeaderValue::from_static("1"));
            let body = Full::<Bytes>::from("see there");
            let body = body.with_trailers(std::future::ready(Some(Ok(trailers))));
            let response = Response::builder().status(302).header(header::LOCATION, "/2");
            Ok::<_, BoxError>(response.body(body)?)
        });
        let policy = policy::redirect_fn(move |attempt| match attempt.peeked() {
            None => Verdict::Peek(limit),
            Some(seen) => {
                assert_eq!(seen, &b"see there"[..limit.min(9)]);
                Decision::Stop.into()
            }
        });
        let client = FollowRedirectLayer::new().with_policy(policy).layer(server);
        let response = client.oneshot(get("http://a.test/1")).await.unwrap();
        let whole = response.into_body().collect().await.unwrap();
        assert_eq!(whole.trailers().unwrap()["x-checksum"], "1");
        assert_eq!(whole.to_bytes(), "see there", "{limit}");
    }
}
