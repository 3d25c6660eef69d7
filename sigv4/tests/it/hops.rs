//! Each hop of a redirected request is signed anew, or not at all.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{Request, Response, request};
use http_body_util::Full;
use tower::{BoxError, ServiceExt};
use tower_follow_redirect::{
    Policy,
    policy::{self, Decision, Standard, s3::SigningRegion},
};
use tower_follow_redirect_sigv4::S3Layer;
use tower_layer::Layer;

use crate::support::{Recorder, authorization, credentials, documented_time};

const FROM: &str = "https://quotes.s3.amazonaws.com/nelson.txt";

/// Sends a PUT that is redirected once, and returns both heads. The clock goes on by a day per hop.
async fn redirected(policy: impl Policy, location: &str) -> Result<[request::Parts; 2], BoxError> {
    let answer = Response::builder().status(307).header("location", location).body(())?;
    let recorder = Recorder::answering([answer]);
    let days = AtomicU64::new(0);
    let clock = move || -> SystemTime {
        let day = days.fetch_add(1, Ordering::Relaxed);
        documented_time() + Duration::from_secs(day * 86_400)
    };
    let client = S3Layer::new(credentials(), "us-east-1")
        .redirects(|redirects| redirects.with_policy(policy))
        .signer(|signer| signer.clock(clock))
        .layer(recorder.client());
    let request = Request::put(FROM)
        .header("content-md5", "osjWuHIFQpOv1BBh6TvCiQ==")
        .header("x-amz-meta-author", "nelson")
        .body(Full::<Bytes>::from("ha ha\n"))?;
    client.oneshot(request).await?;
    Ok(recorder.sent().try_into().expect("two requests are sent"))
}

#[tokio::test]
async fn the_next_hop_is_signed_for_the_region_that_the_policy_sets() -> Result<(), BoxError> {
    let policy = policy::redirect_fn(|attempt| {
        attempt.next_extensions().insert(SigningRegion::new("us-west-2"));
        Decision::Follow
    });
    let location = "https://quotes.s3.us-west-2.amazonaws.com/nelson.txt?rk=8d47490b";
    let [first, second] = redirected(policy, location).await?;

    assert_eq!(
        authorization(&first.headers, "Credential"),
        "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
    );
    assert_eq!(
        authorization(&second.headers, "Credential"),
        "AKIAIOSFODNN7EXAMPLE/20130525/us-west-2/s3/aws4_request"
    );
    assert_eq!(second.headers["x-amz-date"], "20130525T000000Z");
    assert_eq!(second.headers.get_all("x-amz-date").iter().count(), 1);
    assert!(!second.headers.contains_key("host"));
    let signed = "content-md5;host;x-amz-content-sha256;x-amz-date;x-amz-meta-author";
    assert_eq!(authorization(&first.headers, "SignedHeaders"), signed);
    // Content-MD5 is of the content, and goes along.
    assert_eq!(authorization(&second.headers, "SignedHeaders"), signed);
    Ok(())
}

#[tokio::test]
async fn within_the_origin_the_region_stays() -> Result<(), BoxError> {
    let [_, second] = redirected(Standard, "/other.txt").await?;
    assert_eq!(
        authorization(&second.headers, "Credential"),
        "AKIAIOSFODNN7EXAMPLE/20130525/us-east-1/s3/aws4_request"
    );
    Ok(())
}

#[tokio::test]
async fn another_origin_gets_no_signature() -> Result<(), BoxError> {
    for location in [
        "https://evil.example.com/nelson.txt",
        "https://attacker.s3.amazonaws.com/nelson.txt",
        "https://quotes.s3.amazonaws.com:8443/nelson.txt",
    ] {
        let [first, second] = redirected(Standard, location).await?;
        assert!(first.headers.contains_key("authorization"));
        let names: Vec<_> = second.headers.keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["content-md5", "x-amz-meta-author"], "{location}");
    }
    Ok(())
}

#[tokio::test]
async fn who_grants_credentials_grants_a_signature() -> Result<(), BoxError> {
    let policy = policy::redirect_fn(|_| Decision::FollowWithCredentials);
    let [_, second] = redirected(policy, "https://mirror.example.com/nelson.txt").await?;
    assert_eq!(
        authorization(&second.headers, "Credential"),
        "AKIAIOSFODNN7EXAMPLE/20130525/us-east-1/s3/aws4_request"
    );
    Ok(())
}
