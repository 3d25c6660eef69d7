//! What the policy and a signer inside tell each other.

use bytes::Bytes;
use http::{HeaderValue, Method, header};
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
