//! What becomes of the content: B1, B2, B3, B7, B21, B22, B35.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tower::{Layer, Service, ServiceExt};
use tower_follow_redirect::{
    BodyFactory, ExpectContinue, FollowRedirect, FollowRedirectLayer, History, RefusalKind,
};

use crate::support::{
    HyperClient,
    body::{Length, OneShot, is_part},
    hyper_client,
    raw::{OK, Server, field, redirect},
    step::{Call, ok, refused, send},
    text,
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// What hangs is a failure, too.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it ends")
}

/// A server that takes every upload in, as RFC 9110 wants it, and the bytes it has counted.
async fn object_store() -> (Server, Arc<AtomicU64>) {
    let bytes = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&bytes);
    let server = Server::start(move |mut connection, _| {
        let count = Arc::clone(&count);
        async move {
            while let Some(head) = connection.head().await {
                if field(&head, "expect").is_some() {
                    connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
                }
                let length: u64 = field(&head, "content-length").unwrap_or("0").parse().unwrap();
                let mut received = 0;
                while received < length {
                    let part = connection.bytes((length - received).min(64 * KIB) as usize).await;
                    assert!(is_part(&part, received) && !part.is_empty());
                    received += part.len() as u64;
                }
                count.fetch_add(received, Ordering::SeqCst);
                connection.say(OK).await;
            }
        }
    })
    .await;
    (server, bytes)
}

/// Both ignore `Expect`: the whole upload goes to a server that has redirected it already, and then
/// once more to the right one.
#[tokio::test]
async fn b01_an_upload_that_is_redirected_is_sent_once() {
    // Large uploads wait by themselves, small ones if the caller asks.
    for (size, expect) in
        [(8 * MIB, None), (8 * MIB, Some("100-continue")), (KIB, Some("100-continue"))]
    {
        let (target, received) = object_store().await;
        let location = target.url("/object");
        let (wasted, front_bytes) = oneshot::channel();
        let wasted = Mutex::new(Some(wasted));
        let front = Server::start(move |mut connection, _| {
            let location = location.clone();
            let wasted = wasted.lock().unwrap().take().unwrap();
            async move {
                connection.head().await.unwrap();
                connection.say(redirect(307, &location)).await;
                let _ = wasted.send(connection.read_to_end().await.len());
            }
        })
        .await;
        let (body, counts) = OneShot::new(size, 64 * KIB, Length::Known);
        let mut request = Request::put(front.url("/object"));
        if let Some(expect) = expect {
            request = request.header(header::EXPECT, expect);
        }
        let client = FollowRedirectLayer::new().layer(hyper_client());
        let response = client.oneshot(request.body(body).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(front_bytes.await.unwrap(), 0, "{size} {expect:?}");
        assert_eq!(received.load(Ordering::SeqCst), size, "{size} {expect:?}");
        assert_eq!((counts.read(), counts.dropped()), (size, 1));
    }
}

/// Both lose a part of the redirects of a server that closes with content unread: the reset
/// overtakes the response. What is not sent is not reset.
#[tokio::test]
async fn b02_no_redirect_is_lost_to_a_server_that_closes_at_once() {
    // It answers with the head alone, so that 300 uploads of 16 MiB need no time.
    let target = Server::start(|mut connection, _| async move {
        connection.head().await.unwrap();
        connection.say(OK).await;
    })
    .await;
    let location = target.url("/object");
    let front = Server::start(move |mut connection, _| {
        let location = location.clone();
        async move {
            connection.head().await.unwrap();
            connection.say(redirect(307, &location)).await;
        }
    })
    .await;
    let client = FollowRedirectLayer::new().layer(hyper_client());
    for round in 0..300 {
        let (body, counts) = OneShot::new(16 * MIB, 64 * KIB, Length::Known);
        let request = Request::put(front.url("/object")).body(body).unwrap();
        let response = client.clone().oneshot(request).await.unwrap();
        assert_eq!(History::of(&response).unwrap().hops().len(), 1, "round {round}");
        assert_eq!(text(response).await, "ok");
        assert_eq!(counts.read(), 0, "round {round}");
    }
    assert_eq!((front.connections(), target.connections()), (300, 300));
}

/// In both the upload that the redirect has overtaken stays alive (hyper#4176): its connection is
/// neither pooled nor closed.
#[tokio::test]
async fn b03_the_connection_of_a_parked_upload_is_closed() {
    let (target, _) = object_store().await;
    let location = target.url("/object");
    let (ended, end) = oneshot::channel();
    let ended = Mutex::new(Some(ended));
    let front = Server::start(move |mut connection, _| {
        let location = location.clone();
        let ended = ended.lock().unwrap().take().unwrap();
        async move {
            connection.head().await.unwrap();
            let redirected = Instant::now();
            connection.say(redirect(307, &location)).await;
            let bytes = connection.read_to_end().await.len();
            let _ = ended.send((bytes, redirected.elapsed()));
        }
    })
    .await;
    let (body, _) = OneShot::new(4 * MIB, 64 * KIB, Length::Known);
    let request = Request::put(front.url("/object")).body(body).unwrap();
    // The pool lives on: it is not the client's end that closes the connection.
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let response = client.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let (bytes, open) = soon(end).await.unwrap();
    println!("b03, parked: closed {open:?} after the redirect, {bytes} bytes sent");
    assert_eq!(bytes, 0);
    assert!(open < Duration::from_secs(2), "{open:?}; the goal is 100 ms");
    drop(client);
}

/// reqwest pushes all 32 MiB as soon as the front reads on, three seconds after the caller has got
/// the answer from elsewhere.
#[tokio::test]
async fn b03_an_upload_that_is_under_way_ends_when_the_redirect_is_followed() {
    const SIZE: u64 = 64 * MIB;
    let (target, received) = object_store().await;
    let location = target.url("/object");
    let (go_on, followed) = oneshot::channel();
    let (ended, end) = oneshot::channel();
    let channels = Mutex::new(Some((followed, ended)));
    let front = Server::start(move |mut connection, _| {
        let location = location.clone();
        let (followed, ended) = channels.lock().unwrap().take().unwrap();
        async move {
            connection.head().await.unwrap();
            connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
            let begun = connection.bytes(MIB as usize).await.len() as u64;
            connection.say(redirect(307, &location)).await;
            // It stops reading, keeps the socket, and reads on much later.
            followed.await.unwrap();
            let reading = Instant::now();
            let bytes = begun + connection.read_to_end().await.len() as u64;
            let _ = ended.send((bytes, reading.elapsed()));
        }
    })
    .await;
    let new_body = || OneShot::new(SIZE, 64 * KIB, Length::Known).0;
    let mut request = Request::put(front.url("/object")).body(new_body()).unwrap();
    request.extensions_mut().insert(BodyFactory::new(new_body));
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let response = client.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(received.load(Ordering::SeqCst), SIZE);
    go_on.send(()).unwrap();
    let (bytes, open) = soon(end).await.unwrap();
    println!("b03, under way: {bytes} bytes went to the front, closed {open:?} after it read on");
    assert!(bytes >= MIB);
    // What lay in the buffers of hyper and of two sockets when the redirect came.
    assert!(bytes < SIZE / 2, "{bytes}");
    assert!(open < Duration::from_secs(5), "{open:?}");
    drop(client);
}

/// tower-http's `Standard` returns `Ok(307)` for every request with content, `Full<Bytes>` too.
#[tokio::test]
async fn b07_full_bytes_are_replayed_by_default() {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&bodies);
    let server = Server::start(move |mut connection, _| {
        let seen = Arc::clone(&seen);
        async move {
            while let Some(head) = connection.head().await {
                let length = field(&head, "content-length").unwrap().parse().unwrap();
                let body = connection.bytes(length).await;
                let line = head.lines().next().unwrap().to_owned();
                seen.lock().unwrap().push((line.clone(), String::from_utf8(body).unwrap()));
                let answer = if line.contains("/old") { redirect(307, "/new") } else { OK.into() };
                connection.say(answer).await;
            }
        }
    })
    .await;
    let request = Request::post(server.url("/old")).body(Full::<Bytes>::from("ha ha")).unwrap();
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(text(response).await, "ok");
    let expected = [("POST /old HTTP/1.1", "ha ha"), ("POST /new HTTP/1.1", "ha ha")];
    let bodies = bodies.lock().unwrap();
    let found: Vec<_> = bodies.iter().map(|(line, body)| (&**line, &**body)).collect();
    assert_eq!(found, expected);
}

/// Both return `Ok(307)` for a stream that is gone, and nobody knows that nothing was uploaded.
#[tokio::test]
async fn b07_content_that_is_lost_is_an_error_that_owns_the_response() {
    for code in [301, 302, 307, 308] {
        let (body, _) = OneShot::new(256 * KIB, 16 * KIB, Length::Known);
        let request = Request::put("http://a.test/").body(body).unwrap();
        let mut call = Call::start(FollowRedirectLayer::new(), request);
        let mut first = call.next().await;
        let sent = (&mut first.body).collect().await.unwrap().to_bytes();
        assert_eq!(sent.len() as u64, 256 * KIB);
        first.redirect(code, "/other");
        let error = call.end().await.unwrap_err();
        assert_eq!(refused(&error), Some(RefusalKind::BodyNotReplayable), "{code}");
        let response = error.into_response().unwrap();
        assert_eq!(response.status(), code);
        assert_eq!(response.headers()[header::LOCATION], "/other");
        assert_eq!(text(response).await, "see there");
    }
}

/// 303 needs no content: a stream that is gone does not matter.
#[tokio::test]
async fn b07_content_that_is_not_needed_again_may_be_gone() {
    let (body, _) = OneShot::new(256 * KIB, 16 * KIB, Length::Known);
    let request = Request::put("http://a.test/").body(body).unwrap();
    let mut call = Call::start(FollowRedirectLayer::new(), request);
    let mut first = call.next().await;
    (&mut first.body).collect().await.unwrap();
    first.redirect(303, "/other");
    let second = call.next().await;
    assert_eq!(second.line(), "GET http://a.test/other");
    assert!(second.body.is_end_stream());
}

/// tower-http asks for `ReqBody: Default`: no proxy can hand the body on that it gets.
#[test]
fn b21_the_body_of_a_server_can_be_redirected() {
    fn is_service<S: Service<Request<B>>, B>() {}
    is_service::<FollowRedirect<HyperClient<Incoming>>, Incoming>();
    // Neither `Clone`, `Default`, `Sync` nor `Unpin`.
    is_service::<FollowRedirect<HyperClient<OneShot>>, OneShot>();
}

/// The same at run time, with the body moved on whole: nothing of it was sent.
#[tokio::test]
async fn b21_a_body_that_can_do_nothing_but_be_read_is_redirected() {
    let (body, counts) = OneShot::new(256 * KIB, 16 * KIB, Length::Unknown);
    let request = Request::put("http://a.test/").body(body).unwrap();
    let mut call = Call::start(FollowRedirectLayer::new(), request);
    call.next().await.redirect(307, "/other");
    let second = call.next().await;
    let content = second.body.collect().await.unwrap().to_bytes();
    assert!(content.len() as u64 == 256 * KIB && is_part(&content, 0));
    assert_eq!((counts.read(), counts.dropped()), (256 * KIB, 1));
}

/// A body of one frame that counts how often it is cloned and polled.
struct Counted {
    data: Option<Bytes>,
    clones: Arc<AtomicUsize>,
    polls: Arc<AtomicUsize>,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, Ordering::SeqCst);
        let (clones, polls) = (Arc::clone(&self.clones), Arc::clone(&self.polls));
        Self { data: self.data.clone(), clones, polls }
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.polls.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}

/// tower-http clones the body of every request, also of one that is not redirected.
#[tokio::test]
async fn b22_a_body_is_neither_cloned_nor_copied() {
    let (clones, polls) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let data = Bytes::from(vec![7; 1000]);
    let body = Counted {
        data: Some(data.clone()),
        clones: Arc::clone(&clones),
        polls: Arc::clone(&polls),
    };
    let mut call =
        Call::start(FollowRedirectLayer::new(), Request::put("http://a.test/").body(body).unwrap());
    let mut first = call.next().await;
    let frame = first.body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!((frame.as_ptr(), frame.len()), (data.as_ptr(), data.len()));
    assert!(first.body.frame().await.is_none());
    assert_eq!((clones.load(Ordering::SeqCst), polls.load(Ordering::SeqCst)), (0, 1));
    // Nor is it for a redirect: what was sent was kept.
    first.redirect(307, "/other");
    let mut second = call.next().await;
    let frame = second.body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(frame.as_ptr(), data.as_ptr());
    assert_eq!((clones.load(Ordering::SeqCst), polls.load(Ordering::SeqCst)), (0, 1));
    second.answer(ok());
    call.end().await.unwrap();
}

/// A server that answers 417 to every `Expect`, and to everything else as it is told. The heads of
/// all requests are returned.
async fn unexpecting(answer: &'static str) -> (Server, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    let server = Server::start(move |mut connection, _| {
        let seen = Arc::clone(&seen);
        async move {
            while let Some(head) = connection.head().await {
                seen.lock().unwrap().push(head.clone());
                if field(&head, "expect").is_some() {
                    connection.say(FAILED).await;
                    // Nothing of the content comes.
                    assert_eq!(connection.read_to_end().await.len(), 0);
                    return;
                }
                let length = field(&head, "content-length").unwrap().parse().unwrap();
                let body = connection.bytes(length).await;
                assert!(body.len() == length && is_part(&body, 0));
                connection.say(answer).await;
            }
        }
    })
    .await;
    (server, heads)
}

const FAILED: &str = "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 6\r\n\r\nno 100";

fn expecting(server: &Server) -> Request<OneShot> {
    // Large enough to be sent with `Expect` by itself too: the repetition is not.
    let (body, _) = OneShot::new(2 * MIB, 64 * KIB, Length::Known);
    let request = Request::put(server.url("/")).header(header::EXPECT, "100-continue");
    request.body(body).unwrap()
}

/// reqwest returns the 417, though RFC 9110 §10.1.1 says to repeat the request without `Expect`.
#[tokio::test]
async fn b35_a_request_is_repeated_without_the_expectation_that_failed() {
    let (server, heads) = unexpecting(OK).await;
    // It is no redirect: it counts for nothing.
    let client = FollowRedirectLayer::new().limit(0).layer(hyper_client());
    let response = soon(client.oneshot(expecting(&server))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(History::of(&response).is_none());
    let heads = heads.lock().unwrap();
    assert_eq!(heads.len(), 2);
    assert_eq!(field(&heads[0], "expect"), Some("100-continue"));
    assert_eq!(field(&heads[1], "expect"), None);
}

#[tokio::test]
async fn b35_a_second_417_is_final() {
    let (server, heads) = unexpecting(FAILED).await;
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let response = soon(client.oneshot(expecting(&server))).await.unwrap();
    assert_eq!(response.status(), StatusCode::EXPECTATION_FAILED);
    assert_eq!(text(response).await, "no 100");
    assert_eq!(heads.lock().unwrap().len(), 2);
}

/// A 417 to a request that expected nothing is about something else.
#[tokio::test]
async fn b35_a_417_without_an_expectation_is_handed_over() {
    let layer = FollowRedirectLayer::new().expect_continue(ExpectContinue::off());
    let mut call = Call::start(layer, send("PUT", "http://a.test/", "x"));
    call.next().await.answer(crate::support::step::status(417));
    assert_eq!(call.end().await.unwrap().status(), 417);
}
