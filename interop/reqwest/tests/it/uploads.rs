//! Uploads that are not in memory, and what waits for whom.

use std::time::{Duration, Instant};

use http::{Request, StatusCode};
use tokio::sync::mpsc;
use tower::ServiceExt;
use tower_follow_redirect::{ExpectContinue, FollowRedirectLayer, RefusalKind};

use crate::{
    A_MINUTE, MIB,
    body::{Length, OneShot},
    client, content, eventually,
    raw::{OK, Server, field, redirect},
    text,
};

/// A server that takes uploads and reports their lengths; it says no `100 Continue`.
async fn target() -> (Server, mpsc::UnboundedReceiver<(String, u64)>) {
    let (report, received) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection, _| {
        let report = report.clone();
        async move {
            let Some(head) = connection.head().await else { return };
            let length = content(&mut connection, &head).await;
            report.send((head, length)).unwrap();
            connection.say(OK).await;
            connection.read_to_end().await;
        }
    })
    .await;
    (server, received)
}

/// A server that reads so much of an upload, answers with a redirect, reads on, and reports how much
/// came in all.
async fn redirect_after(
    bytes: usize,
    location: String,
) -> (Server, mpsc::UnboundedReceiver<usize>) {
    let (report, received) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection, _| {
        let (location, report) = (location.clone(), report.clone());
        async move {
            if connection.head().await.is_none() {
                return;
            }
            let before = connection.bytes(bytes).await;
            connection.say(redirect(307, &location)).await;
            let after = connection.read_to_end().await;
            let _ = report.send(before.len() + after.len());
        }
    })
    .await;
    (server, received)
}

#[tokio::test]
async fn a_307_in_mid_upload_is_followed_from_the_record_and_the_rest() {
    for length in [Length::Known, Length::Unknown] {
        let (target, mut received) = target().await;
        let (front, mut wasted) = redirect_after(100_000, target.url("/object")).await;
        let (body, counts) = OneShot::new(8 * MIB, 16 * 1024, length);
        let request = Request::put(front.url("/object")).body(body).unwrap();
        // What the sockets hold is sent before the redirect arrives, and must be on record.
        let layer = FollowRedirectLayer::new().replay_limit(8 * MIB);
        let response = client(&layer).oneshot(request).await.unwrap();
        assert_eq!(text(response).await, "ok", "{length:?}");
        assert_eq!(received.recv().await.unwrap().1, 8 * MIB, "{length:?}");
        assert_eq!(counts.read(), 8 * MIB, "{length:?}");
        // By reqwest's task, which may have it a moment longer than the caller waits for the response.
        eventually("the body is dropped", || counts.dropped() == 1).await;
        println!("{length:?}: {:?} bytes went to the front", wasted.recv().await.unwrap());
    }
}

#[tokio::test]
async fn past_the_replay_limit_the_error_owns_the_redirect() {
    let (target, _received) = target().await;
    let (front, _wasted) = redirect_after(512 * 1024, target.url("/object")).await;
    let (body, counts) = OneShot::new(8 * MIB, 64 * 1024, Length::Known);
    let request = Request::put(front.url("/object")).body(body).unwrap();
    let error = client(&FollowRedirectLayer::new()).oneshot(request).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().kind(), RefusalKind::BodyNotReplayable);
    let response = error.into_response().unwrap();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    drop(response);
    eventually("the body is dropped", || counts.dropped() == 1).await;
    assert_eq!(target.connections(), 0);
}

/// reqwest reports no `100 Continue`, so to wait for one would only cost time.
#[tokio::test]
async fn an_upload_is_sent_at_once() {
    let (target, mut received) = target().await;
    let layer =
        FollowRedirectLayer::new().expect_continue(ExpectContinue::default().wait(A_MINUTE));
    let (body, _counts) = OneShot::new(2 * MIB, 64 * 1024, Length::Known);
    let request = Request::put(target.url("/object")).body(body).unwrap();
    let began = Instant::now();
    let response = client(&layer).oneshot(request).await.unwrap();
    assert_eq!(text(response).await, "ok");
    println!("2 MiB took {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let (head, length) = received.recv().await.unwrap();
    assert_eq!(length, 2 * MIB);
    // The library knows only afterwards that nobody reports; without its feature it knows before.
    let expected = cfg!(feature = "hyper").then_some("100-continue");
    assert_eq!(field(&head, "expect"), expected, "{head}");
}

/// What a caller asks for is sent, but not waited for either.
#[tokio::test]
async fn an_upload_that_asks_for_100_continue_is_sent_at_once() {
    let (target, mut received) = target().await;
    let layer =
        FollowRedirectLayer::new().expect_continue(ExpectContinue::when_asked().wait(A_MINUTE));
    let (body, _counts) = OneShot::new(100_000, 64 * 1024, Length::Known);
    let request =
        Request::put(target.url("/object")).header("expect", "100-continue").body(body).unwrap();
    let began = Instant::now();
    let response = client(&layer).oneshot(request).await.unwrap();
    assert_eq!(text(response).await, "ok");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let (head, length) = received.recv().await.unwrap();
    assert_eq!((field(&head, "expect"), length), (Some("100-continue"), 100_000));
}

/// A server that says `100 Continue` as it should does no harm: hyper reads over it.
#[tokio::test]
async fn a_100_continue_that_nobody_waits_for_is_read_over() {
    let server = Server::start(|mut connection, _| async move {
        let head = connection.head().await.unwrap();
        connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
        content(&mut connection, &head).await;
        connection.say(OK).await;
        connection.read_to_end().await;
    })
    .await;
    let (body, _counts) = OneShot::new(2 * MIB, 64 * 1024, Length::Known);
    let request = Request::put(server.url("/object")).body(body).unwrap();
    let response = client(&FollowRedirectLayer::new()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await, "ok");
}

/// The one way in which reqwest spares an upload: the redirect comes while it waits for its time.
#[tokio::test]
async fn an_upload_that_waits_unreported_finds_an_early_redirect_unsent() {
    let (target, mut received) = target().await;
    let (front, mut wasted) = redirect_after(0, target.url("/object")).await;
    // The target says no 100 either: there it is waited for in vain.
    let wait = Duration::from_secs(1);
    let expect = ExpectContinue::default().wait(wait).wait_unreported();
    let (body, counts) = OneShot::new(2 * MIB, 64 * 1024, Length::Known);
    let request = Request::put(front.url("/object")).body(body).unwrap();
    let layer = FollowRedirectLayer::new().expect_continue(expect);
    let began = Instant::now();
    let response = client(&layer).oneshot(request).await.unwrap();
    assert_eq!(text(response).await, "ok");
    println!("with one wait of {wait:?}: {:?}", began.elapsed());
    assert!(began.elapsed() >= wait, "the target was waited for: {:?}", began.elapsed());
    assert_eq!(received.recv().await.unwrap().1, 2 * MIB);
    assert_eq!(wasted.recv().await, Some(0), "body bytes at the front");
    assert_eq!((counts.read(), counts.dropped()), (2 * MIB, 1));
}

#[tokio::test]
async fn a_call_that_is_dropped_ends_its_connection_and_drops_its_body_once() {
    let (report, mut events) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection, _| {
        let report = report.clone();
        async move {
            connection.head().await.unwrap();
            connection.bytes(100_000).await;
            report.send("begun").unwrap();
            connection.read_to_end().await;
            report.send("ended").unwrap();
        }
    })
    .await;
    let (body, counts) = OneShot::new(1 << 40, 16 * 1024, Length::Known);
    let request = Request::put(server.url("/object")).body(body).unwrap();
    let call = tokio::spawn(client(&FollowRedirectLayer::new()).oneshot(request));
    assert_eq!(events.recv().await, Some("begun"));
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    let ended = tokio::time::timeout(Duration::from_secs(20), events.recv()).await;
    assert_eq!(ended.expect("its connection ends"), Some("ended"));
    eventually("the body is dropped", || counts.dropped() == 1).await;
}
