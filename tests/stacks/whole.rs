//! The stack of `docs/stacks.md`, as a whole.

use std::time::Duration;

use http::HeaderName;
use tower::{ServiceBuilder, ServiceExt};
use tower_follow_redirect::{FollowRedirectLayer, History};
use tower_http::{
    auth::AddAuthorizationLayer, decompression::DecompressionLayer,
    sensitive_headers::SetSensitiveRequestHeadersLayer, trace::TraceLayer,
};

use crate::site::{Site, put, text};

#[tokio::test]
async fn all_layers_stand_together() {
    let tenant = HeaderName::from_static("x-tenant");
    let site = Site::default();
    let client = ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(64)
        .layer(SetSensitiveRequestHeadersLayer::new([tenant.clone()]))
        .layer(TraceLayer::new_for_http())
        .timeout(Duration::from_secs(60))
        .layer(AddAuthorizationLayer::bearer("secret").as_sensitive(true))
        .layer(FollowRedirectLayer::new())
        .timeout(Duration::from_secs(10))
        .layer(DecompressionLayer::new())
        .service(site.clone());
    let mut request = put("http://a.test/away");
    request.headers_mut().insert(tenant, "secret".parse().unwrap());
    let response = client.clone().oneshot(request).await.unwrap();
    assert_eq!(History::of(&response).unwrap().effective_uri(), "http://b.test/new");
    assert_eq!(text(response).await, "ha ha\n");
    for secret in ["authorization", "x-tenant"] {
        let came = site.field(secret);
        assert!(came[0].is_some() && came[1].is_none(), "{secret}: {came:?}");
    }
    let response = client.oneshot(put("http://a.test/zipped")).await.unwrap();
    assert_eq!(text(response).await, "there");
}
