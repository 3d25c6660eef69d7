//! What the other tests would look like if the stack were wrong: the store says so.

use http::Request;
use http::{HeaderName, HeaderValue, header};
use http_body_util::Full;
use tower::Layer;
use tower_follow_redirect::{
    FollowRedirectLayer, Policy,
    policy::{
        Attempt, Decision, S3, redirect_fn,
        s3::{Reason, SigningRegion},
    },
};
use tower_follow_redirect_sigv4::{SigV4Layer, hash_payload};

use crate::support::{
    Bench, CONTENT, GLOBAL, HOME, assert_bad_signature, credentials, reason, send, signed_upload,
    url,
};

#[tokio::test]
async fn a_changed_date_is_refused_by_the_store() {
    let date = HeaderValue::from_static("Mon, 15 Oct 2007 22:18:47 +0000");
    refused_with(move |attempt| attempt.set_header(header::DATE, date.clone())).await;
}

#[tokio::test]
async fn a_lost_content_md5_is_refused_by_the_store() {
    refused_with(|attempt| attempt.strip_header(HeaderName::from_static("content-md5"))).await;
}

#[tokio::test]
async fn a_lost_content_type_is_refused_by_the_store() {
    refused_with(|attempt| attempt.strip_header(header::CONTENT_TYPE)).await;
}

#[tokio::test]
async fn lost_metadata_is_refused_by_the_store() {
    refused_with(|attempt| attempt.strip_header(HeaderName::from_static("x-amz-meta-author")))
        .await;
}

/// Follows S3's redirect with a change.
async fn refused_with(change: impl Fn(&mut Attempt<'_>) + Send + Sync + 'static) {
    let bench = Bench::start().await;
    let policy = S3::new().and(redirect_fn(move |attempt: &mut Attempt<'_>| {
        change(attempt);
        Decision::Pass
    }));
    let response = send(bench.v2(policy), signed_upload(&url(GLOBAL))).await;
    assert_bad_signature(&response);
    assert_eq!(bench.store.only().host, HOME);
}

/// A request whose content is hashed, and which is to be signed.
fn to_be_signed() -> Request<Full<bytes::Bytes>> {
    let mut request = hash_payload(Request::put(url(GLOBAL)).body(Full::from(CONTENT)).unwrap());
    request.extensions_mut().insert(SigningRegion::new("us-east-1"));
    request
}

#[tokio::test]
async fn a_stale_signature_of_version_4_is_refused_by_the_store() {
    let bench = Bench::start().await;
    let anywhere = redirect_fn(|attempt: &mut Attempt<'_>| {
        attempt.keep_method();
        Decision::FollowWithCredentials
    });
    // The wrong way round: only the first hop is signed.
    let stack = SigV4Layer::new(credentials())
        .layer(FollowRedirectLayer::new().with_policy(anywhere).layer(bench.wire.client()));
    assert_bad_signature(&send(stack, to_be_signed()).await);
    assert_eq!(bench.store.only().host, HOME);
}

#[tokio::test]
async fn a_signature_of_version_4_without_a_signer_inside_stops_before_the_upload() {
    let bench = Bench::start().await;
    let stack = SigV4Layer::new(credentials())
        .layer(FollowRedirectLayer::new().with_policy(S3::new()).layer(bench.wire.client()));
    let response = send(stack, to_be_signed()).await;
    assert_eq!((response.status().as_u16(), reason(&response)), (307, Reason::NeedsSigning));
    assert_eq!(bench.wire.connections(HOME), 0);
}
