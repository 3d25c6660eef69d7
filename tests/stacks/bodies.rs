//! Layers that change bodies: of the responses, and of the requests.

use std::error::Error;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
use tower_follow_redirect::{
    BodyFactory, FollowRedirectLayer, OnRefusal, Refusal, RefusalKind, ReplayBody,
    policy::{Decision, Verdict, redirect_fn},
};
use tower_http::{decompression::DecompressionLayer, map_request_body::MapRequestBodyLayer};

use crate::{
    body::{Length, OneShot},
    site::{Site, put, text},
};

type Boxed = UnsyncBoxBody<Bytes, BoxError>;

const GZIP: [Option<&str>; 2] = [Some("gzip"), Some("gzip")];

fn accepted(site: &Site) -> Vec<Option<String>> {
    site.field("accept-encoding")
}

#[tokio::test]
async fn decompression_outside_reads_the_last_response() {
    let site = Site::default();
    let client = ServiceBuilder::new()
        .layer(DecompressionLayer::new())
        .layer(FollowRedirectLayer::new())
        .service(site.clone());
    let response = client.oneshot(put("http://a.test/zipped")).await.unwrap();
    assert_eq!(text(response).await, "there");
    // What was asked for goes along.
    assert_eq!(accepted(&site), GZIP.map(|gzip| gzip.map(str::to_owned)));
}

#[tokio::test]
async fn decompression_inside_reads_every_response() {
    let site = Site::default();
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer(DecompressionLayer::new())
        .service(site.clone());
    let response = client.oneshot(put("http://a.test/zipped")).await.unwrap();
    assert_eq!(text(response).await, "there");
    assert_eq!(accepted(&site), GZIP.map(|gzip| gzip.map(str::to_owned)));
}

/// A policy that reads a response, as `S3` reads its XML, and the caller that gets a redirect back: they see
/// plain text only where decompression is inside.
#[tokio::test]
async fn what_reads_a_redirect_needs_decompression_inside() {
    let peek = redirect_fn(|attempt| match attempt.peeked() {
        None => Verdict::Peek(100),
        Some(b"moved") => Decision::Stop.into(),
        Some(_) => Decision::fail("it is not plain").into(),
    });
    let layer = FollowRedirectLayer::new().with_policy(peek).on_refusal(OnRefusal::Return);

    let site = Site::default();
    let inside =
        ServiceBuilder::new().layer(layer.clone()).layer(DecompressionLayer::new()).service(site);
    let response = inside.oneshot(put("http://a.test/zipped")).await.unwrap();
    assert_eq!((response.status().as_u16(), text(response).await), (307, "moved".to_owned()));

    let site = Site::default();
    let outside = ServiceBuilder::new().layer(DecompressionLayer::new()).layer(layer).service(site);
    let response = outside.oneshot(put("http://a.test/zipped")).await.unwrap();
    let refusal = Refusal::of(&response).expect("it is handed back");
    assert_eq!(refusal.source().unwrap().to_string(), "it is not plain");
}

/// A client inside that takes one type of body only.
#[tokio::test]
async fn a_body_is_mapped_inside_to_the_type_that_a_client_takes() {
    let only_boxed = service_fn(|request: Request<Boxed>| Site::default().oneshot(request));
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer(MapRequestBodyLayer::new(|body: ReplayBody<_>| {
            body.map_err(Into::into).boxed_unsync()
        }))
        .service(only_boxed);
    let response = client.oneshot(put("http://a.test/old")).await.unwrap();
    assert_eq!(text(response).await, "ha ha\n");
}

/// Outside, the layer gets the new type, and a factory must make that.
#[tokio::test]
async fn a_factory_is_of_the_body_that_comes_to_the_layer() {
    let body = || OneShot::new(100, 10, Length::Known).0;
    let boxed = |body: OneShot| body.boxed_unsync();
    let client = ServiceBuilder::new()
        .layer(MapRequestBodyLayer::new(boxed))
        .layer(FollowRedirectLayer::new().replay_limit(0))
        .service(Site::default());

    let mut request = Request::put("http://a.test/old").body(body()).unwrap();
    request.extensions_mut().insert(BodyFactory::new(body));
    let error = client.clone().oneshot(request).await.unwrap_err();
    let refusal = error.refusal().expect("no factory was found");
    assert_eq!(refusal.kind(), RefusalKind::BodyNotReplayable);

    let mut request = Request::put("http://a.test/old").body(body()).unwrap();
    request.extensions_mut().insert(BodyFactory::new(move || boxed(body())));
    let response = client.oneshot(request).await.unwrap();
    let content = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(content.len(), 100);
}
