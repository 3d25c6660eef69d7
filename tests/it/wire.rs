//! Redirects over real sockets: a real hyper client, a scripted server.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::{Request, StatusCode};
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{FollowRedirectLayer, History, RefusalKind};

use crate::support::{
    body::{Length, OneShot, is_part},
    get, hyper_client,
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
            connection.rest().await;
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
            let body = connection.rest().await;
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

#[tokio::test]
async fn what_was_sent_and_not_kept_is_refused() {
    let server = Server::start(|mut connection, _| async move {
        connection.head().await.unwrap();
        // An upload of more than the limit is on its way when the redirect comes.
        connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
        connection.bytes(512 * 1024).await;
        connection.say(redirect(307, "/other")).await;
        connection.rest().await;
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
    for _ in 0..100 {
        if counts.dropped() == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the body is still held: {counts:?}");
}
