//! What is let go of once it is of no more use, and what is not let go of before.

use std::{
    collections::VecDeque,
    convert::Infallible,
    fs, io,
    path::Path,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tokio::{
    net::TcpListener,
    sync::oneshot,
    time::{Instant, timeout},
};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    Drain, ExpectContinue, FileBody, FollowRedirectLayer, ReplayBody, Spill,
    policy::{self, Decision, ExpectSupport, Policy, S3},
};

use crate::support::{
    body::{Length, Never, OneShot, Pieces},
    eventually, get, hyper_client,
    raw::{Server, redirect},
    step::{Call, ok},
    text,
};

fn put<B>(uri: &str, body: B) -> Request<B> {
    Request::put(uri).body(body).unwrap()
}

/// What is sent at once, and recorded.
fn layer() -> FollowRedirectLayer {
    FollowRedirectLayer::new().expect_continue(ExpectContinue::off())
}

/// The files of a directory that are open, with their names or without.
fn open_files(directory: &Path) -> usize {
    let open = fs::read_dir("/proc/self/fd").unwrap();
    let names = open.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    names.filter(|name| name.starts_with(directory)).count()
}

fn nothing() -> ReplayBody<OneShot> {
    ReplayBody::new(OneShot::new(0, 1, Length::Known).0)
}

/// A body whose polls the test sees and stops.
struct Watched {
    polls: Arc<AtomicUsize>,
    stage: Arc<Mutex<Stage>>,
    left: VecDeque<&'static str>,
}

enum Stage {
    Pending,
    /// The next poll says that it has begun, and waits until it may go on.
    Stopped(oneshot::Sender<()>, mpsc::Receiver<()>),
    Ready,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.polls.fetch_add(1, Ordering::SeqCst);
        {
            let mut stage = self.stage.lock().unwrap();
            match std::mem::replace(&mut *stage, Stage::Ready) {
                Stage::Pending => {
                    *stage = Stage::Pending;
                    return Poll::Pending;
                }
                Stage::Stopped(begun, go_on) => {
                    begun.send(()).unwrap();
                    go_on.recv().unwrap();
                }
                Stage::Ready => {}
            }
        }
        let text = self.left.pop_front();
        Poll::Ready(text.map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
    }
}

/// The server says that it takes the upload, and redirects nevertheless, before anything was read of it. The
/// next one redirects while it is being read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_frame_is_lost_after_a_100_that_has_decided_nothing() {
    let (polls, stage) = (Arc::default(), Arc::new(Mutex::new(Stage::Pending)));
    let body = Watched {
        polls: Arc::clone(&polls),
        stage: Arc::clone(&stage),
        left: ["one ", "two"].into(),
    };
    let front = Server::start(move |mut connection, _| {
        let polls = Arc::clone(&polls);
        async move {
            connection.head().await.unwrap();
            connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
            eventually("the upload is polled", || polls.load(Ordering::SeqCst) > 0).await;
            connection.say(redirect(307, "http://b.test/")).await;
            connection.read_to_end().await;
        }
    })
    .await;
    let (go_on, waits) = mpsc::channel();
    let (stopped, hyper) = (Arc::new(Mutex::new(Some(waits))), hyper_client::<Watched>());
    let inner = service_fn(move |request: Request<ReplayBody<Watched>>| {
        let (stopped, stage) = (Arc::clone(&stopped), Arc::clone(&stage));
        let (hyper, go_on) = (hyper.clone(), go_on.clone());
        async move {
            let location = match request.uri().host().unwrap() {
                "b.test" => {
                    let (begun, begins) = oneshot::channel();
                    let waits = stopped.lock().unwrap().take().unwrap();
                    *stage.lock().unwrap() = Stage::Stopped(begun, waits);
                    let mut body = request.into_body();
                    // A transport on another thread.
                    std::thread::spawn(move || {
                        let mut cx = Context::from_waker(Waker::noop());
                        let _ = Pin::new(&mut body).poll_frame(&mut cx);
                    });
                    begins.await.unwrap();
                    "http://c.test/"
                }
                "c.test" => {
                    go_on.send(()).unwrap();
                    let content = request.into_body().collect().await?.to_bytes();
                    return Ok::<_, BoxError>(Response::new(Full::new(content)));
                }
                _ => {
                    let (head, body) = hyper.request(request).await?.into_parts();
                    return Ok(Response::from_parts(
                        head,
                        Full::new(body.collect().await?.to_bytes()),
                    ));
                }
            };
            let moved = Response::builder().status(307).header("location", location);
            Ok(moved.body(Full::default())?)
        }
    });
    let decides = policy::expect_fn(|request| match request.uri.host() {
        Some("127.0.0.1") => ExpectSupport::Decides,
        _ => ExpectSupport::Unknown,
    });
    let client = FollowRedirectLayer::new().with_policy(decides.and(Decision::Follow)).layer(inner);
    let response = client.oneshot(put(&front.url("/"), body)).await.unwrap();
    assert_eq!(text(response).await, "one two");
}

/// No redirect can follow it.
#[tokio::test]
async fn an_upload_beside_a_final_response_is_not_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let spill = Spill::up_to(1 << 40).directory(directory.path());
    let (body, _) = OneShot::new(8 << 20, 1 << 20, Length::Unknown);
    let mut call = Call::start(layer().spill(spill), put("http://a.test/", body));
    let mut hop = call.next().await;
    let mut upload = std::mem::replace(&mut hop.body, nothing());
    hop.answer(ok());
    let response = call.end().await.unwrap();
    for _ in 0..7 {
        upload.frame().await.unwrap().unwrap();
    }
    assert_eq!(open_files(directory.path()), 0);
    assert_eq!(text(response).await, "ok");
}

/// Its transport waits for a server that reads no more and keeps its socket.
#[tokio::test]
async fn an_old_hop_that_is_stuck_keeps_nothing_of_the_upload() {
    let directory = tempfile::tempdir().unwrap();
    let spill = Spill::up_to(1 << 40).directory(directory.path());
    let (body, _) = OneShot::new(8 << 20, 1 << 20, Length::Known);
    let mut call = Call::start(layer().spill(spill), put("http://a.test/", body));
    let mut first = call.next().await;
    for _ in 0..4 {
        first.body.frame().await.unwrap().unwrap();
    }
    let stuck = std::mem::replace(&mut first.body, nothing());
    first.redirect(307, "/b");
    let mut second = call.next().await;
    let mut length = 0;
    while let Some(frame) = second.body.frame().await {
        length += frame.unwrap().into_data().unwrap().len();
    }
    assert_eq!((length, open_files(directory.path())), (8 << 20, 1));
    second.answer(ok());
    call.end().await.unwrap();
    eventually("the file is closed", || open_files(directory.path()) == 0).await;
    drop(stuck);
}

/// Somebody who looks for the end of a body need not ask it for another frame.
#[tokio::test]
async fn a_response_at_its_end_ends_its_upload() {
    let (ended, mut has_ended) = tokio::sync::mpsc::channel(1);
    let server = Server::start(move |mut connection, _| {
        let ended = ended.clone();
        async move {
            connection.head().await.unwrap();
            connection.say("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").await;
            ended.send(connection.read_to_end().await.len()).await.unwrap();
        }
    })
    .await;
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let (body, _) = OneShot::new(2 << 20, 64 << 10, Length::Known);
    let response = client.oneshot(put(&server.url("/"), body)).await.unwrap();
    let mut body = response.into_body();
    while !body.is_end_stream() {
        body.frame().await.unwrap().unwrap();
    }
    assert_eq!(timeout(Duration::from_secs(10), has_ended.recv()).await.unwrap(), Some(0));
    drop(body);
}

/// The cancelled upload resets the stream, of which the caller hears nothing.
#[tokio::test]
async fn the_end_of_a_response_over_http2_may_be_asked_for_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let mut kept = Vec::new();
        while let Some(request) = connection.accept().await {
            let (request, mut respond) = request.unwrap();
            let moved = Response::builder().status(307).header("location", "/b").body(());
            let mut content = respond.send_response(moved.unwrap(), false).unwrap();
            content.send_data(Bytes::from_static(b"moved"), true).unwrap();
            kept.push((request, content));
        }
    });
    let runtime = hyper_util::rt::TokioExecutor::new();
    let client = hyper_util::client::legacy::Client::builder(runtime).http2_only(true).build_http();
    let client = FollowRedirectLayer::new().with_policy(Decision::Stop).layer(client);
    let (sender, body) = Pieces::new();
    sender.send(Bytes::from_static(b"piece")).unwrap();
    let mut body = client.oneshot(put(&url, body)).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "moved");
    assert!(body.frame().await.is_none());
    eventually("the upload is cancelled", || sender.is_closed()).await;
    assert!(body.is_end_stream());
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_drain_of_nothing_waits_for_nothing() {
    let never = service_fn(|request: Request<ReplayBody<_>>| async move {
        let response = Response::builder();
        let response = match request.uri().path() {
            "/" => response.status(302).header("location", "/b").body(Never),
            _ => response.body(Never),
        };
        Ok::<_, BoxError>(response?)
    });
    let client = FollowRedirectLayer::new().drain(Drain::up_to(0)).layer(never);
    let began = Instant::now();
    client.oneshot(get("http://a.test/")).await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

/// The future of the call may be kept, when it has ended.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_too_late_ends_its_upload() {
    let (ended, has_ended) = oneshot::channel();
    let ended = Arc::new(Mutex::new(Some(ended)));
    let inner = service_fn(move |request: Request<ReplayBody<Pieces>>| {
        let ended = ended.lock().unwrap().take().unwrap();
        tokio::spawn(async move { ended.send(request.into_body().collect().await.is_err()) });
        std::future::pending::<Result<Response<Full<Bytes>>, BoxError>>()
    });
    let (_sender, body) = Pieces::new();
    let client = layer().total_time(Duration::from_secs(5)).layer(inner);
    let mut call = Box::pin(client.oneshot(put("http://a.test/", body)));
    assert!((&mut call).await.is_err());
    assert!(timeout(Duration::from_secs(5), has_ended).await.unwrap().unwrap());
    drop(call);
}

#[tokio::test]
async fn a_call_that_hears_too_much_ends_its_hop() {
    let (ended, mut has_ended) = tokio::sync::mpsc::channel(1);
    let server = Server::start(move |mut connection, _| {
        let ended = ended.clone();
        async move {
            connection.head().await.unwrap();
            connection.say("HTTP/1.1 102 Processing\r\n\r\n".repeat(20)).await;
            connection.read_to_end().await;
            ended.send(()).await.unwrap();
        }
    })
    .await;
    let client = FollowRedirectLayer::new().informational_limit(10).layer(hyper_client());
    let (body, _) = OneShot::new(2 << 20, 64 << 10, Length::Known);
    let mut call = Box::pin(client.oneshot(put(&server.url("/"), body)));
    assert!((&mut call).await.is_err());
    timeout(Duration::from_secs(10), has_ended.recv()).await.unwrap().unwrap();
    drop(call);
}

/// As a signer does that hashes the content, or a server that is called without a network.
#[tokio::test(start_paused = true)]
async fn who_keeps_the_head_and_reads_the_content_waits_for_no_answer_without_end() {
    let known = policy::expect_fn(|_| ExpectSupport::Answers).and(Decision::Follow);
    let layers: [FollowRedirectLayer<Box<dyn Policy>>; 2] = [
        FollowRedirectLayer::new().with_policy(Box::new(S3::new())),
        FollowRedirectLayer::new().with_policy(Box::new(known)),
    ];
    for layer in layers {
        let inner = service_fn(|request: Request<ReplayBody<Full<Bytes>>>| async move {
            let (head, body) = request.into_parts();
            let length = body.collect().await?.to_bytes().len();
            Ok::<_, BoxError>(Response::new(Full::new(Bytes::from(format!(
                "{} {length}",
                head.method
            )))))
        });
        let began = Instant::now();
        let content = Full::new(Bytes::from(vec![0; 2 << 20]));
        let request = put("https://quotes.s3.eu-west-1.amazonaws.com/key", content);
        let response = layer.layer(inner).oneshot(request).await.unwrap();
        assert_eq!(text(response).await, "PUT 2097152");
        assert_eq!(began.elapsed().as_secs(), 30);
    }
}

/// Nobody writes to it, and so it cannot even be opened.
#[cfg(unix)]
#[tokio::test]
async fn a_pipe_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let opened = timeout(Duration::from_secs(10), FileBody::open(&path)).await.unwrap();
    assert_eq!(opened.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_of_unknown_length_is_no_empty_upload() {
    let error = FileBody::open("/proc/self/status").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("empty");
    fs::write(&path, "").unwrap();
    assert_eq!(FileBody::open(&path).await.unwrap().len(), 0);
}
