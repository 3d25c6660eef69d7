//! A wrong region: S3 says so by 301 without `Location`, or by 400.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use tower_follow_redirect::{History, policy::s3::Reason};

use crate::support::{Bench, CONTENT, GLOBAL, HOME, reason, send, signed, signed_upload, url};

const PATH_STYLE_HOME: &str = "s3.eu-central-1.amazonaws.com";

#[tokio::test]
async fn a_301_without_location_names_the_region_in_a_field() {
    let bench = Bench::start().await;
    let response = bench.send_v2(signed_upload(&url("quotes.s3.us-west-2.amazonaws.com"))).await;
    assert_eq!(response.status(), 200);
    assert_eq!(bench.stored_at(HOME).target, "/nelson.txt");
    assert_eq!(bench.wire.body_bytes("quotes.s3.us-west-2.amazonaws.com"), 0);
}

#[tokio::test]
async fn a_301_without_location_keeps_the_bucket_in_the_path() {
    let bench = Bench::start().await;
    let url = "http://s3.us-west-2.amazonaws.com/quotes/nelson.txt";
    assert_eq!(bench.send_v2(signed_upload(url)).await.status(), 200);
    assert_eq!(bench.stored_at(PATH_STYLE_HOME).target, "/quotes/nelson.txt");
}

#[tokio::test]
async fn a_301_without_location_names_the_endpoint_in_xml_only() {
    let bench = Bench::start().await;
    let response = bench.send_v2(signed_upload(&url("quotes.s3.us-east-2.amazonaws.com"))).await;
    assert_eq!(response.status(), 200);
    assert_eq!(bench.stored_at(HOME).target, "/nelson.txt");
}

#[tokio::test]
async fn the_endpoint_in_xml_has_the_bucket_that_the_path_had() {
    let bench = Bench::start().await;
    let url = "http://s3.us-east-2.amazonaws.com/quotes/nelson.txt";
    assert_eq!(bench.send_v2(signed_upload(url)).await.status(), 200);
    assert_eq!(bench.stored_at(HOME).target, "/nelson.txt");
}

#[tokio::test]
async fn a_head_is_answered_301_without_a_body() {
    let bench = Bench::start().await;
    bench.send_v2(signed_upload(&url(HOME))).await;
    for url in [
        url("quotes.s3.us-west-2.amazonaws.com"),
        "http://s3.us-west-2.amazonaws.com/quotes/nelson.txt".to_owned(),
    ] {
        let response = bench.send_v2(signed(Method::HEAD, &url)).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-length"], "6");
        assert_eq!(History::of(&response).unwrap().hops().len(), 1);
    }
}

/// Uploads with signatures of version 4, the first for the region of its host.
async fn upload_v4(bench: &Bench, host: &str, region: &'static str) {
    let request = Request::put(url(host)).header("expect", "100-continue");
    let response = send(bench.v4(region), request.body(Full::from(CONTENT)).unwrap()).await;
    assert_eq!(response.status(), 200, "{:?}", response.body());
    let stored = bench.stored_at(HOME);
    let authorization = stored.field("authorization").unwrap();
    assert!(authorization.contains("/eu-central-1/s3/aws4_request"), "{authorization}");
    assert_eq!(bench.wire.body_bytes(host), 0);
}

#[tokio::test]
async fn every_hop_is_signed_anew_after_307() {
    upload_v4(&Bench::start().await, GLOBAL, "us-east-1").await;
}

#[tokio::test]
async fn every_hop_is_signed_anew_after_301_without_location() {
    upload_v4(&Bench::start().await, "quotes.s3.us-west-2.amazonaws.com", "us-west-2").await;
}

#[tokio::test]
async fn a_400_authorization_header_malformed_is_signed_anew() {
    upload_v4(&Bench::start().await, "quotes.s3.eu-west-1.amazonaws.com", "eu-west-1").await;
}

#[tokio::test]
async fn a_400_illegal_location_constraint_is_signed_anew() {
    upload_v4(&Bench::start().await, "quotes.s3.eu-west-2.amazonaws.com", "eu-west-2").await;
}

#[tokio::test]
async fn a_head_is_answered_400_without_a_body() {
    let bench = Bench::start().await;
    bench.send_v2(signed_upload(&url(HOME))).await;
    let head = Request::head(url("quotes.s3.eu-west-1.amazonaws.com"));
    let response = send(bench.v4("eu-west-1"), head.body(Full::<Bytes>::default()).unwrap()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-length"], "6");
}

#[tokio::test]
async fn a_400_is_handed_back_where_nobody_signs_anew() {
    let bench = Bench::start().await;
    let response = bench.send_v2(signed_upload(&url("quotes.s3.eu-west-1.amazonaws.com"))).await;
    assert_eq!(response.status(), 400);
    let xml = String::from_utf8_lossy(response.body());
    assert!(xml.starts_with("<?xml") && xml.ends_with("</Error>"), "{xml}");
    assert_eq!(bench.store.arrived().len(), 0);
}

#[tokio::test]
async fn a_head_without_a_region_is_handed_back() {
    let bench = Bench::start().await;
    let head = signed(Method::HEAD, &url("quotes.s3.us-east-2.amazonaws.com"));
    let response = bench.send_v2(head).await;
    assert_eq!((response.status().as_u16(), reason(&response)), (301, Reason::NoLocation));
}
