//! Methods, credentials, history and bodies through reqwest.

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tokio::sync::{mpsc, oneshot};
use tower::ServiceExt;
use tower_follow_redirect::{FollowRedirectLayer, History, RefusalKind};

use crate::{
    body::byte_at,
    client, content, get,
    raw::{OK, Server, field, redirect},
    text,
};

/// A server that reports the head and the content's length of every request, and answers `ok`.
pub(crate) async fn recorder() -> (Server, mpsc::UnboundedReceiver<(String, u64)>) {
    let (report, received) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection, _| {
        let report = report.clone();
        async move {
            while let Some(head) = connection.head().await {
                let length = content(&mut connection, &head).await;
                report.send((head, length)).unwrap();
                connection.say(OK).await;
            }
        }
    })
    .await;
    (server, received)
}

/// A server that reads a request and answers with a redirect.
pub(crate) async fn front(status: u16, location: String) -> Server {
    Server::start(move |mut connection, _| {
        let location = location.clone();
        async move {
            while let Some(head) = connection.head().await {
                content(&mut connection, &head).await;
                connection.say(redirect(status, &location)).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_307_sends_an_in_memory_body_again_and_the_history_says_where_to() {
    let (target, mut received) = recorder().await;
    let front = front(307, target.url("/new")).await;
    let content: Bytes = (0..300_000).map(byte_at).collect::<Vec<_>>().into();
    let request = Request::put(front.url("/old")).body(Full::new(content)).unwrap();

    let response = client(&FollowRedirectLayer::new()).oneshot(request).await.unwrap();
    let history = History::of(&response).unwrap();
    assert_eq!(history.effective_url(), target.url("/new"));
    assert_eq!(history.hops().len(), 1);
    assert_eq!(history.hops()[0].status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(history.hops()[0].uri().to_string(), front.url("/old"));
    assert_eq!(text(response).await, "ok");

    let (head, length) = received.recv().await.unwrap();
    assert!(head.starts_with("PUT /new HTTP/1.1\r\n"), "{head}");
    assert_eq!(field(&head, "content-length"), Some("300000"));
    assert_eq!(length, 300_000);
}

#[tokio::test]
async fn a_303_becomes_a_get_without_content() {
    let (target, mut received) = recorder().await;
    let front = front(303, target.url("/result")).await;
    let request = Request::post(front.url("/form"))
        .header(header::CONTENT_TYPE, "text/plain")
        .body(Full::new(Bytes::from_static(&[0, 1, 2])))
        .unwrap();
    let response = client(&FollowRedirectLayer::new()).oneshot(request).await.unwrap();
    assert_eq!(text(response).await, "ok");
    let (head, length) = received.recv().await.unwrap();
    assert!(head.starts_with("GET /result HTTP/1.1\r\n"), "{head}");
    for name in ["content-type", "content-length", "transfer-encoding"] {
        assert_eq!(field(&head, name), None, "{head}");
    }
    assert_eq!(length, 0);
}

#[tokio::test]
async fn credentials_stay_with_their_origin_and_all_else_goes_along() {
    let (target, mut received) = recorder().await;
    let front = front(302, target.url("/")).await;
    let request = Request::get(front.url("/"))
        .header(header::AUTHORIZATION, "Basic c2VjcmV0")
        .header(header::COOKIE, "secret=1")
        .header(header::ACCEPT, "text/plain")
        .body(Full::new(Bytes::new()))
        .unwrap();
    let response = client(&FollowRedirectLayer::new()).oneshot(request).await.unwrap();
    assert_eq!(text(response).await, "ok");
    let (head, _) = received.recv().await.unwrap();
    for name in ["authorization", "cookie"] {
        assert_eq!(field(&head, name), None, "{head}");
    }
    assert_eq!(field(&head, "accept"), Some("text/plain"));
    // The port is a part of the origin, and of the authority.
    assert_eq!(field(&head, "host"), Some(target.addr.to_string().as_str()));
}

#[tokio::test]
async fn the_body_of_the_response_comes_as_it_is_sent() {
    let (more, rest) = oneshot::channel::<()>();
    let rest = std::sync::Mutex::new(Some(rest));
    let server = Server::start(move |mut connection, _| {
        let rest = rest.lock().unwrap().take();
        async move {
            while let Some(head) = connection.head().await {
                if head.starts_with("GET /old") {
                    connection.say(redirect(302, "/new")).await;
                    continue;
                }
                connection.say("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\none").await;
                rest.unwrap().await.unwrap();
                connection.say("two").await;
                return;
            }
        }
    })
    .await;
    let response =
        client(&FollowRedirectLayer::new()).oneshot(get(&server.url("/old"))).await.unwrap();
    let mut body = response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "one");
    // Only now does the server say the rest.
    more.send(()).unwrap();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "two");
    assert_eq!(server.connections(), 1, "the redirect's connection is used again");
}

#[tokio::test]
async fn a_redirect_that_is_refused_owns_its_response() {
    let server = front(302, "/again".into()).await;
    let layer = FollowRedirectLayer::new().limit(3);
    let error = client(&layer).oneshot(get(&server.url("/"))).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().kind(), RefusalKind::TooManyRedirects);
    let response = error.into_response().unwrap();
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(response.headers()[header::LOCATION], "/again");
}

/// reqwest's own redirects would follow first, and leave nothing for the layer to see.
#[tokio::test]
async fn redirects_that_were_set_on_the_builder_are_overridden() {
    let server = front(302, "/again".into()).await;
    let builder = reqwest::ClientBuilder::new().redirect(reqwest::redirect::Policy::limited(2));
    let layer = FollowRedirectLayer::new().limit(0);
    let client = crate::client_of(&layer, builder);
    let error = client.oneshot(get(&server.url("/"))).await.unwrap_err();
    let refusal = error.refusal().expect("the layer refused it, and reqwest did not fail");
    assert_eq!(refusal.kind(), RefusalKind::TooManyRedirects);
    assert!(error.history().is_none());
}
