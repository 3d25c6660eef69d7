//! What users of reqwest may trip over.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use http::{HeaderValue, Request, StatusCode, header};
use reqwest::{ClientBuilder, retry};
use tower::{Layer, ServiceBuilder, ServiceExt};
use tower_follow_redirect::FollowRedirectLayer;
use tower_follow_redirect_reqwest::Reqwest;

use crate::{
    A_MINUTE, client, client_of, get,
    raw::{OK, Server, field, redirect},
    text,
};

/// Redirects `/old` to `location`, and answers all else with the head of the request.
async fn echo(location: &str, pause: Duration) -> Server {
    let location = location.to_owned();
    Server::start(move |mut connection, _| {
        let location = location.clone();
        async move {
            while let Some(head) = connection.head().await {
                if head.contains(" /old ") {
                    connection.say(redirect(307, &location)).await;
                    continue;
                }
                tokio::time::sleep(pause).await;
                let answer =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{head}", head.len());
                connection.say(answer).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn default_headers_go_to_every_origin() {
    let target = echo("", Duration::ZERO).await;
    let front = echo(&target.url("/new"), Duration::ZERO).await;
    let secret = [(header::AUTHORIZATION, HeaderValue::from_static("Bearer secret"))];
    let builder = ClientBuilder::new().default_headers(secret.clone().into_iter().collect());
    let client = client_of(&FollowRedirectLayer::new(), builder);
    let head = text(client.oneshot(get(&front.url("/old"))).await.unwrap()).await;
    assert_eq!(field(&head, "authorization"), Some("Bearer secret"), "what the docs warn of");

    // Set around the layer, the same field belongs to the request, and to its origin.
    let [(name, value)] = secret;
    let client = ServiceBuilder::new()
        .map_request(move |mut request: Request<_>| {
            request.headers_mut().insert(name.clone(), value.clone());
            request
        })
        .layer(FollowRedirectLayer::new())
        .service(Reqwest::new(ClientBuilder::new().no_proxy()).unwrap());
    let head = text(client.oneshot(get(&front.url("/old"))).await.unwrap()).await;
    assert_eq!(field(&head, "authorization"), None, "{head}");
}

#[tokio::test]
async fn a_request_of_reqwests_builder_goes_through_the_layer_and_comes_back() {
    let target = echo("", Duration::ZERO).await;
    let front = echo(&target.url("/new"), Duration::ZERO).await;
    let reqwest = Reqwest::new(ClientBuilder::new().no_proxy()).unwrap();
    let request = reqwest.client().put(front.url("/old")).basic_auth("me", Some("secret"));
    let request = request.header("x-mine", "1").body("").build().unwrap();
    let request = Request::<reqwest::Body>::try_from(request).unwrap();
    let response = FollowRedirectLayer::new().layer(reqwest).oneshot(request).await.unwrap();

    let response = reqwest::Response::from(response.map(reqwest::Body::wrap));
    assert_eq!(response.url().as_str(), target.url("/new"), "the URL of the last hop");
    let head = response.error_for_status().unwrap().text().await.unwrap();
    assert!(head.starts_with("PUT /new "), "{head}");
    assert_eq!((field(&head, "x-mine"), field(&head, "authorization")), (Some("1"), None));
}

/// It is a request extension of a private type: the layer cannot take it to another origin.
#[tokio::test]
async fn a_timeout_of_reqwests_builder_ends_at_the_first_origin() {
    let slow = Duration::from_secs(1);
    let target = echo("", slow).await;
    let same = echo("/new", slow).await;
    let other = echo(&target.url("/new"), slow).await;
    let reqwest = Reqwest::new(ClientBuilder::new().no_proxy()).unwrap();
    let call = |server: &Server| {
        let request = reqwest.client().get(server.url("/old")).timeout(slow / 2).build().unwrap();
        let request = Request::<reqwest::Body>::try_from(request).unwrap();
        FollowRedirectLayer::new().layer(reqwest.clone()).oneshot(request)
    };
    let error = call(&same).await.unwrap_err();
    let source = error.source().unwrap().downcast_ref::<reqwest::Error>().unwrap();
    assert!(source.is_timeout(), "{source:?}");
    assert_eq!(call(&other).await.unwrap().status(), StatusCode::OK, "what the docs warn of");
}

#[tokio::test]
async fn a_timeout_of_the_client_is_for_each_hop_and_one_around_the_layer_for_all() {
    let slow = Duration::from_millis(600);
    let second = echo("", slow).await;
    let location = second.url("/new");
    let first = Server::start(move |mut connection, _| {
        let location = location.clone();
        async move {
            connection.head().await.unwrap();
            tokio::time::sleep(slow).await;
            connection.say(redirect(307, &location)).await;
            connection.read_to_end().await;
        }
    })
    .await;
    // Each hop takes 600 ms and has ten times as long; both together have 900 ms.
    let builder = || ClientBuilder::new().timeout(10 * slow);
    let client = client_of(&FollowRedirectLayer::new(), builder());
    let began = Instant::now();
    let response = client.oneshot(get(&first.url("/"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(began.elapsed() >= 2 * slow);

    let client = ServiceBuilder::new()
        .timeout(slow * 3 / 2)
        .service(client_of(&FollowRedirectLayer::new(), builder()));
    let error = client.oneshot(get(&first.url("/"))).await.unwrap_err();
    assert!(error.is::<tower::timeout::error::Elapsed>(), "{error:?}");
}

/// The layer names the request without its query; reqwest would repeat the URL with it.
#[tokio::test]
async fn an_error_of_reqwest_does_not_tell_the_query() {
    let server = echo("http://127.0.0.1:1/gone?sig=secret", Duration::ZERO).await;
    let client = client(&FollowRedirectLayer::new());
    let error = client.oneshot(get(&server.url("/old"))).await.unwrap_err();
    let source = error.source().unwrap().downcast_ref::<reqwest::Error>().unwrap();
    assert!(source.is_connect(), "{source:?}");
    let text = format!("{error}, {error:?}, {source}, {source:?}");
    assert!(text.contains("http://127.0.0.1:1/gone"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

/// reqwest can repeat a hop only if it can clone the body.
#[tokio::test]
async fn reqwests_own_retries_repeat_a_hop_without_content() {
    let server = Server::start(|mut connection, _| async move {
        let mut busy = true;
        while let Some(head) = connection.head().await {
            if head.contains(" /old ") {
                connection.say(redirect(307, "/new")).await;
            } else if std::mem::take(&mut busy) {
                connection.say("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").await;
            } else {
                connection.say(OK).await;
            }
        }
    })
    .await;
    let policy =
        retry::for_host("127.0.0.1").no_budget().classify_fn(|answer| match answer.status() {
            Some(StatusCode::SERVICE_UNAVAILABLE) => answer.retryable(),
            _ => answer.success(),
        });
    let client = client_of(&FollowRedirectLayer::new(), ClientBuilder::new().retry(policy));
    let began = Instant::now();
    let response = client.oneshot(get(&server.url("/old"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(began.elapsed() < A_MINUTE);
}

/// reqwest parses the URI anew: what it sends may be spelled otherwise than the history says.
#[tokio::test]
async fn the_first_uri_is_normalised_by_reqwest() {
    let server = echo("", Duration::ZERO).await;
    let client = client(&FollowRedirectLayer::new());
    let head = text(client.oneshot(get(&server.url("/a/../b{c}"))).await.unwrap()).await;
    assert!(head.starts_with("GET /b%7Bc%7D "), "{head}");
}

/// `RequestBuilder` makes a field of it; a request of one's own has to bring the field.
#[tokio::test]
async fn userinfo_of_a_uri_is_no_credential() {
    let server = echo("", Duration::ZERO).await;
    let url = server.url("/").replace("http://", "http://me:secret@");
    let client = client(&FollowRedirectLayer::new());
    let head = text(client.oneshot(get(&url)).await.unwrap()).await;
    assert_eq!(field(&head, "authorization"), None, "{head}");
    assert_eq!(field(&head, "host"), Some(server.addr.to_string().as_str()));
}
