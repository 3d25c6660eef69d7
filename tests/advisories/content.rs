//! Content that went where it should not, or not whole; and `Referer`.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{
    FollowRedirectLayer, RefusalKind,
    policy::{
        self,
        strict::{Consent, StrictConfirm},
    },
};

use crate::{
    body::{Length, OneShot},
    raw,
    stage::{End, SECRET, Stage, call, get},
};

/// After 303 the content went along with GET.
#[tokio::test]
async fn cve_2023_45803_urllib3_content_after_303() {
    let call = call("POST", "http://a.test/", SECRET).field("Content-Type", "text/plain");
    let seen = call.field("Content-MD5", SECRET).moved(303, "/x").send().await;
    seen.went(&["POST http://a.test/", "GET http://a.test/x"]).is_told_to_the_first_only();
    assert!(!seen.last().head.to_lowercase().contains("content-"), "{seen:#?}");
}

/// 307 sent secret content to another host, as RFC 9110 asks for. Policies keep it at home.
#[tokio::test]
async fn cve_2026_40037_openclaw_content_to_another_host() {
    let post = || call("POST", "https://a.test/", SECRET).moved(307, "https://b.test/");
    post().policy(policy::SameOrigin).send().await.was_refused(RefusalKind::Policy);
    let no = StrictConfirm::new(|_| async { Consent::No });
    post().policy(no).send().await.was_refused(RefusalKind::Policy);
}

/// A POST was sent with what was set up for the PUT before, and its data were gone when it was read.
#[tokio::test]
async fn cve_2022_32221_curl_put_then_post() {
    put_then_post("POST").await;
}

/// The same, once more, for the redirected POST that becomes a GET.
#[tokio::test]
async fn cve_2023_28322_curl_put_then_post() {
    put_then_post("GET").await;
}

/// Sends a PUT and a POST by the same client; the POST is redirected to this method.
async fn put_then_post(next: &str) {
    let status = if next == "GET" { 302 } else { 307 };
    let moved = raw::redirect(status, "/2");
    let stage = Stage::start([raw::redirect(307, "/1"), raw::OK.into(), moved]).await;
    let client = FollowRedirectLayer::new().layer(stage.client());
    for (method, content) in [("PUT", "of the put"), ("POST", "of the post")] {
        let request = Request::builder().method(method).uri("http://a.test/");
        let request = request.body(Full::<Bytes>::from(content)).unwrap();
        assert!(client.clone().oneshot(request).await.is_ok());
    }
    let seen: Vec<_> = stage.requests().into_iter().map(|r| (r.line(), r.content)).collect();
    let last = if next == "GET" { "" } else { "of the post" };
    let last_line = format!("{next} http://a.test/2");
    let expected = [
        ("PUT http://a.test/", "of the put"),
        ("PUT http://a.test/1", "of the put"),
        ("POST http://a.test/", "of the post"),
        (&last_line, last),
    ];
    assert_eq!(seen, expected.map(|(line, content)| (line.to_owned(), content.to_owned())));
}

/// A buffer that went back to its pool was sent while another request wrote into it.
#[tokio::test]
async fn cve_2023_45286_resty_shared_buffer() {
    let stage = Stage::start(vec![raw::redirect(307, "/next"); 32]).await;
    let client = FollowRedirectLayer::new().layer(stage.client::<Full<Bytes>>());
    let calls = (0..32_usize).map(|number| {
        // Of a length of its own, so that every byte says whose it is.
        let content = vec![b'a' + (number % 26) as u8; 1000 + number];
        let request = Request::put("http://a.test/").header("x-number", number);
        tokio::spawn(client.clone().oneshot(request.body(Full::from(content)).unwrap()))
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    // 32 of the 64 answers are redirects, whichever request gets them.
    let requests = stage.requests();
    assert!(requests.len() >= 64, "{}", requests.len());
    for request in requests {
        let number: usize = request.field("x-number").unwrap().parse().unwrap();
        assert_eq!(request.content.len(), 1000 + number);
        assert!(request.content.bytes().all(|byte| byte == b'a' + (number % 26) as u8));
    }
}

/// `Referer` told the next server user and password.
#[tokio::test]
async fn cve_2021_22876_curl_referer_userinfo() {
    let call = get("http://user:s3cr3t@a.test/p").policy(policy::Referer::auto());
    let seen = call.extension(tower_follow_redirect::Fragment::new(SECRET));
    let seen = seen.moved(302, "/q").moved(302, "http://b.test/").send().await;
    assert_eq!(seen.requests[1].field("referer"), Some("http://a.test/p"));
    assert!(seen.requests.iter().all(|request| !request.head.contains(SECRET)), "{seen:#?}");
}

/// A `Referer` that was cleared was sent again.
#[tokio::test]
async fn cve_2026_9546_curl_stale_referer() {
    // By default none is made, and the caller's own stays within the origin.
    let call = get("http://a.test/p").field("Referer", "http://a.test/?s3cr3t");
    let call = call.moved(302, "http://b.test/").moved(302, "http://a.test/");
    call.send().await.is_told_to_the_first_only();
    // That of the policy `Referer` is made anew for each hop, and from `https` to `http` there is none.
    let call = get("https://a.test/p").policy(policy::Referer::auto());
    let seen = call.moved(302, "/q").moved(302, "http://b.test/").send().await;
    assert_eq!(seen.requests[1].field("referer"), Some("https://a.test/p"));
    assert_eq!(seen.last().field("referer"), None);
    // What the policy has set for one hop is not left over for the next.
    let policy = policy::redirect_fn(|attempt| {
        if attempt.hops().is_empty() {
            let value = http::HeaderValue::from_static(SECRET);
            attempt.set_header(http::header::REFERER, value);
        }
        policy::Decision::Follow
    });
    let call = get("http://a.test/p").policy(policy);
    let seen = call.moved(302, "http://b.test/").moved(302, "http://c.test/").send().await;
    assert_eq!(seen.requests[1].field("referer"), Some(SECRET));
    assert_eq!(seen.last().field("referer"), None);
}

/// A 417, a 403 or any other answer came before the content, and the connection was used again as if the
/// content had been sent: what followed was read as content, or as a request that nobody had made.
#[tokio::test]
async fn cve_2024_24791_go_unsent_content() {
    let (report, mut reports) = tokio::sync::mpsc::unbounded_channel();
    let server = raw::Server::start(move |mut connection, number| {
        let report = report.clone();
        async move {
            let Some(head) = connection.head().await else { return };
            if head.starts_with("PUT") {
                connection.say("HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n").await;
                // A server that keeps the connection takes what comes for the content.
                let _ = report.send((number, connection.read_to_end().await.len()));
            } else {
                connection.say(raw::OK).await;
            }
        }
    })
    .await;
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new());
    let client = FollowRedirectLayer::new().layer(client.build_http());
    let body = || OneShot::new(2 << 20, 1 << 16, Length::Known).0;
    let put = Request::put(server.url("/")).body(body()).unwrap();
    let end = End::of(client.clone().oneshot(put).await).await;
    assert_eq!(end.status, Some(http::StatusCode::FORBIDDEN));
    let empty = OneShot::new(0, 1, Length::Known).0;
    let get = Request::get(server.url("/")).body(empty).unwrap();
    let end = End::of(client.oneshot(get).await).await;
    assert_eq!(end.content, "ok");
    assert_eq!(reports.recv().await, Some((0, 0)), "nothing came on the first connection");
    assert_eq!(server.connections(), 2);
}

/// Where `Expect` was almost right, servers and what stands before them disagreed on the content.
#[tokio::test]
async fn cve_2025_32094_akamai_expect_almost_right() {
    for (value, waits) in
        [("y 100-continue", false), ("100-continue;x=1", false), ("100-Continue", true)]
    {
        let server = raw::Server::start(move |mut connection, _| async move {
            while let Some(head) = connection.head().await {
                assert_eq!(raw::field(&head, "expect"), Some(value));
                if waits {
                    connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
                }
                // Content that waits for a 100 would never come.
                assert_eq!(connection.bytes(2).await, b"ha");
                connection.say(raw::OK).await;
            }
        })
        .await;
        let client =
            hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new());
        let wait = std::time::Duration::MAX;
        let expect = tower_follow_redirect::ExpectContinue::default().wait(wait);
        let client = FollowRedirectLayer::new().expect_continue(expect).layer(client.build_http());
        let request = Request::put(server.url("/")).header("expect", value);
        let request = request.body(Full::<Bytes>::from("ha")).unwrap();
        let call =
            tokio::time::timeout(std::time::Duration::from_secs(20), client.oneshot(request));
        assert_eq!(End::of(call.await.unwrap()).await.content, "ok");
    }
}
