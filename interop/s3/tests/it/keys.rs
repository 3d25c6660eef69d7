//! A key is octets: what a URL parser would tidy up is another key.

use http::Request;
use http_body_util::Full;

use crate::support::{Bench, CONTENT, GLOBAL, HOME, send, signed_upload};

/// Paths that a parser of URLs would change, or might.
const KEYS: [&str; 9] =
    ["a/./b", "a//b", "/a", "a/../b", "a/%2e%2e/b", "a%20b", "%E2%82%AC", "%e2%82%ac", "a%2Fb+c~d"];

#[tokio::test]
async fn every_key_arrives_as_it_was_requested() {
    for from in [GLOBAL, "quotes.s3.us-west-2.amazonaws.com"] {
        for key in KEYS {
            let bench = Bench::start().await;
            let response = bench.send_v2(signed_upload(&format!("http://{from}/{key}"))).await;
            assert_eq!(response.status(), 200, "{key}: {:?}", response.body());
            assert_eq!(bench.stored_at(HOME).target.trim_end_matches('?'), format!("/{key}"));
        }
    }
}

#[tokio::test]
async fn every_key_is_signed_as_it_was_requested() {
    for key in KEYS {
        let bench = Bench::start().await;
        let request = Request::put(format!("http://{GLOBAL}/{key}"));
        let request = request.body(Full::from(CONTENT)).unwrap();
        let response = send(bench.v4("us-east-1"), request).await;
        assert_eq!(response.status(), 200, "{key}: {:?}", response.body());
        assert_eq!(bench.stored_at(HOME).target.trim_end_matches('?'), format!("/{key}"));
    }
}
