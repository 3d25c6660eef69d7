//! `Redirected` in the place of reqwest's client and its own redirects.

use http::{StatusCode, header};
use reqwest::{Body, Client, Url};
use tower::BoxError;
use tower_follow_redirect::{Error, FollowRedirectLayer, History, Refusal, RefusalKind};
use tower_follow_redirect_reqwest::Redirected;

use crate::{
    body::{Pieces, byte_at},
    raw::field,
    redirects::{front, recorder},
};

fn redirected(layer: &FollowRedirectLayer) -> Redirected {
    Redirected::new(Client::builder().no_proxy(), layer).unwrap()
}

fn stream() -> Body {
    let (say, pieces) = Pieces::new();
    for start in [0, 10_000, 20_000] {
        say.send((start..start + 10_000).map(byte_at).collect()).unwrap();
    }
    Body::wrap(pieces)
}

#[tokio::test]
async fn requests_and_responses_are_those_of_reqwest() {
    let (target, mut received) = recorder().await;
    let front = front(307, target.url("/new")).await;
    let client = redirected(&FollowRedirectLayer::new());
    let request = client.client().put(front.url("/old")).bearer_auth("secret").body(stream());
    let response = client.send(request).await.unwrap().error_for_status().unwrap();
    assert_eq!(*response.url(), Url::parse(&target.url("/new")).unwrap());
    let history = response.extensions().get::<History>().unwrap();
    assert_eq!(history.effective_url(), target.url("/new"));
    assert_eq!(response.text().await.unwrap(), "ok");
    let (head, length) = received.recv().await.unwrap();
    assert_eq!(length, 30_000);
    assert_eq!(field(&head, "authorization"), None, "{head}");
}

/// What it replaces: reqwest hands a 307 back if the content is a stream, and does not say why.
#[tokio::test]
async fn reqwests_own_redirects_do_not_send_a_stream_again() {
    let (target, mut received) = recorder().await;
    let front = front(307, target.url("/new")).await;
    let client = Client::builder().no_proxy().build().unwrap();
    let response = client.put(front.url("/old")).body(stream()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    assert!(received.try_recv().is_err());
}

#[tokio::test]
async fn a_refusal_is_an_error_of_the_layer() {
    let front = front(307, "/old".to_owned()).await;
    let client = redirected(&FollowRedirectLayer::new().limit(2));
    let error = client.send(client.client().get(front.url("/old"))).await.unwrap_err();
    let error = error.downcast::<Error<Body>>().unwrap();
    assert_eq!(error.refusal().map(Refusal::kind), Some(RefusalKind::TooManyRedirects));
    assert!(error.into_response().unwrap().headers().contains_key(header::LOCATION));
}

#[tokio::test]
async fn a_request_that_cannot_be_built_is_an_error_of_reqwest() {
    let client = redirected(&FollowRedirectLayer::new());
    let error: BoxError = client.send(client.client().get("no URL")).await.unwrap_err();
    assert!(error.downcast::<reqwest::Error>().unwrap().is_builder());
}
