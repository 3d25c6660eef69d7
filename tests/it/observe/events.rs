//! One event for each hop, whatever comes of it.

use std::{
    future::{Future, pending},
    task::{Context, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    FollowRedirectLayer, OnInformational, OnRefusal, Policy, ReplayBody, Target,
    policy::{
        self, Admission, Attempt, Decision, Exchange, Outgoing, Recall, Remembered, RequestPolicy,
        Verdict,
    },
};

use super::Watch;
use crate::support::{
    body::{Late, Length, OneShot, Pieces},
    eventually, get, hyper_client,
    raw::{self, OK, Server, field},
    step::{Call, ok, redirect, send, status},
};

#[tokio::test]
async fn a_chain_has_an_event_for_each_hop() {
    let (layer, watch) = Watch::over(FollowRedirectLayer::new());
    let mut call = Call::start(layer, get("https://a.test/1"));
    call.next().await.redirect(302, "/2");
    call.next().await.redirect(308, "http://b.test:8080/3?q");
    call.next().await.answer(status(404));
    call.end().await.unwrap();
    watch.expect([
        "GET https://a.test/1 302 followed to https://a.test/2",
        "GET https://a.test/2 308 followed to http://b.test:8080/3 resend 1",
        "GET http://b.test:8080/3 404 returned resend 2",
    ]);
}

#[tokio::test]
async fn what_is_not_followed_has_its_reason() {
    let refused = [
        (status(302), "GET https://a.test/ 302 returned since missing-location"),
        (status(304), "GET https://a.test/ 304 returned since not-redirect"),
        (
            redirect(302, "ftp://b.test/"),
            "GET https://a.test/ 302 refused since scheme error scheme",
        ),
        (
            redirect(302, "http://"),
            "GET https://a.test/ 302 refused since bad-location error bad-location",
        ),
    ];
    for (answer, expected) in refused {
        let (layer, watch) = Watch::over(FollowRedirectLayer::new());
        let mut call = Call::start(layer, get("https://a.test/"));
        call.next().await.answer(answer);
        let _ = call.end().await;
        watch.expect([expected]);
    }
}

#[tokio::test]
async fn a_refusal_that_is_returned_is_no_error() {
    let layer = FollowRedirectLayer::new().limit(1).on_refusal(OnRefusal::Return);
    let (layer, watch) = Watch::over(layer);
    let mut call = Call::start(layer, get("https://a.test/1"));
    call.next().await.redirect(302, "/2");
    call.next().await.redirect(302, "/3");
    assert_eq!(call.end().await.unwrap().status(), 302);
    watch.expect([
        "GET https://a.test/1 302 followed to https://a.test/2",
        "GET https://a.test/2 302 returned since too-many-redirects resend 1",
    ]);
}

/// A policy of the layer would not see it.
#[tokio::test]
async fn a_request_with_a_policy_of_its_own_is_watched() {
    let (layer, watch) = Watch::over(FollowRedirectLayer::new());
    let mut request = get("https://a.test/");
    request.extensions_mut().insert(RequestPolicy::new(Decision::Stop));
    let mut call = Call::start(layer, request);
    call.next().await.redirect(302, "/2");
    call.end().await.unwrap();
    watch.expect(["GET https://a.test/ 302 returned since policy"]);
}

#[tokio::test]
async fn a_policy_that_waits_changes_nothing() {
    let asks = policy::redirect_fn(|attempt| match attempt.peeked() {
        None => Verdict::Peek(4),
        Some(_) => Verdict::ask(async {
            tokio::task::yield_now().await;
            Decision::Follow
        }),
    });
    let (layer, watch) = Watch::over(FollowRedirectLayer::new().with_policy(asks));
    let mut call = Call::start(layer, get("https://a.test/"));
    call.next().await.redirect(302, "/2");
    call.next().await.answer(ok());
    call.end().await.unwrap();
    watch.expect([
        "GET https://a.test/ 302 followed to https://a.test/2",
        "GET https://a.test/2 200 returned resend 1",
    ]);
}

#[tokio::test]
async fn a_failure_ends_the_call() {
    let (layer, watch) = Watch::over(FollowRedirectLayer::new());
    let mut call = Call::start(layer, get("https://a.test/1"));
    call.next().await.redirect(302, "/2");
    call.next().await.fail("no route to host");
    call.end().await.unwrap_err();
    watch.expect([
        "GET https://a.test/1 302 followed to https://a.test/2",
        "GET https://a.test/2 failed error inner-service resend 1",
    ]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_has_failed() {
    let layer = FollowRedirectLayer::new().total_time(Duration::from_secs(1));
    let (layer, watch) = Watch::over(layer);
    let mut call = Call::start(layer, get("https://a.test/"));
    let _never_answered = call.next().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    watch.expect(["GET https://a.test/ failed error total-time-elapsed"]);
}

#[tokio::test]
async fn a_server_that_says_too_much_has_failed_the_call() {
    let server = Server::start(|mut connection, _| async move {
        connection.head().await.unwrap();
        connection.say("HTTP/1.1 102 Processing\r\n\r\n".repeat(9)).await;
        connection.read_to_end().await;
    })
    .await;
    let (layer, watch) = Watch::over(FollowRedirectLayer::new().informational_limit(8));
    let mut request = get(&server.url("/"));
    request.extensions_mut().insert(OnInformational::new(|_| ()));
    layer.layer(hyper_client()).oneshot(request).await.unwrap_err();
    let url = server.url("/");
    watch.expect([&format!("GET {url} failed error too-many-informational")]);
}

#[tokio::test]
async fn a_request_that_is_not_admitted_was_not_sent() {
    struct ReadOnlyAtB;

    impl Policy for ReadOnlyAtB {
        fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
            Decision::Pass.into()
        }

        fn admit(&self, request: &mut Outgoing<'_>) -> Admission {
            match request.request().uri.host() {
                Some("b.test") => Admission::refuse("not there"),
                _ => Admission::Granted,
            }
        }
    }

    let (layer, watch) = Watch::over(FollowRedirectLayer::new().with_policy(ReadOnlyAtB));
    let mut call = Call::start(layer, send("PUT", "https://a.test/", "ha ha\n"));
    let mut hop = call.next().await;
    hop.content().await;
    hop.redirect(307, "https://b.test/");
    call.end().await.unwrap_err();
    watch.expect([
        "PUT https://a.test/ 307 followed to https://b.test/ sent 6",
        "PUT https://b.test/ not-admitted error not-admitted resend 1",
    ]);
}

#[tokio::test]
async fn a_dropped_call_says_so_once() {
    let (layer, watch) = Watch::over(FollowRedirectLayer::new());
    let (inner, mut handle) = tower_test::mock::pair::<_, Response<Empty<Bytes>>>();
    let mut call = Box::pin(layer.layer(inner).oneshot(get("https://a.test/")));
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(handle.next_request().await.is_some());
    watch.expect([]);
    drop(call);
    watch.expect(["GET https://a.test/ dropped"]);
}

/// The redirect is followed, and its body has not come to its end.
#[tokio::test]
async fn a_call_that_is_dropped_between_two_requests_has_sent_nothing_more() {
    let (layer, watch) = Watch::over(FollowRedirectLayer::new());
    let client = layer.layer(service_fn(|request: Request<ReplayBody<Full<Bytes>>>| async {
        request.into_body().collect().await?;
        let response = Response::builder().status(307).header(header::LOCATION, "/2");
        Ok::<_, BoxError>(response.body(Late::new(Duration::from_secs(60), ""))?)
    }));
    let call = client.oneshot(send("PUT", "https://a.test/", "ha ha\n"));
    tokio::time::timeout(Duration::from_millis(10), call).await.unwrap_err();
    watch.expect([
        "PUT https://a.test/ 307 followed to https://a.test/2 sent 6",
        "PUT https://a.test/ dropped resend 1",
    ]);
}

/// The response was there, and somebody was asked what is to come of it.
#[tokio::test]
async fn a_call_that_ends_while_its_policy_asks_has_a_response() {
    let asks = policy::redirect_fn(|_| Verdict::ask(pending::<Decision>()));
    for total in [None, Some(Duration::from_millis(10))] {
        let mut layer = FollowRedirectLayer::new().with_policy(asks);
        if let Some(total) = total {
            layer = layer.total_time(total);
        }
        let (layer, watch) = Watch::over(layer);
        let client = layer.layer(service_fn(|request: Request<ReplayBody<Full<Bytes>>>| async {
            request.into_body().collect().await?;
            let response = Response::builder().status(307).header(header::LOCATION, "/2");
            Ok::<_, BoxError>(response.body(Full::<Bytes>::default())?)
        }));
        let call = client.oneshot(send("PUT", "https://a.test/", "ha ha\n"));
        let ended = tokio::time::timeout(Duration::from_millis(100), call).await;
        assert_eq!(ended.is_err(), total.is_none());
        let outcome = if total.is_none() { "dropped" } else { "failed error total-time-elapsed" };
        watch.expect([&*format!("PUT https://a.test/ 307 {outcome} sent 6")]);
    }
}

/// It remembers that `a.test` has moved to `b.test`, and lets go of that where there is a 404.
struct Moved;

impl Policy for Moved {
    fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
        Decision::Pass.into()
    }

    fn recall(&self, request: &mut Outgoing<'_>) -> Recall {
        if request.request().uri.host() != Some("a.test") {
            return Recall::Nothing;
        }
        let target = Target::new("https://b.test/new".parse().unwrap(), None).unwrap();
        Recall::Redirect(Remembered::new(StatusCode::PERMANENT_REDIRECT, target))
    }

    fn concluded(&self, exchange: &mut Exchange<'_>) {
        if exchange.outcome().map_or(true, |response| response.status == 404) {
            exchange.retract();
        }
    }
}

#[tokio::test]
async fn a_remembered_redirect_is_told_from_a_received_one() {
    let (layer, watch) = Watch::over(FollowRedirectLayer::new().with_policy(Moved));
    let mut call = Call::start(layer, get("https://a.test/"));
    call.next().await.redirect(302, "/3");
    call.next().await.answer(ok());
    call.end().await.unwrap();
    watch.expect([
        "GET https://a.test/ 308 remembered followed to https://b.test/new",
        "GET https://b.test/new 302 followed to https://b.test/3",
        "GET https://b.test/3 200 returned resend 1",
    ]);
}

#[tokio::test]
async fn what_was_remembered_wrongly_is_retracted() {
    for failed in [true, false] {
        let (layer, watch) = Watch::over(FollowRedirectLayer::new().with_policy(Moved));
        let mut call = Call::start(layer, get("https://a.test/"));
        let hop = call.next().await;
        if failed {
            hop.fail("refused")
        } else {
            hop.answer(status(404))
        }
        call.next().await.answer(ok());
        call.end().await.unwrap();
        watch.expect([
            "GET https://a.test/ 308 remembered followed to https://b.test/new",
            if failed {
                "GET https://b.test/new retracted"
            } else {
                "GET https://b.test/new 404 retracted"
            },
            "GET https://a.test/ 200 returned resend 1",
        ]);
    }
}

#[tokio::test]
async fn what_leads_in_a_circle_is_retracted_without_a_request() {
    struct Circle;

    impl Policy for Circle {
        fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
            Decision::Pass.into()
        }

        fn recall(&self, request: &mut Outgoing<'_>) -> Recall {
            match request.request().uri.host() {
                Some("a.test") => Moved.recall(request),
                _ => Recall::Retract,
            }
        }
    }

    let (layer, watch) = Watch::over(FollowRedirectLayer::new().with_policy(Circle));
    let call = Call::start(layer, get("https://a.test/"));
    call.end_with_ok().await;
    watch.expect([
        "GET https://a.test/ 308 remembered followed to https://b.test/new",
        "GET https://b.test/new retracted",
        "GET https://a.test/ 200 returned",
    ]);
}

#[tokio::test]
async fn a_remembered_redirect_that_is_refused_is_told() {
    let layer = FollowRedirectLayer::new().limit(0).with_policy(Moved);
    let (layer, watch) = Watch::over(layer);
    let call = Call::start(layer, get("https://a.test/"));
    call.end().await.unwrap_err();
    watch.expect([
        "GET https://a.test/ 308 remembered refused since too-many-redirects error too-many-redirects",
    ]);
}

/// Each hop has its own bytes: what it has sent, and not what was recorded.
#[tokio::test(start_paused = true)]
async fn a_replayed_upload_says_how_much_each_hop_has_sent() {
    let (layer, watch) = Watch::over(FollowRedirectLayer::new());
    let (sender, body) = Pieces::new();
    let request = Request::put("https://a.test/").body(body).unwrap();
    let mut call = Call::start(layer, request);
    let mut hop = call.next().await;
    sender.send(Bytes::from_static(b"0123456789")).unwrap();
    read(&mut hop.body, 10).await;
    hop.redirect(307, "/2");

    let mut hop = call.next().await;
    sender.send(Bytes::from_static(b"abcde")).unwrap();
    read(&mut hop.body, 15).await;
    hop.redirect(307, "/3");

    let hop = call.next().await;
    hop.redirect(307, "/4");

    let mut hop = call.next().await;
    drop(sender);
    assert_eq!(hop.content().await, "0123456789abcde");
    hop.answer(ok());
    call.end().await.unwrap();
    watch.expect([
        "PUT https://a.test/ 307 followed to https://a.test/2 sent 10",
        "PUT https://a.test/2 307 followed to https://a.test/3 sent 15 resend 1",
        "PUT https://a.test/3 307 followed to https://a.test/4 resend 2",
        "PUT https://a.test/4 200 returned sent 15 resend 3",
    ]);
}

/// Reads so many bytes of a body, and no more.
async fn read<B>(body: &mut ReplayBody<B>, count: usize)
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let mut read = 0;
    while read < count {
        let frame = body.frame().await.unwrap().unwrap();
        read += frame.into_data().unwrap().len();
    }
    assert_eq!(read, count);
}

/// On a socket: the front has not let a byte come, and all come to the target, once.
#[tokio::test]
async fn a_417_is_repeated_and_an_early_redirect_costs_no_byte() {
    const SIZE: u64 = 4 << 20;
    let target = Server::start(|mut connection, _| async move {
        while let Some(head) = connection.head().await {
            if field(&head, "expect").is_some() {
                let failed = "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n";
                connection.say(failed).await;
                continue;
            }
            let length = field(&head, "content-length").unwrap().parse().unwrap();
            assert_eq!(connection.show(length, |_, _| ()).await, SIZE);
            connection.say(OK).await;
        }
    })
    .await;
    let location = target.url("/object");
    let front = Server::start(move |mut connection, _| {
        let answer = raw::redirect(307, &location);
        async move {
            connection.head().await.unwrap();
            connection.say(answer).await;
            assert!(connection.read_to_end().await.is_empty());
        }
    })
    .await;
    let (layer, watch) = Watch::over(FollowRedirectLayer::new());
    let (body, counts) = OneShot::new(SIZE, 64 * 1024, Length::Known);
    let request = Request::put(front.url("/object")).body(body).unwrap();
    let response = layer.layer(hyper_client()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    eventually("the upload is over", || counts.dropped() == 1).await;
    let (front, target) = (front.url("/object"), target.url("/object"));
    watch.expect([
        &format!("PUT {front} 307 followed to {target}"),
        &format!("PUT {target} 417 repeated resend 1"),
        &format!("PUT {target} 200 returned sent {SIZE} resend 2"),
    ]);
}
