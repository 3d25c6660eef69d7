//! What no S3 sends is refused, and nothing of the request gets there.

use std::error::Error;

use http::Request;
use http_body_util::Full;
use tower_follow_redirect::{Refusal, RefusalKind, policy::s3::Reason};

use crate::support::{Bench, CONTENT, reason, send, signed_upload, url};

#[tokio::test]
async fn a_redirect_to_a_stranger_is_refused() {
    refused("quotes.s3.eu-west-3.amazonaws.com", "eu-west-3", "evil.example.com", Reason::Host)
        .await;
}

#[tokio::test]
async fn a_redirect_to_the_bucket_of_somebody_else_is_refused() {
    let to = "attacker.s3.amazonaws.com";
    refused("quotes.s3.eu-north-1.amazonaws.com", "eu-north-1", to, Reason::Bucket).await;
}

#[tokio::test]
async fn a_redirect_to_a_rented_machine_is_refused() {
    let to = "ec2-203-0-113-7.compute-1.amazonaws.com";
    refused("quotes.s3.eu-south-1.amazonaws.com", "eu-south-1", to, Reason::Host).await;
}

#[tokio::test]
async fn a_stranger_as_the_endpoint_in_xml_is_refused() {
    refused("quotes.s3.sa-east-1.amazonaws.com", "sa-east-1", "evil.example.com", Reason::Host)
        .await;
}

/// Uploads with both versions of signatures.
async fn refused(from: &str, region: &'static str, to: &str, why: Reason) {
    let bench = Bench::start().await;
    let v2 = bench.send_v2(signed_upload(&url(from))).await;
    let request = Request::put(url(from)).header("expect", "100-continue");
    let v4 = send(bench.v4(region), request.body(Full::from(CONTENT)).unwrap()).await;
    for response in [v2, v4] {
        assert!(response.status().is_redirection(), "{}", response.status());
        assert_eq!(reason(&response), why);
        let refusal = Refusal::of(&response).unwrap();
        assert_eq!(refusal.kind(), RefusalKind::Policy);
        let text = refusal.source().unwrap().to_string();
        println!("{text}");
        assert!(text.contains(to), "{text}");
    }
    assert_eq!((bench.wire.connections(to), bench.wire.bytes(to)), (0, 0));
    assert_eq!(bench.store.arrived().len(), 0);
}
