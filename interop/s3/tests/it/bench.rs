//! The servers are what they are said to be: without this, nothing else here means anything.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use tower_follow_redirect_interop_s3::{Nginx, Wire, sigv2::sign};

use crate::support::{
    Bench, CONTENT, DATE, ETAG, GLOBAL, HOME, assert_bad_signature, send, signed, signed_upload,
    upload, url,
};

/// Sends a request by hyper-util's client alone.
async fn direct(bench: &Bench, request: Request<Full<Bytes>>) -> Response<Bytes> {
    send(bench.wire.client(), request).await
}

#[tokio::test]
async fn the_store_takes_what_is_signed() {
    let bench = Bench::start().await;
    let response = direct(&bench, signed_upload(&url(HOME))).await;
    assert_eq!(
        (response.status(), &response.headers()["etag"]),
        (StatusCode::OK, &ETAG.parse().unwrap())
    );
    let response = direct(&bench, signed(Method::GET, &url(HOME))).await;
    assert_eq!(response.body(), CONTENT);
}

#[tokio::test]
async fn the_store_refuses_any_change_of_what_is_signed() {
    let bench = Bench::start().await;
    for (name, value) in [
        ("date", Some("Mon, 15 Oct 2007 22:18:47 +0000")),
        ("content-md5", None),
        ("content-type", Some("text/html")),
        ("content-type", None),
        ("x-amz-meta-author", Some("bart")),
        ("x-amz-meta-author", None),
    ] {
        let mut request = signed_upload(&url(HOME));
        request.headers_mut().remove(name);
        if let Some(value) = value {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        println!("{name}: {value:?}");
        assert_bad_signature(&direct(&bench, request).await);
    }
    let unsigned = upload(&url(HOME)).body(Full::from(CONTENT)).unwrap();
    let response = direct(&bench, unsigned).await;
    assert_eq!(response.status(), 403);
    assert!(response.body().windows(12).any(|part| part == b"AccessDenied"));
}

#[tokio::test]
async fn the_front_end_redirects_as_s3_does() {
    let bench = Bench::start().await;
    for (host, status, location, region) in [
        (
            GLOBAL,
            307,
            Some("http://quotes.s3.eu-central-1.amazonaws.com/nelson.txt?"),
            Some("eu-central-1"),
        ),
        (
            "quotes.s3.us-east-1.amazonaws.com",
            307,
            Some("http://quotes.s3-4c25d83b.amazonaws.com/nelson.txt?rk=8d47490b"),
            None,
        ),
        ("quotes.s3.us-west-2.amazonaws.com", 301, None, Some("eu-central-1")),
        ("quotes.s3.us-east-2.amazonaws.com", 301, None, None),
        ("quotes.s3.eu-west-1.amazonaws.com", 400, None, None),
        ("quotes.s3.eu-west-2.amazonaws.com", 400, None, Some("eu-central-1")),
        ("evil.example.com", 200, None, None),
    ] {
        let response = direct(&bench, signed(Method::GET, &url(host))).await;
        assert_eq!(response.status(), status, "{host}");
        let field = |name| response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(field("location"), location, "{host}");
        assert_eq!(field("x-amz-bucket-region"), region, "{host}");
    }
    assert_eq!(bench.store.arrived().len(), 0);
}

#[tokio::test]
async fn nginx_says_100_continue_before_it_redirects() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let nginx = Nginx::start();
    let mut stream = tokio::net::TcpStream::connect(nginx.address()).await.unwrap();
    let head = format!(
        "PUT /nelson.txt HTTP/1.1\r\nHost: {GLOBAL}\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    while !said.windows(4).any(|part| part == b" 307") {
        assert_ne!(
            stream.read_buf(&mut said).await.unwrap(),
            0,
            "{}",
            String::from_utf8_lossy(&said)
        );
    }
    assert!(
        said.starts_with(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 307"),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

#[tokio::test]
async fn the_wire_counts_bytes_of_bodies() {
    let bench = Bench::start().await;
    let wire: &Wire = &bench.wire;
    let request = Request::put(url(HOME)).header("date", DATE).body(Full::from(CONTENT)).unwrap();
    send(wire.client(), sign(request)).await;
    assert_eq!((wire.connections(HOME), wire.body_bytes(HOME)), (1, CONTENT.len() as u64));
}
