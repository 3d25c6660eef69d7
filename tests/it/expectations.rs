//! What is known of servers that answer expectations, or refuse them, over real sockets.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{
    ExpectContinue, FollowRedirectLayer, History, OnInformational, RefusalKind, Resend,
    TooManyInformational,
    policy::{self, Decision, ExpectSupport, Policy},
};

use crate::support::{
    body::{Counts, Length, OneShot, is_part},
    hyper_client,
    raw::{OK, Server, field, redirect},
    text,
};

const MIB: u64 = 1 << 20;
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const EXPECTATION_FAILED: &str = "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n";

fn put(url: String, size: u64) -> (Request<OneShot>, Arc<Counts>) {
    let (body, counts) = OneShot::new(size, 64 * 1024, Length::Known);
    (Request::put(url).body(body).unwrap(), counts)
}

/// Refuses every expectation, and notes the `Expect` of each request.
async fn refuser() -> (Server, Arc<Mutex<Vec<Option<String>>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let server = Server::start(move |mut connection, _| {
        let log = Arc::clone(&log);
        async move {
            while let Some(head) = connection.head().await {
                let expect = field(&head, "expect").map(str::to_owned);
                let refused = expect.as_deref() == Some("100-continue");
                log.lock().unwrap().push(expect);
                if refused {
                    connection.say(EXPECTATION_FAILED).await;
                    continue;
                }
                let length = field(&head, "content-length").unwrap().parse().unwrap();
                assert!(is_part(&connection.bytes(length).await, 0));
                connection.say(OK).await;
            }
        }
    })
    .await;
    (server, seen)
}

#[tokio::test]
async fn a_server_that_refuses_expectations_is_asked_once() {
    let (server, seen) = refuser().await;
    let client = FollowRedirectLayer::new().limit(0).layer(hyper_client());
    for _ in 0..2 {
        let (request, counts) = put(server.url("/"), 2 * MIB);
        let response = client.clone().oneshot(request).await.unwrap();
        assert!(History::of(&response).is_none(), "that is no redirect");
        assert_eq!(text(response).await, "ok");
        assert_eq!((counts.read(), counts.dropped()), (2 * MIB, 1));
    }
    // A caller's own expectation would be refused as well; what else it expects it may.
    for (expect, sent) in [("100-continue", None), ("100-continue, x=1", Some("x=1"))] {
        let (mut request, _) = put(server.url("/"), 10);
        request.headers_mut().insert(header::EXPECT, expect.parse().unwrap());
        assert_eq!(text(client.clone().oneshot(request).await.unwrap()).await, "ok");
        assert_eq!(seen.lock().unwrap().last().unwrap().as_deref(), sent);
    }
    let expected = [Some("100-continue"), None, None, None, Some("x=1")];
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen, expected.map(|expect| expect.map(str::to_owned)));

    // Another origin is another server.
    let (other, seen) = refuser().await;
    let (request, _) = put(other.url("/"), 2 * MIB);
    assert_eq!(text(client.oneshot(request).await.unwrap()).await, "ok");
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_refusal_is_remembered_as_long_as_is_said() {
    // Each request twice, or only the first.
    for (time, requests) in [(Duration::ZERO, 4), (Duration::MAX, 3)] {
        let (server, seen) = refuser().await;
        let expect = ExpectContinue::default().remember_refusals(time);
        let client = FollowRedirectLayer::new().expect_continue(expect).layer(hyper_client());
        for _ in 0..2 {
            let (request, _) = put(server.url("/"), 2 * MIB);
            assert_eq!(text(client.clone().oneshot(request).await.unwrap()).await, "ok");
        }
        assert_eq!(seen.lock().unwrap().len(), requests, "{time:?}");
    }
}

/// Says `100 Continue` after a while, and takes what comes.
async fn slow_to_ask(after: Duration) -> Server {
    Server::start(move |mut connection, _| async move {
        let head = connection.head().await.unwrap();
        let length: usize = field(&head, "content-length").unwrap().parse().unwrap();
        let early = tokio::time::timeout(after, connection.bytes(1)).await;
        assert!(early.is_err(), "content came before it was asked for");
        connection.say(CONTINUE).await;
        assert!(is_part(&connection.bytes(length).await, 0));
        connection.say(OK).await;
    })
    .await
}

#[tokio::test]
async fn content_waits_for_the_answer_of_a_server_that_always_answers() {
    for support in [ExpectSupport::Answers, ExpectSupport::Decides] {
        let server = slow_to_ask(Duration::from_millis(300)).await;
        let policy = policy::expect_fn(move |_| support).and(Decision::Follow);
        let expect = ExpectContinue::default().wait(Duration::from_millis(20));
        let layer = FollowRedirectLayer::new().expect_continue(expect).with_policy(policy);
        let (request, _) = put(server.url("/"), 2 * MIB);
        assert_eq!(text(layer.layer(hyper_client()).oneshot(request).await.unwrap()).await, "ok");
    }
}

#[tokio::test]
async fn what_is_known_is_asked_of_each_hop_and_bounded_by_the_callers_timeout() {
    let silent = Server::start(|mut connection, _| async move {
        connection.head().await.unwrap();
        assert_eq!(connection.read_to_end().await.len(), 0, "content came unasked");
    })
    .await;
    let location = silent.url("/object");
    let front = Server::start(move |mut connection, _| {
        let answer = redirect(307, &location);
        async move {
            connection.head().await.unwrap();
            // The front is unknown, and waited for no longer than it is given.
            assert_eq!(connection.bytes(1).await.len(), 1);
            connection.say(answer).await;
            connection.read_to_end().await;
        }
    })
    .await;
    let known = silent.addr.port();
    let policy = policy::expect_fn(move |request| match request.uri.port_u16() {
        Some(port) if port == known => ExpectSupport::Answers,
        _ => ExpectSupport::Unknown,
    });
    let expect = ExpectContinue::default().wait(Duration::from_millis(20));
    let layer = FollowRedirectLayer::new().expect_continue(expect).with_policy(policy);
    let (request, counts) = put(front.url("/"), 2 * MIB);
    let call = layer.replay_limit(2 * MIB).layer(hyper_client()).oneshot(request);
    let begun = Instant::now();
    assert!(tokio::time::timeout(Duration::from_millis(500), call).await.is_err());
    println!("the caller's timeout ended it after {:?}", begun.elapsed());
    crate::support::eventually("the body is dropped", || counts.dropped() == 1).await;
}

/// Says `100 Continue`, takes so many bytes, and redirects all the same.
async fn liar(bytes: usize, location: String) -> Server {
    Server::start(move |mut connection, _| {
        let answer = redirect(307, &location);
        async move {
            connection.head().await.unwrap();
            connection.say(CONTINUE).await;
            connection.bytes(bytes).await;
            connection.say(answer).await;
            connection.read_to_end().await;
        }
    })
    .await
}

#[tokio::test]
async fn where_a_100_decides_nothing_is_kept_and_a_lie_is_told() {
    let target = slow_to_ask(Duration::ZERO).await;
    for (support, expected) in
        [(ExpectSupport::Answers, Resend::Recorded), (ExpectSupport::Decides, Resend::Impossible)]
    {
        let front = liar(100_000, target.url("/")).await;
        let found = Arc::new(Mutex::new(None));
        let log = Arc::clone(&found);
        let policy = policy::expect_fn(move |_| support).and(policy::redirect_fn(move |attempt| {
            *log.lock().unwrap() = Some(attempt.resend());
            Decision::Follow
        }));
        let (request, _) = put(front.url("/"), 2 * MIB);
        // There would be room for all.
        let layer = FollowRedirectLayer::new().replay_limit(4 * MIB).with_policy(policy);
        let result = layer.layer(hyper_client()).oneshot(request).await;
        assert_eq!(*found.lock().unwrap(), Some(expected));
        match support {
            ExpectSupport::Decides => {
                let error = result.unwrap_err();
                let kind = error.refusal().unwrap().kind();
                assert_eq!(kind, RefusalKind::BodyNotReplayable);
                assert_eq!(error.into_response().unwrap().status(), 307);
            }
            _ => assert_eq!(text(result.unwrap()).await, "ok"),
        }
    }
}

#[tokio::test]
async fn a_flood_of_informational_responses_ends_the_call() {
    let server = Server::start(|mut connection, _| async move {
        connection.head().await.unwrap();
        let flood = "HTTP/1.1 102 Processing\r\n\r\n".repeat(100);
        // Until the client has had enough.
        while tokio::io::AsyncWriteExt::write_all(&mut connection.stream, flood.as_bytes())
            .await
            .is_ok()
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let heard = Arc::new(Mutex::new(0));
    let count = Arc::clone(&heard);
    let hear = OnInformational::new(move |response| {
        assert_eq!(response.status(), StatusCode::PROCESSING);
        *count.lock().unwrap() += 1;
    });
    let large = Full::new(Bytes::from(vec![0; 2 << 20]));
    let requests = [
        ("an upload that waits", Request::put(server.url("/")).body(large).unwrap()),
        (
            "a caller that listens",
            Request::get(server.url("/")).extension(hear).body(Full::default()).unwrap(),
        ),
    ];
    for (what, request) in requests {
        let client = FollowRedirectLayer::new().layer(hyper_client());
        let call = tokio::time::timeout(Duration::from_secs(20), client.oneshot(request));
        let error = call.await.expect(what).unwrap_err();
        let source = std::error::Error::source(&error).unwrap();
        assert!(source.is::<TooManyInformational>(), "{what}: {error:?}");
        println!("{what}: {error}: {source}");
    }
    assert_eq!(*heard.lock().unwrap(), 1000);
}
