//! What is signed of the content.

use bytes::Bytes;
use http::Request;
use http_body_util::{Full, channel::Channel};
use tower::{BoxError, ServiceExt};
use tower_follow_redirect::policy::s3::SigningRegion;
use tower_follow_redirect_sigv4::{SignError, hash_payload};
use tower_layer::Layer;

use crate::support::{HASH_OF_NOTHING, Recorder, sign, signer};

const HTTPS: &str = "https://quotes.s3.amazonaws.com/nelson.txt";
const HTTP: &str = "http://quotes.s3.amazonaws.com/nelson.txt";
const HASH_OF_HA_HA: &str = "3fe672f14e13e118a21d612584bd745412a3f63c38ad22796e6fd3896fb846db";

#[tokio::test]
async fn content_without_a_hash_goes_over_https_only() -> Result<(), BoxError> {
    let put = |uri| Request::put(uri).body(Full::from("ha ha\n"));
    let head = sign(signer(), put(HTTPS)?).await?;
    assert_eq!(head.headers["x-amz-content-sha256"], "UNSIGNED-PAYLOAD");

    let error = sign(signer(), put(HTTP)?).await.expect_err("anybody could change it");
    assert!(matches!(error.downcast_ref(), Some(SignError::UnsignedOverHttp)), "{error}");
    assert!(error.to_string().contains("hash_payload"), "{error}");

    let head = sign(signer().allow_unsigned_over_http(), put(HTTP)?).await?;
    assert_eq!(head.headers["x-amz-content-sha256"], "UNSIGNED-PAYLOAD");
    Ok(())
}

#[tokio::test]
async fn only_s3_takes_content_without_a_hash() -> Result<(), BoxError> {
    let signer = signer().service("execute-api");
    let put = Request::put(HTTPS).body(Full::from("ha ha\n"))?;
    let error = sign(signer.clone(), put.clone()).await.expect_err("it has no hash");
    assert!(matches!(error.downcast_ref(), Some(SignError::UnsignedPayload)), "{error}");
    let head = sign(signer, hash_payload(put)).await?;
    assert_eq!(head.headers["x-amz-content-sha256"], HASH_OF_HA_HA);
    Ok(())
}

#[tokio::test]
async fn content_in_memory_is_hashed() -> Result<(), BoxError> {
    let put = hash_payload(Request::put(HTTP).body(Full::from("ha ha\n"))?);
    let head = sign(signer(), put).await?;
    assert_eq!(head.headers["x-amz-content-sha256"], HASH_OF_HA_HA);
    Ok(())
}

#[tokio::test]
async fn the_hash_of_the_caller_is_kept() -> Result<(), BoxError> {
    for hash in [HASH_OF_HA_HA, "UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"] {
        let put = Request::put(HTTP).header("x-amz-content-sha256", hash);
        let head = sign(signer(), hash_payload(put.body(Full::from("ha ha\n"))?)).await?;
        assert_eq!(head.headers["x-amz-content-sha256"], hash);
    }
    Ok(())
}

#[tokio::test]
async fn where_the_content_is_gone_so_is_its_hash() -> Result<(), BoxError> {
    // As after a 303, which drops the content.
    for signer in [signer(), signer().service("execute-api")] {
        let get = Request::get(HTTP).header("x-amz-content-sha256", HASH_OF_HA_HA);
        let head = sign(signer, get.body(Full::default())?).await?;
        assert_eq!(head.headers["x-amz-content-sha256"], HASH_OF_NOTHING);
        assert_eq!(head.headers.get_all("x-amz-content-sha256").iter().count(), 1);
    }
    Ok(())
}

#[test]
fn a_body_that_would_have_to_wait_is_not_hashed() -> Result<(), BoxError> {
    #[derive(Clone)]
    struct Waiting;
    impl http_body::Body for Waiting {
        type Data = Bytes;
        type Error = BoxError;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
            std::task::Poll::Pending
        }
    }
    let request = hash_payload(Request::put(HTTP).body(Waiting)?);
    assert!(request.headers().is_empty());
    Ok(())
}

/// A body may be parked until `100 Continue`: who reads it before, waits for ever.
#[tokio::test]
async fn the_body_is_not_read() -> Result<(), BoxError> {
    let (_sender, body) = Channel::<Bytes, BoxError>::new(1);
    let recorder = Recorder::default();
    let mut request = Request::put(HTTPS).body(body)?;
    request.extensions_mut().insert(SigningRegion::new("us-east-1"));
    signer().layer(recorder.client()).oneshot(request).await?;
    assert_eq!(recorder.sent()[0].headers["x-amz-content-sha256"], "UNSIGNED-PAYLOAD");
    Ok(())
}
