//! Where content comes from when it is sent again: a file, or the temporary file of a spill.

use std::{
    error::Error as _,
    fs, io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{Request, Response, header};
use http_body::Body;
use http_body_util::{BodyExt, Empty, combinators::BoxBody};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    BodyFactory, ExpectContinue, FileBody, FollowRedirectLayer, History, RefusalKind, ReplayBody,
    Resend, Spill,
    policy::{self, Decision},
};

use crate::support::{
    body::{Counts, Length, OneShot, byte_at, is_part},
    hyper_client,
    raw::{OK, Server, field, redirect},
    text,
};

const MIB: u64 = 1 << 20;

/// Answers 307 when so many bytes of the content have come, and reads on.
async fn front(after: u64, location: String) -> Server {
    Server::start(move |mut connection, _| {
        let answer = redirect(307, &location);
        async move {
            connection.head().await.unwrap();
            assert_eq!(connection.bytes(after as usize).await.len() as u64, after);
            connection.say(answer).await;
            connection.read_to_end().await;
        }
    })
    .await
}

/// Counts what comes at its place; the content has a length, or is chunked.
async fn target() -> (Server, Arc<AtomicU64>) {
    let stored = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&stored);
    let server = Server::start(move |mut connection, _| {
        let count = Arc::clone(&count);
        async move {
            let head = connection.head().await.unwrap();
            let length = field(&head, "content-length").map(|length| length.parse().unwrap());
            let mut position = 0;
            while length.is_none_or(|length: u64| position < length) {
                let part = match length {
                    Some(length) => {
                        Some(connection.bytes((length - position).min(64 * 1024) as usize).await)
                    }
                    None => connection.chunk().await,
                };
                let Some(part) = part else { break };
                assert!(!part.is_empty() && is_part(&part, position), "at byte {position}");
                position += part.len() as u64;
                count.fetch_add(part.len() as u64, Ordering::SeqCst);
            }
            connection.say(OK).await;
            connection.read_to_end().await;
        }
    })
    .await;
    (server, stored)
}

fn at_once() -> FollowRedirectLayer {
    FollowRedirectLayer::new().expect_continue(ExpectContinue::off())
}

fn one_shot(url: String, size: u64, length: Length) -> (Request<OneShot>, Arc<Counts>) {
    let (body, counts) = OneShot::new(size, 64 * 1024, length);
    (Request::put(url).body(body).unwrap(), counts)
}

/// A file with the bytes of a [`OneShot`], which is gone when the test is.
struct Stored(PathBuf);

impl Stored {
    fn new(name: &str, size: u64) -> Self {
        let name = format!("tower-follow-redirect-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, (0..size).map(byte_at).collect::<Vec<_>>()).unwrap();
        Self(path)
    }
}

impl Drop for Stored {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn a_file_is_read_again_after_a_redirect_in_the_middle_of_it() {
    let file = Stored::new("again", 8 * MIB);
    let (target, stored) = target().await;
    let front = front(2 * MIB, target.url("/")).await;
    let policy = policy::redirect_fn(|attempt| match attempt.resend() {
        Resend::Recorded => Decision::Follow,
        _ => Decision::Stop,
    });
    let body = FileBody::open(&file.0).await.unwrap();
    // What is sent is the file that was opened, whatever becomes of its name.
    fs::remove_file(&file.0).unwrap();
    let request = Request::put(front.url("/")).body(body).unwrap();
    let client = at_once().replay_limit(0).with_policy(policy).layer(hyper_client());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(History::of(&response).unwrap().hops().len(), 1);
    assert_eq!(text(response).await, "ok");
    assert_eq!(stored.load(Ordering::SeqCst), 8 * MIB);
}

/// What the caller has read of it is not a part of the request.
#[tokio::test]
async fn a_file_that_was_read_in_part_is_sent_again_from_there() {
    let file = Stored::new("part", 600_000);
    let mut body = FileBody::open(&file.0).await.unwrap();
    let read = body.frame().await.unwrap().unwrap().into_data().unwrap().len();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&sent);
    let server = service_fn(move |request: Request<ReplayBody<FileBody>>| {
        let log = Arc::clone(&log);
        async move {
            let is_first = request.uri().path() == "/";
            let content = request.into_body().collect().await?.to_bytes();
            log.lock().unwrap().push(content);
            let response = match is_first {
                true => Response::builder().status(307).header(header::LOCATION, "/there"),
                false => Response::builder(),
            };
            Ok::<_, BoxError>(response.body(Empty::<bytes::Bytes>::new())?)
        }
    });
    let request = Request::put("http://a.test/").body(body).unwrap();
    FollowRedirectLayer::new().layer(server).oneshot(request).await.unwrap();
    let expected: Vec<u8> = (read as u64..600_000).map(byte_at).collect();
    assert_eq!(*sent.lock().unwrap(), [expected.clone(), expected]);
}

#[tokio::test]
async fn a_file_in_a_box_is_read_again_by_a_factory_of_clones() {
    let file = Stored::new("boxed", 2 * MIB);
    let (target, stored) = target().await;
    let front = front(MIB, target.url("/")).await;
    let body = FileBody::open(&file.0).await.unwrap();
    let boxed = |body: FileBody| BoxBody::new(body.map_err(BoxError::from));
    let factory = BodyFactory::new({
        let body = body.clone();
        move || boxed(body.clone())
    });
    let request = Request::put(front.url("/")).extension(factory).body(boxed(body)).unwrap();
    let client = at_once().replay_limit(0).layer(hyper_client());
    assert_eq!(text(client.oneshot(request).await.unwrap()).await, "ok");
    assert_eq!(stored.load(Ordering::SeqCst), 2 * MIB);
}

#[tokio::test]
async fn a_part_of_a_file_has_its_own_length() {
    let file = Stored::new("part", 1000);
    let whole = FileBody::from_std(fs::File::open(&file.0).unwrap()).unwrap();
    let part = whole.clone().range(251..600).unwrap();
    assert_eq!((part.len(), part.size_hint().exact()), (349, Some(349)));
    let again = part.clone();
    for body in [part, again] {
        let bytes = body.collect().await.unwrap().to_bytes();
        assert!(bytes.len() == 349 && is_part(&bytes, 251));
    }
    let empty = whole.clone().range(1000..1000).unwrap();
    assert!(empty.is_end_stream());
    let reversed = std::ops::Range { start: 5, end: 4 };
    for range in [0..1001, reversed, 1001..1001] {
        let error = whole.clone().range(range.clone()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{range:?}");
    }
    let narrow = whole.range(10..20).unwrap();
    assert!(narrow.range(0..15).is_err(), "a part has no more than it is");
}

#[tokio::test]
async fn a_file_that_becomes_shorter_is_an_error_and_no_short_upload() {
    let file = Stored::new("shorter", 2 * MIB);
    let body = FileBody::open(&file.0).await.unwrap();
    fs::OpenOptions::new().write(true).open(&file.0).unwrap().set_len(MIB + 1).unwrap();
    let error = body.collect().await.unwrap_err();
    assert_eq!(error.to_string(), "the file has become shorter while it was sent");
}

#[tokio::test]
async fn what_is_no_file_is_refused() {
    let error = FileBody::open(std::env::temp_dir()).await.unwrap_err();
    assert_eq!(error.to_string(), "it is no regular file, and cannot be read again");
}

/// A body may be polled anywhere; that must not panic.
#[test]
fn outside_of_tokio_a_file_is_an_error() {
    let file = Stored::new("outside", 10);
    let mut body = FileBody::from_std(fs::File::open(&file.0).unwrap()).unwrap();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let polled = std::pin::pin!(&mut body).poll_frame(&mut context);
    assert!(matches!(polled, std::task::Poll::Ready(Some(Err(_)))));
}

#[tokio::test]
async fn a_one_shot_upload_past_the_limit_follows_a_redirect_by_its_spill() {
    for length in [Length::Known, Length::Unknown] {
        let (target, stored) = target().await;
        let front = front(24 * MIB, target.url("/")).await;
        let (request, counts) = one_shot(front.url("/"), 32 * MIB, length);
        let client = at_once().spill(Spill::up_to(64 * MIB)).layer(hyper_client());
        assert_eq!(text(client.oneshot(request).await.unwrap()).await, "ok");
        assert_eq!(stored.load(Ordering::SeqCst), 32 * MIB, "{length:?}");
        assert_eq!((counts.read(), counts.dropped()), (32 * MIB, 1), "{length:?}");
    }
}

/// Twice in the middle, the second time before the replay has come to what is new.
#[tokio::test]
async fn a_spill_is_read_by_one_hop_after_the_other() {
    let (target, stored) = target().await;
    let second = front(2 * MIB, target.url("/")).await;
    let first = front(12 * MIB, second.url("/")).await;
    let (request, counts) = one_shot(first.url("/"), 16 * MIB, Length::Known);
    let client = at_once().spill(Spill::up_to(16 * MIB)).layer(hyper_client());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(History::of(&response).unwrap().hops().len(), 2);
    assert_eq!(text(response).await, "ok");
    assert_eq!(stored.load(Ordering::SeqCst), 16 * MIB);
    assert_eq!((counts.read(), counts.dropped()), (16 * MIB, 1));
}

#[tokio::test]
async fn past_the_limit_of_the_spill_the_upload_goes_on_and_a_redirect_is_refused() {
    let (target, stored) = target().await;
    let (request, _) = one_shot(target.url("/"), 16 * MIB, Length::Known);
    let client = at_once().spill(Spill::up_to(MIB)).layer(hyper_client());
    assert_eq!(text(client.clone().oneshot(request).await.unwrap()).await, "ok");
    assert_eq!(stored.load(Ordering::SeqCst), 16 * MIB);

    let front = front(8 * MIB, target.url("/")).await;
    let (request, _) = one_shot(front.url("/"), 16 * MIB, Length::Known);
    let error = client.oneshot(request).await.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!(refusal.kind(), RefusalKind::BodyNotReplayable);
    assert!(refusal.source().is_none(), "{refusal:?}");
    assert_eq!(error.into_response().unwrap().status(), 307);
}

#[tokio::test]
async fn a_spill_that_fails_costs_only_the_redirect_and_is_named() {
    let spill = Spill::up_to(64 * MIB).directory("/nowhere/at/all");
    let client = at_once().spill(spill).layer(hyper_client());
    let (target, stored) = target().await;
    let (request, _) = one_shot(target.url("/"), 16 * MIB, Length::Known);
    assert_eq!(text(client.clone().oneshot(request).await.unwrap()).await, "ok");
    assert_eq!(stored.load(Ordering::SeqCst), 16 * MIB);

    let front = front(8 * MIB, target.url("/")).await;
    let (request, _) = one_shot(front.url("/"), 16 * MIB, Length::Known);
    let error = client.oneshot(request).await.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!(refusal.kind(), RefusalKind::BodyNotReplayable);
    let source = refusal.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::NotFound);
    println!("{refusal}: {source}");
}
