//! What the policy and a signer inside tell each other.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, header};
use http_body_util::Full;
use tower_follow_redirect::{
    FollowRedirectLayer,
    policy::{
        S3,
        s3::{Foreign, Reason, SignedWith, SigningRegion},
    },
};

use super::{error, reason, with};
use crate::support::step::{Answer, Call, Hop, redirect, send, status};

const BUCKET: &str = "https://quotes.s3.amazonaws.com/k";
const HERE: &str = "https://quotes.s3.eu-west-1.amazonaws.com/k";

fn call(method: &str, uri: &str, policy: S3) -> Call<Full<Bytes>> {
    Call::start(FollowRedirectLayer::new().with_policy(policy), send(method, uri, ""))
}

fn signed(mut answer: Answer, region: &str) -> Answer {
    answer.extensions_mut().insert(SignedWith::region(region));
    answer
}

fn region(hop: &Hop<Full<Bytes>>) -> Option<&str> {
    hop.head.extensions.get().map(SigningRegion::as_str)
}

/// Only the hop after the answer is told of a region: what a policy adds stays within an origin.
#[tokio::test]
async fn the_region_holds_until_s3_names_another() {
    let mut call = call("GET", BUCKET, S3::new());
    let first = call.next().await;
    assert_eq!(region(&first), None);
    first.answer(signed(with(status(301), "x-amz-bucket-region", "eu-west-1"), "us-east-1"));
    let second = call.next().await;
    assert_eq!((second.uri(), region(&second)), (HERE.into(), Some("eu-west-1")));
    let temporary = "https://quotes.s3-4c25d83b.amazonaws.com/k";
    second.answer(signed(redirect(307, temporary), "eu-west-1"));
    let third = call.next().await;
    assert_eq!((third.uri(), region(&third)), (temporary.into(), Some("eu-west-1")));
}

/// Its text would go along, and be refused after the whole upload.
#[tokio::test]
async fn without_a_signer_what_is_signed_for_its_host_stops() {
    let presigned = "?X-Amz-Credential=AK&x-amz-signature=18d5";
    for (query, authorization) in [("", "AWS4-HMAC-SHA256 Credential=AK"), (presigned, "")] {
        let mut request = send("PUT", &format!("{BUCKET}{query}"), "ha ha\n");
        if !authorization.is_empty() {
            let value = HeaderValue::from_static(authorization);
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let mut call = Call::start(FollowRedirectLayer::new().with_policy(S3::new()), request);
        call.next().await.redirect(307, &format!("{HERE}{query}"));
        assert_eq!(reason(&call.end().await.unwrap()), Some(Reason::NeedsSigning), "{query}");
    }
}

/// TLS is not signed.
#[tokio::test]
async fn a_signature_survives_the_way_to_https() {
    let mut request = send("GET", "http://quotes.s3.amazonaws.com/k", "");
    let value = HeaderValue::from_static("AWS4-HMAC-SHA256 Credential=AK");
    request.headers_mut().insert(header::AUTHORIZATION, value);
    let mut call = Call::start(FollowRedirectLayer::new().with_policy(S3::new()), request);
    call.next().await.redirect(301, BUCKET);
    let next = call.next().await;
    assert_eq!((next.uri(), next.field("authorization").is_some()), (BUCKET.into(), true));
}

#[tokio::test]
async fn a_signer_never_gets_a_foreign_request() {
    let mut call = call("PUT", BUCKET, S3::new().foreign(Foreign::Delegate));
    call.next().await.answer(signed(redirect(307, "https://evil.example.com/k"), "us-east-1"));
    assert_eq!(reason(&call.end().await.unwrap()), Some(Reason::Host));
}

/// A HEAD has no body to say more.
#[tokio::test]
async fn a_400_to_head_with_another_region_is_signed_anew() {
    let answer = || with(status(400), "x-amz-bucket-region", "eu-west-1");
    let mut called = call("HEAD", HERE, S3::new());
    called.next().await.answer(signed(answer(), "us-east-1"));
    let next = called.next().await;
    assert_eq!((next.uri(), region(&next)), (HERE.into(), Some("eu-west-1")));
    next.answer(signed(answer(), "eu-west-1"));
    assert_eq!(reason(&called.end().await.unwrap()), Some(Reason::Loop));

    let mut called = call("HEAD", HERE, S3::new());
    called.next().await.answer(answer());
    let response = called.end().await.unwrap();
    assert_eq!((response.status().as_u16(), reason(&response)), (400, None), "no signer is there");
}

/// Only the region differs, which no field of the request shows.
#[tokio::test]
async fn a_request_that_is_signed_anew_is_no_loop() {
    let layer = FollowRedirectLayer::new().with_policy(S3::new()).detect_loops();
    let mut called = Call::start(layer, send("HEAD", HERE, ""));
    let answer = with(status(400), "x-amz-bucket-region", "eu-west-1");
    called.next().await.answer(signed(answer, "us-east-1"));
    assert_eq!(region(&called.next().await), Some("eu-west-1"));
}

/// Another 400 has its reason in its body, and is none of ours.
#[tokio::test]
async fn a_400_counts_by_its_code() {
    let malformed = "<Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region>";
    let illegal = "<Code>IllegalLocationConstraintException</Code>";
    let table = [
        (Method::PUT, BUCKET, malformed, "", true),
        (Method::PUT, BUCKET, malformed, "eu-west-1", true),
        (Method::PUT, BUCKET, illegal, "eu-west-1", true),
        (Method::PUT, BUCKET, illegal, "", false),
        (Method::PUT, BUCKET, "<Code>InvalidArgument</Code><Region>eu-west-1</Region>", "", false),
        (Method::PUT, BUCKET, "<Code>InvalidArgument</Code>", "eu-west-1", false),
        // The region of a bucket that is made is the caller's to choose.
        (Method::PUT, "https://quotes.s3.amazonaws.com/", illegal, "eu-west-1", false),
        (Method::PUT, "https://s3.amazonaws.com/quotes", illegal, "eu-west-1", false),
        (Method::PUT, "https://s3.amazonaws.com/quotes?acl", illegal, "eu-west-1", true),
        (Method::GET, "https://s3.amazonaws.com/quotes", illegal, "eu-west-1", true),
    ];
    for (method, uri, xml, of_header, followed) in table {
        let mut call = call(method.as_str(), uri, S3::new());
        let mut answer = error(400, xml);
        if !of_header.is_empty() {
            answer = with(answer, "x-amz-bucket-region", of_header);
        }
        call.next().await.answer(signed(answer, "us-east-1"));
        if followed && cfg!(feature = "s3-xml") {
            let next = call.next().await;
            assert_eq!(region(&next), Some("eu-west-1"), "{method} {uri} {xml}");
        } else {
            let response = call.end().await.unwrap();
            assert_eq!(response.status(), 400, "{method} {uri} {xml}");
            assert_eq!(reason(&response), None, "{method} {uri} {xml}");
            assert_eq!(super::body(response).await, format!("<Error>{xml}</Error>"));
        }
    }
}

#[tokio::test]
async fn a_region_that_is_none_is_not_put_into_a_host() {
    for region in ["evil.test/", "us-west-2@evil.test", "cn-north-1", "aws-global", ""] {
        let mut call = call("GET", BUCKET, S3::new());
        let mut answer = status(301);
        answer.headers_mut().insert("x-amz-bucket-region", HeaderValue::from_str(region).unwrap());
        call.next().await.answer(signed(answer, "us-east-1"));
        assert_eq!(reason(&call.end().await.unwrap()), Some(Reason::Region), "{region}");
    }
}

/// It signs for all regions through one host.
#[tokio::test]
async fn an_accelerated_endpoint_stays_and_is_signed_anew() {
    let from = "https://quotes.s3-accelerate.dualstack.amazonaws.com/k";
    let mut call = call("HEAD", from, S3::new());
    let answer = with(status(301), "x-amz-bucket-region", "eu-west-1");
    call.next().await.answer(signed(answer, "us-east-1"));
    let next = call.next().await;
    assert_eq!((next.uri(), region(&next)), (from.into(), Some("eu-west-1")));
}

/// A site chooses bucket, key and query; S3's own redirect must not have that signed.
#[tokio::test]
async fn a_right_to_sign_that_was_lost_does_not_come_back() {
    let regional = || [redirect(307, HERE), with(status(301), "x-amz-bucket-region", "eu-west-1")];
    for answer in regional() {
        let mut call = call("GET", "https://site.example.com/x", S3::new());
        call.next().await.redirect(302, BUCKET);
        call.next().await.answer(answer);
        let third = call.next().await;
        assert_eq!((third.uri(), region(&third)), (HERE.into(), None));
    }
    // Whom S3 itself leads on is signed for all along, by a signer too that says nothing of it.
    for answer in regional() {
        let mut call = call("GET", "https://quotes.s3-4c25d83b.amazonaws.com/k", S3::new());
        call.next().await.answer(with(redirect(307, BUCKET), "x-amz-bucket-region", "us-east-1"));
        call.next().await.answer(with(answer, "x-amz-bucket-region", "eu-west-1"));
        let third = call.next().await;
        assert_eq!((third.uri(), region(&third)), (HERE.into(), Some("eu-west-1")));
    }
}

/// The object `backup` of the bucket `quotes` is meant, and not the bucket `backup`.
#[tokio::test]
async fn a_host_of_the_callers_names_another_bucket_than_the_uri() {
    let mut request = send("DELETE", "https://s3.amazonaws.com/backup", "");
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("quotes.s3.amazonaws.com"));
    let mut call = Call::start(FollowRedirectLayer::new().with_policy(S3::new()), request);
    call.next().await.answer(with(status(301), "x-amz-bucket-region", "us-west-2"));
    assert_eq!(call.end().await.unwrap().status(), 301);
}

/// The next request would be signed, although this one was signed by its URL.
#[tokio::test]
async fn a_request_that_says_its_region_is_not_delegated() {
    let mut request = send("GET", &format!("{BUCKET}?X-Amz-Signature=00"), "");
    request.extensions_mut().insert(SigningRegion::new("us-east-1"));
    let layer = FollowRedirectLayer::new().with_policy(S3::new().foreign(Foreign::Delegate));
    let mut call = Call::start(layer, request);
    call.next().await.redirect(307, "/attacker/k");
    assert!(reason(&call.end().await.unwrap()).is_some());
}

#[tokio::test]
async fn what_is_delegated_has_no_secret_of_the_layer() {
    let mut request = send("GET", "https://s3.us-east-1.amazonaws.com/quotes/k", "");
    for name in ["x-tenant-key", "authorization", "accept"] {
        request.headers_mut().insert(name, HeaderValue::from_static("v"));
    }
    let layer = FollowRedirectLayer::new()
        .sensitive_header(HeaderName::from_static("x-tenant-key"))
        .with_policy(S3::new().foreign(Foreign::Delegate));
    let mut call = Call::start(layer, request);
    call.next().await.redirect(307, "/other/k");
    assert_eq!(call.next().await.fields(), ["accept"]);
}
