//! Layers that add credentials, or mark them.

use http::{HeaderName, Request, header};
use http_body_util::Full;
use tower::{ServiceBuilder, ServiceExt};
use tower_follow_redirect::FollowRedirectLayer;
use tower_http::{auth::AddAuthorizationLayer, sensitive_headers::SetSensitiveRequestHeadersLayer};

use crate::site::{Site, put};

const TENANT: HeaderName = HeaderName::from_static("x-tenant");

/// Across an origin and within one: what came to `http://a.test/away`, `http://b.test/new`,
/// `http://a.test/old` and `http://a.test/new`.
type Four = [Option<String>; 4];

fn four(values: [&str; 4]) -> Four {
    values.map(|value| (!value.is_empty()).then(|| value.to_owned()))
}

#[tokio::test]
async fn a_credential_that_is_added_outside_stays_at_its_origin() {
    let site = Site::default();
    let client = ServiceBuilder::new()
        .layer(AddAuthorizationLayer::bearer("secret"))
        .layer(FollowRedirectLayer::new())
        .service(site.clone());
    client.clone().oneshot(put("http://a.test/away")).await.unwrap();
    client.oneshot(put("http://a.test/old")).await.unwrap();
    let expected = four(["Bearer secret", "", "Bearer secret", "Bearer secret"]);
    assert_eq!(site.field("authorization"), expected);
}

/// The trap: inside, it is added to every hop, after the layer has removed it.
#[tokio::test]
async fn a_credential_that_is_added_inside_goes_to_every_origin() {
    let site = Site::default();
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer(AddAuthorizationLayer::bearer("secret"))
        .service(site.clone());
    client.oneshot(put("http://a.test/away")).await.unwrap();
    assert_eq!(site.field("authorization"), vec![Some("Bearer secret".to_owned()); 2]);
}

fn with_tenant(uri: &str) -> Request<Full<bytes::Bytes>> {
    let mut request = put(uri);
    request.headers_mut().insert(TENANT, "secret".parse().unwrap());
    request
}

#[tokio::test]
async fn a_field_that_is_marked_outside_stays_at_its_origin() {
    let site = Site::default();
    let client = ServiceBuilder::new()
        .layer(SetSensitiveRequestHeadersLayer::new([TENANT]))
        .layer(FollowRedirectLayer::new())
        .service(site.clone());
    client.clone().oneshot(with_tenant("http://a.test/away")).await.unwrap();
    client.oneshot(with_tenant("http://a.test/old")).await.unwrap();
    assert_eq!(site.field("x-tenant"), four(["secret", "", "secret", "secret"]));
    // What is marked stays marked, for the layers and the transport below.
    assert!(site.seen()[3].headers[TENANT].is_sensitive());
}

/// Inside it hides the value from what logs below, and that is all.
#[tokio::test]
async fn a_field_that_is_marked_inside_goes_to_every_origin() {
    let site = Site::default();
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer(SetSensitiveRequestHeadersLayer::new([TENANT]))
        .service(site.clone());
    client.oneshot(with_tenant("http://a.test/away")).await.unwrap();
    assert_eq!(site.field("x-tenant"), vec![Some("secret".to_owned()); 2]);
    assert!(site.seen()[1].headers[TENANT].is_sensitive());
}

/// Some credentials need no mark: the layer knows them.
#[tokio::test]
async fn a_known_credential_needs_no_mark() {
    let site = Site::default();
    let mut request = put("http://a.test/away");
    request.headers_mut().insert(header::COOKIE, "id=secret".parse().unwrap());
    let client = ServiceBuilder::new().layer(FollowRedirectLayer::new()).service(site.clone());
    client.oneshot(request).await.unwrap();
    assert_eq!(site.field("cookie"), [Some("id=secret".to_owned()), None]);
}
