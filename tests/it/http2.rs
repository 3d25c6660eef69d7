//! HTTP/2 over real sockets: no informational responses, and streams instead of connections.

use std::{
    future::poll_fn,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
};
use tower::{BoxError, Layer, ServiceExt};
use tower_follow_redirect::{ExpectContinue, FollowRedirectLayer, OnRefusal};

use crate::support::{
    HyperClient,
    body::{Counts, Late, Length, OneShot},
    eventually, text,
};

const MIB: u64 = 1 << 20;

fn http2_client<B>() -> HyperClient<B>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    Client::builder(TokioExecutor::new()).http2_only(true).build_http()
}

/// Answers `/old` with a redirect to `/new` whose body comes late, and `/new` with the length and the
/// trailer of what came.
async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    addr
}

async fn answer(
    request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, BoxError>>, BoxError> {
    if request.uri().path() == "/old" {
        // It would read all there is: nothing but the client ends this stream.
        tokio::spawn(request.into_body().collect());
        let body = Late::new(Duration::from_millis(60), "moved").map_err(Into::into).boxed();
        let response = Response::builder().status(307).header(header::LOCATION, "/new");
        return Ok(response.body(body)?);
    }
    let content = request.into_body().collect().await?;
    let trailer = content.trailers().and_then(|trailers| trailers.get("x-checksum")).cloned();
    let length = content.to_bytes().len();
    let text = format!("{length} {}", trailer.as_ref().map_or("-", |t| t.to_str().unwrap()));
    Ok(Response::new(Full::from(text).map_err(Into::into).boxed()))
}

fn put(addr: SocketAddr, path: &str, size: u64) -> (Request<OneShot>, Arc<Counts>) {
    let (body, counts) = OneShot::new(size, 16 * 1024, Length::Unknown);
    (Request::put(format!("http://{addr}{path}")).body(body).unwrap(), counts)
}

#[tokio::test]
async fn an_upload_is_sent_at_once() {
    let (request, _) = put(server().await, "/new", 2 * MIB);
    let begun = Instant::now();
    let expect = ExpectContinue::default().wait(Duration::from_secs(60));
    let client = FollowRedirectLayer::new().expect_continue(expect).layer(http2_client());
    let response = client.oneshot(request).await.unwrap();
    println!("2 MiB took {:?}", begun.elapsed());
    assert_eq!(text(response).await, format!("{} -", 2 * MIB));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn an_upload_follows_a_307_whose_body_is_late() {
    let (request, counts) = put(server().await, "/old", 8 * MIB);
    let layer = FollowRedirectLayer::new().replay_limit(8 * MIB);
    let response = layer.layer(http2_client()).oneshot(request).await.unwrap();
    assert_eq!(text(response).await, format!("{} -", 8 * MIB));
    assert_eq!((counts.read(), counts.dropped()), (8 * MIB, 1));
}

#[tokio::test]
async fn with_a_wait_asked_for_a_final_status_saves_the_upload() {
    let (request, counts) = put(server().await, "/old", 2 * MIB);
    let expect = ExpectContinue::default().wait(Duration::from_secs(60)).wait_unreported();
    let layer = FollowRedirectLayer::new().expect_continue(expect).limit(0);
    let client = layer.on_refusal(OnRefusal::Return).layer(http2_client());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 307);
    assert_eq!(text(response).await, "moved");
    eventually("the body is dropped", || counts.dropped() == 1).await;
    assert_eq!(counts.read(), 0);
}

#[tokio::test]
async fn trailers_survive_a_redirect() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", HeaderValue::from_static("42"));
    let body = Full::new(Bytes::from("ha ha\n")).with_trailers(async { Some(Ok(trailers)) });
    let url = format!("http://{}/old", server().await);
    let client = FollowRedirectLayer::new().layer(http2_client());
    let response = client.oneshot(Request::post(url).body(body).unwrap()).await.unwrap();
    assert_eq!(text(response).await, "6 42");
}

/// Serves one connection after another, and counts them. `/refused` is answered at once; `/slow` when
/// the test says so. The content of each request is reported when it ends.
struct Streams {
    addr: SocketAddr,
    connections: Arc<AtomicUsize>,
    go: Arc<Notify>,
    ended: mpsc::UnboundedReceiver<(String, Result<usize, String>)>,
}

impl Streams {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (report, ended) = mpsc::unbounded_channel();
        let (connections, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (count, gate) = (Arc::clone(&connections), Arc::clone(&go));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let (report, gate) = (report.clone(), Arc::clone(&gate));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (report, gate) = (report.clone(), Arc::clone(&gate));
                    async move { Ok::<_, BoxError>(stream_answer(request, report, gate).await) }
                });
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { addr, connections, go, ended }
    }
}

async fn stream_answer(
    request: Request<Incoming>,
    report: mpsc::UnboundedSender<(String, Result<usize, String>)>,
    gate: Arc<Notify>,
) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let content = async move {
        let content = request.into_body().collect().await;
        content.map(|content| content.to_bytes().len()).map_err(|error| error.to_string())
    };
    let mut response = Response::new(Full::from("ok"));
    if path == "/refused" {
        *response.status_mut() = StatusCode::FORBIDDEN;
        tokio::spawn(async move { report.send((path, content.await)) });
    } else {
        let content = content.await;
        report.send((path, content)).unwrap();
        gate.notified().await;
    }
    response
}

#[tokio::test]
async fn a_final_status_within_the_wait_ends_only_its_own_stream() {
    let mut server = Streams::start().await;
    let expect = ExpectContinue::default().wait(Duration::from_secs(600)).wait_unreported();
    let client = FollowRedirectLayer::new().expect_continue(expect).layer(http2_client());

    // Less than what waits: it is sent, and its answer is still to come.
    let (body, _) = OneShot::new(100_000, 16 * 1024, Length::Known);
    let slow = Request::put(format!("http://{}/slow", server.addr)).body(body).unwrap();
    let slow = tokio::spawn(client.clone().oneshot(slow));
    assert_eq!(server.ended.recv().await.unwrap(), ("/slow".into(), Ok(100_000)));

    let (request, counts) = put(server.addr, "/refused", 2 * MIB);
    let response = client.clone().oneshot(request).await.unwrap();
    assert_eq!((response.status().as_u16(), text(response).await), (403, "ok".into()));
    eventually("the body is dropped", || counts.dropped() == 1).await;
    assert_eq!(counts.read(), 0);
    let (path, content) = server.ended.recv().await.unwrap();
    println!("{path}: {content:?}");
    assert!(path == "/refused" && content.is_err(), "it looks like a whole upload: {content:?}");

    server.go.notify_one();
    assert_eq!(text(slow.await.unwrap().unwrap()).await, "ok");
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

/// Where the response is at its end the upload ends at once, and with it the stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_without_content_is_whole_although_its_stream_is_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (reset, mut resets) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut requests = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((_, mut respond))) = requests.accept().await {
            let response = Response::builder().status(401).body(()).unwrap();
            let mut stream = respond.send_response(response, true).unwrap();
            let reset = reset.clone();
            tokio::spawn(async move {
                let reason = poll_fn(|cx| stream.poll_reset(cx)).await;
                let _ = reset.send(reason.is_ok());
            });
        }
    });
    let expect = ExpectContinue::default().wait(Duration::from_secs(60)).wait_unreported();
    let client = FollowRedirectLayer::new().expect_continue(expect).layer(http2_client());
    for _ in 0..50 {
        let (request, counts) = put(addr, "/", 2 * MIB);
        let response = client.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 401);
        assert!(resets.recv().await.unwrap(), "the stream is reset");
        assert_eq!(text(response).await, "");
        assert_eq!((counts.read(), counts.dropped()), (0, 1));
    }
}
