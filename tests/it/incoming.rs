//! A reverse proxy hands the body that it is receiving straight to the layer.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::timeout,
};
use tower::{BoxError, Layer, ServiceExt};
use tower_follow_redirect::{FollowRedirectLayer, ResponseBody};

use crate::support::{
    body::{Length, OneShot, byte_at, is_part},
    hyper_client,
    raw::{OK, Server, redirect},
};

const SIZE: u64 = 4 << 20;

#[tokio::test]
async fn an_upload_passes_a_proxy_and_a_redirect_to_another_origin() {
    for length in [Length::Known, Length::Unknown] {
        let target = serve(|request: Request<Incoming>| async move {
            let content = request.into_body().collect().await?.to_bytes();
            Ok(Response::new(Full::new(content)))
        })
        .await;
        let wasted = Arc::new(AtomicUsize::new(0));
        let front = divert(format!("http://{target}/object"), Arc::clone(&wasted)).await;
        let proxy = proxy(front.url("/object")).await;

        let (body, counts) = OneShot::new(SIZE, 64 * 1024, length);
        let request = Request::put(format!("http://{proxy}/")).body(Box::pin(body)).unwrap();
        let caller = Client::builder(TokioExecutor::new()).build_http();
        let response = caller.request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{length:?}");
        let echo = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!((echo.len() as u64, counts.read()), (SIZE, SIZE), "{length:?}");
        assert!(is_part(&echo, 0), "{length:?}");
        assert_eq!(wasted.load(Ordering::SeqCst), 0, "body bytes at the front, {length:?}");
    }
}

/// Hop by hop, the go-ahead is that of the host which takes the upload.
#[tokio::test]
async fn the_caller_waits_until_the_target_says_continue() {
    let asked = Arc::new(Notify::new());
    let go_ahead = Arc::new(Notify::new());
    let (asking, going) = (Arc::clone(&asked), Arc::clone(&go_ahead));
    let target = Server::start(move |mut connection, _| {
        let (asked, go_ahead) = (Arc::clone(&asking), Arc::clone(&going));
        async move {
            connection.head().await.unwrap();
            asked.notify_one();
            go_ahead.notified().await;
            connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
            let body = connection.bytes(SIZE as usize).await;
            assert!(body.len() as u64 == SIZE && is_part(&body, 0));
            connection.say(OK).await;
        }
    })
    .await;
    let wasted = Arc::new(AtomicUsize::new(0));
    let front = divert(target.url("/object"), Arc::clone(&wasted)).await;
    let proxy = proxy(front.url("/object")).await;

    let mut caller = TcpStream::connect(proxy).await.unwrap();
    let head = format!(
        "PUT / HTTP/1.1\r\nhost: proxy.test\r\ncontent-length: {SIZE}\r\n\
         expect: 100-continue\r\nconnection: close\r\n\r\n"
    );
    caller.write_all(head.as_bytes()).await.unwrap();
    asked.notified().await;
    let early = timeout(Duration::from_millis(100), caller.read_u8()).await;
    assert!(early.is_err(), "the caller heard {early:?} before the target said anything");
    go_ahead.notify_one();
    let mut interim = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    caller.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    caller.write_all(&(0..SIZE).map(byte_at).collect::<Vec<_>>()).await.unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(wasted.load(Ordering::SeqCst), 0, "body bytes at the front");
}

/// Starts a front that redirects at once, and counts what it gets of a body.
async fn divert(location: String, wasted: Arc<AtomicUsize>) -> Server {
    Server::start(move |mut connection, _| {
        let (answer, wasted) = (redirect(307, &location), Arc::clone(&wasted));
        async move {
            connection.head().await.unwrap();
            connection.say(answer).await;
            wasted.fetch_add(connection.read_to_end().await.len(), Ordering::SeqCst);
        }
    })
    .await
}

/// Starts a proxy that sends every request on to `upstream`.
async fn proxy(upstream: String) -> SocketAddr {
    let client = FollowRedirectLayer::new().layer(hyper_client::<Incoming>());
    serve(move |mut request: Request<Incoming>| {
        let client = client.clone();
        *request.uri_mut() = upstream.parse().unwrap();
        request.headers_mut().remove(header::HOST);
        request.headers_mut().remove(header::CONNECTION);
        async move {
            let response: Response<ResponseBody<Incoming>> = client.oneshot(request).await?;
            Ok(response)
        }
    })
    .await
}

/// Starts a hyper server.
async fn serve<H, F, B>(handler: H) -> SocketAddr
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, BoxError>> + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = service_fn(handler.clone());
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}
