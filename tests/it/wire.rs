//! Redirects over real sockets: a real hyper client, a scripted server.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use tokio::{io::AsyncWriteExt, sync::mpsc};
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{BodyFactory, FollowRedirectLayer, History, RefusalKind};

use crate::support::{
    body::{Length, OneShot, byte_at, is_part},
    eventually, get, hyper_client,
    raw::{OK, Server, field, redirect},
    text,
};

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn follows_a_redirect() {
    let server = Server::start(|mut connection, _| async move {
        while let Some(head) = connection.head().await {
            let answer =
                if head.starts_with("GET /old") { redirect(302, "/new") } else { OK.into() };
            connection.say(answer).await;
        }
    })
    .await;
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let response = client.oneshot(get(&server.url("/old"))).await.unwrap();
    let history = History::of(&response).unwrap();
    assert_eq!(history.effective_url(), server.url("/new"));
    assert_eq!(text(response).await, "ok");
    assert_eq!(server.connections(), 1);
}

/// demand.md N1 and N3: the front answers 307 at once and then drains what comes.
#[tokio::test]
async fn an_early_307_costs_no_byte_of_a_one_shot_upload() {
    let target_bytes = Arc::new(AtomicU64::new(0));
    let received = Arc::clone(&target_bytes);
    let target = Server::start(move |mut connection, _| {
        let received = Arc::clone(&received);
        async move {
            let head = connection.head().await.unwrap();
            assert_eq!(field(&head, "expect"), Some("100-continue"));
            connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
            let length: u64 = field(&head, "content-length").unwrap().parse().unwrap();
            while received.load(Ordering::SeqCst) < length {
                let part = connection.bytes(64 * 1024).await;
                assert!(is_part(&part, received.load(Ordering::SeqCst)));
                received.fetch_add(part.len() as u64, Ordering::SeqCst);
            }
            connection.say(OK).await;
            connection.read_to_end().await;
        }
    })
    .await;
    let location = target.url("/object");
    let front_end = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&front_end);
    let front = Server::start(move |mut connection, _| {
        let (location, seen) = (location.clone(), Arc::clone(&seen));
        async move {
            let head = connection.head().await.unwrap();
            assert_eq!(field(&head, "expect"), Some("100-continue"));
            connection.say(redirect(307, &location)).await;
            let redirected = Instant::now();
            let body = connection.read_to_end().await;
            *seen.lock().unwrap() = Some((body.len(), redirected.elapsed()));
        }
    })
    .await;

    let (body, counts) = OneShot::new(32 * MIB, 64 * 1024, Length::Known);
    let request = Request::put(front.url("/object")).body(body).unwrap();
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await, "ok");
    assert_eq!(target_bytes.load(Ordering::SeqCst), 32 * MIB);
    assert_eq!((counts.read(), counts.dropped()), (32 * MIB, 1));
    let (wasted, open) = front_end.lock().unwrap().expect("the front saw its connection end");
    println!("front: {wasted} body bytes, closed after {open:?}");
    assert_eq!(wasted, 0);
    assert!(open < Duration::from_secs(1), "{open:?}");
}

/// A server that takes an upload of any framing and reports its length, or where it went wrong.
async fn target() -> (Server, mpsc::UnboundedReceiver<u64>) {
    let (report, received) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection, _| {
        let report = report.clone();
        async move {
            let head = connection.head().await.unwrap();
            if field(&head, "expect").is_some() {
                connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
            }
            let check = |part: &[u8], position| {
                assert!(is_part(part, position), "other bytes after {position}");
            };
            let received = match field(&head, "content-length") {
                Some(length) => {
                    let length = length.parse().unwrap();
                    let received = connection.show(length, check).await;
                    assert_eq!(received, length, "the upload ended early");
                    received
                }
                None => {
                    let mut received = 0;
                    while let Some(chunk) = connection.chunk().await {
                        check(&chunk, received);
                        received += chunk.len() as u64;
                    }
                    received
                }
            };
            report.send(received).unwrap();
            connection.say(OK).await;
            connection.read_to_end().await;
        }
    })
    .await;
    (server, received)
}

/// A server that reads so much of an upload, answers with a redirect, and reads on.
async fn redirect_after(
    bytes: usize,
    location: String,
) -> (Server, mpsc::UnboundedReceiver<usize>) {
    let (report, received) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection, _| {
        let (location, report) = (location.clone(), report.clone());
        async move {
            let head = connection.head().await.unwrap();
            if field(&head, "expect").is_some() {
                connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
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
        let (body, counts) = OneShot::new(32 * MIB, 16 * 1024, length);
        let request = Request::put(front.url("/object")).body(body).unwrap();
        // What the sockets hold is sent before the redirect arrives, and must be on record.
        let layer = FollowRedirectLayer::new().replay_limit(16 * MIB);
        let response = layer.layer(hyper_client()).oneshot(request).await.unwrap();
        assert_eq!(text(response).await, "ok", "{length:?}");
        assert_eq!(received.recv().await, Some(32 * MIB), "{length:?}");
        assert_eq!((counts.read(), counts.dropped()), (32 * MIB, 1), "{length:?}");
        let wasted = wasted.recv().await.unwrap();
        println!("{length:?}: {wasted} bytes went to the front before it was cancelled");
        assert!((wasted as u64) < 16 * MIB, "{wasted}");
    }
}

#[tokio::test]
async fn a_factory_opens_the_body_again_at_any_size() {
    let (target, mut received) = target().await;
    let (front, _wasted) = redirect_after(200_000, target.url("/object")).await;
    let make = || OneShot::new(8 * MIB, 64 * 1024, Length::Known).0;
    let mut request = Request::put(front.url("/object")).body(make()).unwrap();
    request.extensions_mut().insert(BodyFactory::new(make));
    let client = FollowRedirectLayer::new().replay_limit(0).layer(hyper_client());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(text(response).await, "ok");
    assert_eq!(received.recv().await, Some(8 * MIB));
}

#[tokio::test]
async fn full_bytes_are_sent_again_at_any_size_with_nothing_configured() {
    let (target, mut received) = target().await;
    // It drains all of it, and redirects then.
    let (front, _wasted) = redirect_after(8 * MIB as usize, target.url("/object")).await;
    let content: Bytes = (0..8 * MIB).map(byte_at).collect::<Vec<_>>().into();
    let request = Request::put(front.url("/object")).body(Full::new(content)).unwrap();
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(text(response).await, "ok");
    assert_eq!(received.recv().await, Some(8 * MIB));
}

#[tokio::test]
async fn an_endless_redirect_body_is_not_waited_for() {
    let server = Server::start(|mut connection, number| async move {
        while let Some(head) = connection.head().await {
            if head.starts_with("GET /new") {
                connection.say(OK).await;
                continue;
            }
            connection.say("HTTP/1.1 302 Found\r\nlocation: /new\r\n").await;
            connection.say("transfer-encoding: chunked\r\n\r\n").await;
            // A slow body on the first connection, a large one on the next.
            let pause = Duration::from_millis(if number == 0 { 20 } else { 0 });
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
            while connection.stream.write_all(chunk.as_bytes()).await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        }
    })
    .await;
    let client = FollowRedirectLayer::new().layer(hyper_client());
    for name in ["slow", "large"] {
        let begun = Instant::now();
        let response = client.clone().oneshot(get(&server.url("/old"))).await.unwrap();
        assert_eq!(text(response).await, "ok");
        println!("{name}: {:?}", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_millis(2500), "{name}");
        // The next request must not find the connection that was made for the last one.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_at_any_time_leaves_nothing_behind() {
    let (target, _received) = target().await;
    // While parked, in mid-upload, while the redirect is drained, on the second hop.
    for after in [1, 20, 60, 150] {
        let location = target.url("/object");
        let (report, mut ended) = mpsc::unbounded_channel();
        let front = Server::start(move |mut connection, _| {
            let (location, report) = (location.clone(), report.clone());
            async move {
                if connection.head().await.is_none() {
                    // It was dropped before it had said anything.
                    report.send(()).unwrap();
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
                connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
                connection.bytes(10_000).await;
                tokio::time::sleep(Duration::from_millis(30)).await;
                connection.say(format!("HTTP/1.1 307 M\r\nlocation: {location}\r\n")).await;
                connection.say("content-length: 10\r\n\r\n12345").await;
                tokio::time::sleep(Duration::from_millis(60)).await;
                connection.say("67890").await;
                connection.read_to_end().await;
                report.send(()).unwrap();
            }
        })
        .await;
        let (body, counts) = OneShot::new(64 * MIB, 16 * 1024, Length::Known);
        let request = Request::put(front.url("/object")).body(body).unwrap();
        let layer = FollowRedirectLayer::new().replay_limit(64 * MIB);
        let call = tokio::spawn(layer.layer(hyper_client()).oneshot(request));
        tokio::time::sleep(Duration::from_millis(after)).await;
        call.abort();
        let _ = call.await;
        if front.connections() > 0 {
            let ended = tokio::time::timeout(Duration::from_secs(20), ended.recv()).await;
            assert_eq!(ended.expect("its connection ends"), Some(()));
        }
        eventually("the body is dropped", || counts.dropped() == 1).await;
    }
}

#[tokio::test]
async fn what_was_sent_and_not_kept_is_refused() {
    let server = Server::start(|mut connection, _| async move {
        connection.head().await.unwrap();
        // An upload of more than the limit is on its way when the redirect comes.
        connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
        connection.bytes(512 * 1024).await;
        connection.say(redirect(307, "/other")).await;
        connection.read_to_end().await;
    })
    .await;
    let (body, counts) = OneShot::new(4 * MIB, 64 * 1024, Length::Known);
    let request = Request::put(server.url("/object")).body(body).unwrap();
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let error = client.oneshot(request).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().kind(), RefusalKind::BodyNotReplayable);
    let response = error.into_response().unwrap();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    drop(response);
    eventually("the body is dropped", || counts.dropped() == 1).await;
}
