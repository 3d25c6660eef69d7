//! Which fields are signed, set, kept and removed.

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use tower::{BoxError, ServiceExt};
use tower_follow_redirect::policy::s3::{SignedWith, SigningRegion};
use tower_follow_redirect_sigv4::{S3Layer, SigV4Layer, SignError};
use tower_layer::Layer;

use crate::support::{Recorder, SECRET_KEY, authorization, credentials, sign, signer};

const URI: &str = "https://quotes.s3.amazonaws.com/nelson.txt";

#[tokio::test]
async fn what_the_server_acts_on_is_signed_and_no_more() -> Result<(), BoxError> {
    let mut request = Request::put(URI);
    for name in [
        "accept-encoding",
        "connection",
        "content-length",
        "content-md5",
        "content-type",
        "cookie",
        "expect",
        "if-match",
        "range",
        "te",
        "transfer-encoding",
        "user-agent",
        "x-amz-meta-author",
        "x-amzn-trace-id",
        "x-request-id",
    ] {
        request = request.header(name, "1");
    }
    let head = sign(signer(), request.body(Full::from("ha ha\n"))?).await?;
    assert_eq!(
        authorization(&head.headers, "SignedHeaders"),
        "content-md5;content-type;host;if-match;range;x-amz-content-sha256;x-amz-date;\
         x-amz-meta-author"
    );
    Ok(())
}

#[tokio::test]
async fn what_was_signed_before_is_replaced() -> Result<(), BoxError> {
    let request = Request::get(URI)
        .header("authorization", "AWS old:one")
        .header("authorization", "AWS old:two")
        .header("x-amz-date", "20070101T000000Z")
        .header("x-amz-security-token", "old")
        .body(Full::default())?;
    let head = sign(signer(), request).await?;
    assert!(head.headers["authorization"].to_str()?.starts_with("AWS4-HMAC-SHA256 "));
    assert_eq!(head.headers.get_all("authorization").iter().count(), 1);
    assert_eq!(head.headers["x-amz-date"], "20130524T000000Z");
    assert!(!head.headers.contains_key("x-amz-security-token"));
    Ok(())
}

#[tokio::test]
async fn a_session_token_is_signed_and_marked_sensitive() -> Result<(), BoxError> {
    let token = Credentials::new("AK", "SK", Some("the+token/==".into()), None, "test");
    let signer = SigV4Layer::new(token);
    let head = sign(signer.clone(), Request::get(URI).body(Full::default())?).await?;
    assert_eq!(head.headers["x-amz-security-token"], "the+token/==");
    let signed = authorization(&head.headers, "SignedHeaders");
    assert!(signed.ends_with(";x-amz-security-token"), "{signed}");
    let debug = format!("{:?}", head.headers);
    assert!(!debug.contains("the+token") && !debug.contains("Signature"), "{debug}");
    Ok(())
}

#[tokio::test]
async fn the_host_is_signed_and_not_pinned() -> Result<(), BoxError> {
    let signature = |uri: &'static str, host: Option<&'static str>| async move {
        let mut request = Request::get(uri).body(Full::default())?;
        if let Some(host) = host {
            request.headers_mut().insert("host", HeaderValue::from_static(host));
        }
        let head = sign(signer(), request).await?;
        assert_eq!(head.headers.contains_key("host"), host.is_some());
        Ok::<_, BoxError>(authorization(&head.headers, "Signature").to_owned())
    };
    let plain = signature("https://a.test/k", None).await?;
    assert_eq!(signature("https://a.test:443/k", None).await?, plain);
    assert_eq!(signature("https://user@a.test/k", None).await?, plain);
    assert_eq!(signature("https://b.test:9000/k", Some("a.test")).await?, plain);
    assert_ne!(signature("https://a.test:9000/k", None).await?, plain);
    assert_ne!(signature("https://b.test/k", None).await?, plain);
    Ok(())
}

#[tokio::test]
async fn a_presigned_request_is_left_alone() -> Result<(), BoxError> {
    for query in ["X-Amz-Signature=f0e8", "a=b&AWSAccessKeyId=AK&Signature=x"] {
        let request = Request::get(format!("{URI}?{query}")).body(Full::default())?;
        let head = sign(signer(), request).await?;
        assert!(head.headers.is_empty(), "{:?}", head.headers);
        assert_eq!(head.uri.query(), Some(query));
    }
    Ok(())
}

#[tokio::test]
async fn a_response_of_any_status_tells_the_region() -> Result<(), BoxError> {
    for status in [200, 301, 403, 500] {
        let answer = http::Response::builder().status(status).body(())?;
        let service = signer().layer(Recorder::answering([answer]).client());
        let mut request = Request::get(URI).body(Full::<Bytes>::default())?;
        request.extensions_mut().insert(SigningRegion::new("eu-west-3"));
        let response = service.oneshot(request).await?;
        let signed = response.extensions().get::<SignedWith>().expect("it was signed");
        assert_eq!(signed.signed_region(), "eu-west-3", "{status}");
    }
    Ok(())
}

#[tokio::test]
async fn the_region_of_the_caller_is_kept() -> Result<(), BoxError> {
    let mut request = Request::get(URI).body(Full::default())?;
    request.extensions_mut().insert(SigningRegion::new("eu-west-3"));
    let head = sign(signer(), request).await?;
    assert_eq!(
        authorization(&head.headers, "Credential"),
        "AKIAIOSFODNN7EXAMPLE/20130524/eu-west-3/s3/aws4_request"
    );
    Ok(())
}

#[tokio::test]
async fn without_a_region_nothing_is_signed_and_nothing_told() -> Result<(), BoxError> {
    let recorder = Recorder::default();
    let service = signer().layer(recorder.client());
    let request = Request::get(URI).header("authorization", "Bearer b");
    let response = service.oneshot(request.body(Full::<Bytes>::default())?).await?;
    assert!(response.extensions().get::<SignedWith>().is_none());
    let sent = recorder.sent().remove(0);
    assert_eq!(sent.headers.len(), 1);
    assert_eq!(sent.headers["authorization"], "Bearer b");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_signed_is_an_error_and_not_sent() -> Result<(), BoxError> {
    let latin = Request::get(URI).header("x-amz-meta-name", HeaderValue::from_bytes(b"\xe9")?);
    let error = sign(signer(), latin.body(Full::default())?).await.expect_err("it is not ASCII");
    assert_eq!(error.to_string(), "the value of x-amz-meta-name cannot be signed");
    let no_host = Request::get("/nelson.txt").body(Full::default())?;
    let error = sign(signer(), no_host).await.expect_err("it has no host");
    assert!(matches!(error.downcast_ref(), Some(SignError::NoHost)), "{error}");
    // Amazon's signer would panic, were it asked to make a field of it.
    let broken = SigV4Layer::new(Credentials::new("A\nK", SECRET_KEY, None, None, "test"));
    let error = sign(broken, Request::get(URI).body(Full::default())?).await;
    let error = error.expect_err("the key id has a line break");
    assert!(matches!(error.downcast_ref(), Some(SignError::Signer(_))), "{error}");
    Ok(())
}

#[test]
fn debug_shows_no_secret() {
    let token = Credentials::new("AKID", SECRET_KEY, Some("TOKEN".into()), None, "test");
    let layer = S3Layer::new(token.clone(), "us-east-1");
    let service = SigV4Layer::new(token).layer(());
    for debug in [format!("{layer:?}"), format!("{layer:#?}"), format!("{service:?}")] {
        assert!(debug.contains("AKID"), "{debug}");
        assert!(!debug.contains(SECRET_KEY) && !debug.contains("TOKEN"), "{debug}");
    }
    assert!(!format!("{:?}", SigV4Layer::new(credentials())).contains(SECRET_KEY));
}
