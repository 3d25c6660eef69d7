//! One span for each call, and nothing secret in it.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{Empty, Full};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    FollowRedirectLayer, Fragment, ReplayBody,
    policy::{self, Decision},
};
use tracing::{Instrument, Level, debug_span, info_span};

use super::{
    Watch,
    subscriber::{Noted, Recorder},
};
use crate::support::{
    get,
    step::{Call, ok, redirect},
};

type Body = Empty<Bytes>;

#[tokio::test]
async fn a_call_is_a_span_that_says_how_it_ended() {
    let recorder = Recorder::up_to(Level::DEBUG);
    let mut call = Call::start(FollowRedirectLayer::new(), get("https://a.test/1"));
    call.next().await.redirect(302, "http://[::1]/2");
    call.next().await.redirect(302, "ftp://c.test/");
    assert!(!recorder.log().calls()[0].closed);
    call.end().await.unwrap_err();
    let log = recorder.log();
    let [span] = log.calls()[..] else { panic!("one span: {log:?}") };
    assert_eq!((span.name, span.level, span.closed), ("follow_redirect", Level::DEBUG, true));
    let fields: Vec<_> =
        span.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let expected = [
        "error.type=scheme",
        "http.request.method=GET",
        "http.response.status_code=302",
        "redirect.count=1",
        "redirect.decision=refused",
        "redirect.reason=scheme",
        "server.address=a.test",
        "server.port=443",
        "url.path=/1",
        "url.scheme=https",
    ];
    assert_eq!(fields, expected);
    assert!(log.hops().iter().all(|hop| hop.parent == Some(span.id) && hop.level == Level::DEBUG));
    assert_eq!(log.hops()[1].field("server.address"), "::1");
    assert_eq!(log.hops()[1].field("server.port"), "80");
}

/// Two calls take turns in one thread.
#[tokio::test]
async fn spans_of_the_inner_service_and_of_policies_are_children() {
    let inner = service_fn(|request: Request<ReplayBody<Body>>| {
        let path = request.uri().path().to_owned();
        debug_span!("begin", path).in_scope(|| ());
        let hop = info_span!("hop", path);
        async move {
            tokio::task::yield_now().await;
            debug_span!("end", path).in_scope(|| ());
            Ok::<_, BoxError>(match path.strip_suffix("/1") {
                Some(call) => redirect(302, format!("{call}/2")),
                None => ok(),
            })
        }
        .instrument(hop)
    });
    let policy = policy::redirect_fn(|attempt| {
        let path = attempt.request().uri.path().to_owned();
        debug_span!("policy", path).in_scope(|| ());
        Decision::Follow
    });
    let recorder = Recorder::up_to(Level::DEBUG);
    let client = FollowRedirectLayer::new().with_policy(policy).layer(inner);
    let call = |path| client.clone().oneshot(get(path));
    let (first, second) = tokio::join!(call("http://a.test/x/1"), call("http://a.test/y/1"));
    drop((first.unwrap(), second.unwrap()));

    let log = recorder.log();
    assert_eq!(log.calls().len(), 2);
    for (span, call) in log.calls().into_iter().zip(["/x", "/y"]) {
        assert!(span.closed);
        assert_eq!(span.field("url.path"), format!("{call}/1"));
        let of_call = |noted: &&Noted| noted.field("path").starts_with(call);
        let hops: Vec<_> = log.spans.iter().filter(of_call).filter(|s| s.name == "hop").collect();
        assert_eq!(hops.len(), 2);
        for inner in log.spans.iter().filter(of_call) {
            let expected = match inner.name {
                "end" => {
                    hops.iter().find(|hop| hop.field("path") == inner.field("path")).unwrap().id
                }
                _ => span.id,
            };
            assert_eq!(inner.parent, Some(expected), "{inner:?}");
        }
        let events = log.hops().into_iter().filter(|event| event.parent == Some(span.id));
        assert!(
            events
                .map(|event| event.field("url.path"))
                .eq([&*format!("{call}/1"), &format!("{call}/2")])
        );
    }
    assert_eq!(log.spans.iter().filter(|span| span.name == "policy").count(), 2);
}

#[tokio::test]
async fn a_span_is_inside_of_the_callers() {
    let recorder = Recorder::up_to(Level::DEBUG);
    let client =
        FollowRedirectLayer::new().layer(service_fn(|_: Request<ReplayBody<Body>>| async {
            Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
        }));
    client.oneshot(get("http://a.test/")).instrument(info_span!("caller")).await.unwrap();
    let log = recorder.log();
    let caller = log.spans.iter().find(|span| span.name == "caller").unwrap();
    assert_eq!(log.calls()[0].parent, Some(caller.id));
}

#[tokio::test]
async fn a_dropped_call_ends_its_span() {
    let recorder = Recorder::up_to(Level::DEBUG);
    let client = FollowRedirectLayer::new().layer(service_fn(|_: Request<ReplayBody<Body>>| {
        std::future::pending::<Result<Response<Body>, BoxError>>()
    }));
    let call =
        tokio::time::timeout(Duration::from_millis(1), client.oneshot(get("http://a.test/")));
    call.await.unwrap_err();
    let log = recorder.log();
    assert!(log.calls()[0].closed);
    assert_eq!(log.calls()[0].field("redirect.decision"), "dropped");
    assert_eq!(log.hops().len(), 1);
}

#[tokio::test]
async fn elapsed_is_the_time_of_the_hop() {
    const LATE: Duration = Duration::from_millis(30);
    let recorder = Recorder::up_to(Level::DEBUG);
    let client = FollowRedirectLayer::new();
    let client = client.layer(service_fn(|request: Request<ReplayBody<Body>>| async move {
        Ok::<_, BoxError>(match request.uri().path() {
            "/1" => {
                tokio::time::sleep(LATE).await;
                redirect(302, "/2")
            }
            _ => ok(),
        })
    }));
    client.oneshot(get("http://a.test/1")).await.unwrap();
    let log = recorder.log();
    let elapsed: Vec<f64> =
        log.hops().iter().map(|hop| hop.field("redirect.elapsed").parse().unwrap()).collect();
    assert!(
        elapsed[0] >= LATE.as_secs_f64() && elapsed[0] < 10.0 * LATE.as_secs_f64(),
        "{elapsed:?}"
    );
    assert!(elapsed[1] < elapsed[0], "{elapsed:?}");
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_written() {
    let recorder = Recorder::up_to(Level::INFO);
    let mut call = Call::start(FollowRedirectLayer::new(), get("https://a.test/1"));
    call.next().await.redirect(302, "/2");
    call.end_with_ok().await;
    let log = recorder.log();
    assert!(log.calls().is_empty() && log.hops().is_empty(), "{log:?}");
}

/// What is secret in a request, a redirect or an error is nowhere in what is written, nor in what an
/// event shows as `Debug`.
#[tokio::test]
async fn nothing_secret_is_written() {
    let (layer, watch) = Watch::over(FollowRedirectLayer::new());
    let request = Request::builder()
        .method("SECRET-0")
        .uri("https://user:SECRET-1@a.test/1?token=SECRET-2")
        .header(header::AUTHORIZATION, "Bearer SECRET-3")
        .header(header::COOKIE, "id=SECRET-4")
        .header("x-anything", "SECRET-5")
        .extension(Fragment::new("SECRET-6"))
        .body(Full::<Bytes>::from("SECRET-7"))
        .unwrap();
    let mut call = Call::start(layer.clone(), request);
    let mut hop = call.next().await;
    assert_eq!(hop.content().await, "SECRET-7");
    let mut answer = redirect(307, "https://user:SECRET-8@b.test/2?sig=SECRET-9#SECRET-10");
    answer.headers_mut().append(header::SET_COOKIE, "id=SECRET-11".parse().unwrap());
    hop.answer(answer);
    call.next().await.redirect(307, "ftp://user:SECRET-12@c.test/?SECRET-13");
    call.end().await.unwrap_err();

    let mut call = Call::start(layer.clone(), get("https://a.test/?SECRET-14"));
    call.next().await.redirect(302, "http://user:SECRET-15@[::1]:99999/?SECRET-16");
    call.end().await.unwrap_err();

    let mut call = Call::start(layer, get("https://user:SECRET-17@a.test/3?SECRET-18#SECRET-19"));
    call.next().await.fail("https://a.test/?SECRET-18 cannot be reached");
    call.end().await.unwrap_err();

    let log = watch.log();
    assert_eq!((log.calls().len(), log.hops().len()), (3, 4));
    let everything = watch.everything();
    assert!(everything.contains("https://b.test/2"), "{everything}");
    // The `Debug` of an event shows the method, which is the caller's.
    let everything = everything.replace("method: SECRET-0", "");
    assert!(!everything.contains("SECRET"), "{everything}");
}
