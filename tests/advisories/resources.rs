//! Bodies and heads without an end, and settings that a hop forgets.

use std::{
    convert::Infallible,
    io::Write,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    ExpectContinue, FollowRedirectLayer, RefusalKind, ReplayBody, TooManyInformational,
    policy::{self, Decision, HttpsOnly, RequestPolicy, Verdict},
};

use crate::{
    body::{Length, OneShot},
    raw,
    stage::{Seen, Stage, call, get},
};

/// The limit on a response's size was forgotten after a redirect.
#[tokio::test]
async fn cve_2020_15168_node_fetch_size_limit() {
    /// A setting for one request, which a layer inside reads on every hop.
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct SizeLimit(u64);

    let stage =
        Stage::start([raw::redirect(302, "/1"), raw::redirect(302, "http://b.test/")]).await;
    let client = stage.client();
    let limited = service_fn(move |request: Request<ReplayBody<Full<Bytes>>>| {
        assert_eq!(request.extensions().get(), Some(&SizeLimit(10)), "{:?}", request.uri());
        client.clone().oneshot(request)
    });
    let layer = FollowRedirectLayer::new().keep_extension::<SizeLimit>();
    let request = Request::get("http://a.test/").extension(SizeLimit(10)).body(Full::default());
    let response = layer.layer(limited).oneshot(request.unwrap()).await.unwrap();
    assert_eq!((response.status(), stage.requests().len()), (StatusCode::OK, 3));
}

/// That redirects are off was forgotten where the pool was told so, and not the request.
#[tokio::test]
async fn cve_2025_50181_urllib3_redirects_off() {
    let call = get("http://a.test/").policy(Decision::Stop);
    call.moved(302, "http://evil.test/").send().await.was_refused(RefusalKind::Policy);
}

/// It was forgotten in another environment. A request may say so, too.
#[tokio::test]
async fn cve_2025_50182_urllib3_redirects_off() {
    let call = get("http://a.test/").extension(RequestPolicy::new(Decision::Stop));
    call.moved(302, "http://evil.test/").send().await.was_refused(RefusalKind::Policy);
}

/// Content that grows by a thousand when it is decoded was decoded only to be thrown away.
#[tokio::test]
async fn cve_2026_21441_ghsa_38jv_5279_wg99_urllib3_bomb() {
    bomb("gzip", gzip(&vec![0; 64 << 20])).await;
}

/// There was no end to how often content may be encoded.
#[tokio::test]
async fn cve_2025_66418_urllib3_chain_of_encodings() {
    bomb(&["gzip"; 50].join(", "), gzip(&gzip(&vec![0; 8 << 20]))).await;
}

/// A small part of the content was asked for, and all of it decoded.
#[tokio::test]
async fn cve_2025_66471_urllib3_streaming() {
    bomb("deflate", gzip(&vec![0; 32 << 20])).await;
}

/// There was no end to how often content may be encoded.
#[tokio::test]
async fn cve_2022_32206_curl_chain_of_encodings() {
    bomb(&["gzip"; 1000].join(","), gzip(&gzip(&gzip(&vec![0; 8 << 20])))).await;
}

/// The end was counted per field, and there were many.
#[tokio::test]
async fn cve_2023_23916_curl_chain_of_fields() {
    bomb(&["gzip"; 40].join("\r\ncontent-encoding: "), gzip(&vec![0; 8 << 20])).await;
}

/// Sends content that would decode to megabytes with a redirect: it is read as it is, to its end, so
/// that the next request comes on the same connection.
async fn bomb(encoding: &str, content: Vec<u8>) {
    assert!(content.len() < 100 << 10, "{}", content.len());
    let encoding = encoding.to_owned();
    let server = raw::Server::start(move |mut connection, _| {
        let head = format!(
            "HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-encoding: {encoding}\r\n\
             content-length: {}\r\n\r\n",
            content.len()
        );
        let content = content.clone();
        async move {
            while let Some(request) = connection.head().await {
                if request.starts_with("GET /x") {
                    connection.say(raw::OK).await;
                } else {
                    connection.say(&head).await;
                    connection.say(&content).await;
                }
            }
        }
    })
    .await;
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new());
    let client = FollowRedirectLayer::new().layer(client.build_http());
    let request = Request::get(server.url("/")).body(Full::<Bytes>::default()).unwrap();
    assert_eq!(client.oneshot(request).await.unwrap().status(), StatusCode::OK);
    assert_eq!(server.connections(), 1);
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A body without an end, as a decoder inside of the layer makes it of a bomb.
struct Endless {
    read: Arc<AtomicU64>,
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.read.fetch_add(8192, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 8192])))))
    }
}

/// After the first part was read, the rest was decoded whatever its size.
#[tokio::test]
async fn cve_2026_44432_ghsa_mf9v_mfxr_j63j_urllib3_after_a_part() {
    let read = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&read);
    let decoder = service_fn(move |request: Request<ReplayBody<Full<Bytes>>>| {
        let body = Endless { read: Arc::clone(&counter) };
        let response = Response::builder().header(header::LOCATION, "/x");
        let status = if request.uri().path() == "/x" { 200 } else { 302 };
        std::future::ready(response.status(status).body(body))
    });
    let policy = policy::redirect_fn(|attempt| match attempt.peeked() {
        None => Verdict::Peek(10_000),
        Some(_) => Decision::Follow.into(),
    });
    let client = FollowRedirectLayer::new().with_policy(policy).layer(decoder);
    let request = Request::get("http://a.test/").body(Full::default()).unwrap();
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    // What was looked at, and what is drained: 128 KiB, and a frame.
    let read = read.load(Ordering::SeqCst);
    assert!(read <= 10_000 + (128 << 10) + 2 * 8192, "{read}");
}

/// The size of a chunk was negative, and so was what remained to be skipped.
#[tokio::test]
async fn cve_2017_13089_wget_negative_chunk() {
    for size in ["-1", "-FFFFFFF0", "ffffffffffffffff", "fffffffffffffffff"] {
        let answer = format!(
            "HTTP/1.1 302 Found\r\nlocation: /x\r\ntransfer-encoding: chunked\r\n\r\n\
             {size}\r\nxxxx\r\n"
        );
        let begun = Instant::now();
        let seen = get("http://a.test/").answer(answer).send().await;
        seen.went(&["GET http://a.test/", "GET http://a.test/x"]);
        assert_ne!(seen.last().connection, seen.requests[0].connection);
        assert!(begun.elapsed() < Duration::from_millis(2500), "{:?}", begun.elapsed());
    }
}

/// Response heads had no end. That of hyper is bounded; what it refuses is not followed.
#[tokio::test]
async fn cve_2023_38039_curl_endless_head() {
    let endless = raw::Server::start(|mut connection, _| async move {
        connection.head().await;
        connection.say("HTTP/1.1 302 Found\r\nlocation: /x\r\n").await;
        let fields = "x: y\r\n".repeat(1000);
        // Until the client has had enough.
        while tokio::io::AsyncWriteExt::write_all(&mut connection.stream, fields.as_bytes())
            .await
            .is_ok()
        {}
    })
    .await;
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new());
    let client = FollowRedirectLayer::new().layer(client.build_http());
    let request = Request::get(endless.url("/")).body(Full::<Bytes>::default()).unwrap();
    let call = tokio::time::timeout(Duration::from_secs(30), client.oneshot(request));
    let error = call.await.expect("it ends").unwrap_err();
    assert!(error.refusal().is_none(), "{error:?}");
}

/// After `100 Continue` lines were read for ever.
#[tokio::test]
async fn cve_2021_3737_python_endless_100() {
    let server = raw::Server::start(|mut connection, _| async move {
        connection.head().await;
        let flood = "HTTP/1.1 100 Continue\r\n\r\n".repeat(100);
        while tokio::io::AsyncWriteExt::write_all(&mut connection.stream, flood.as_bytes())
            .await
            .is_ok()
        {}
    })
    .await;
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new());
    let expect = ExpectContinue::default().wait(Duration::MAX);
    let client = FollowRedirectLayer::new().expect_continue(expect).layer(client.build_http());
    let (body, _) = OneShot::new(2 << 20, 1 << 16, Length::Known);
    let request = Request::put(server.url("/")).body(body).unwrap();
    let call = tokio::time::timeout(Duration::from_secs(30), client.oneshot(request));
    let error: tower::BoxError = call.await.expect("it ends").unwrap_err().into();
    assert!(error.source().is_some_and(|source| source.is::<TooManyInformational>()), "{error:?}");
}

/// A download by TLS was redirected to `http`, and followed.
#[tokio::test]
async fn cve_2012_2125_rubygems_downgrade() {
    let seen: Seen = call("GET", "https://gems.test/x.gem", "")
        .policy(HttpsOnly)
        .moved(302, "http://gems.test/x.gem")
        .send()
        .await;
    seen.was_refused(RefusalKind::Scheme);
}
