//! A key is octets: what a URL parser would tidy up is another key.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower_follow_redirect::History;

use crate::support::{Bench, CONTENT, GLOBAL, HOME, send, signed_upload};

/// Paths that a parser of URLs would change, or might.
const KEYS: [&str; 9] =
    ["a/./b", "a//b", "/a", "a/../b", "a/%2e%2e/b", "a%20b", "%E2%82%AC", "%e2%82%ac", "a%2Fb+c~d"];

#[tokio::test]
async fn every_key_arrives_as_it_was_requested() {
    for key in KEYS {
        let bench = Bench::start().await;
        let straight = bench.send_v2(signed_upload(&format!("http://{HOME}/{key}"))).await;
        for from in [GLOBAL, "quotes.s3.us-west-2.amazonaws.com"] {
            let response = bench.send_v2(signed_upload(&format!("http://{from}/{key}"))).await;
            assert_same(&bench, key, &straight, &response);
        }
    }
}

#[tokio::test]
async fn every_key_is_signed_as_it_was_requested() {
    for key in KEYS {
        let bench = Bench::start().await;
        let request = |host: &str| {
            let request = Request::put(format!("http://{host}/{key}"));
            request.body(Full::from(CONTENT)).unwrap()
        };
        let straight = send(bench.v4("eu-central-1"), request(HOME)).await;
        let response = send(bench.v4("us-east-1"), request(GLOBAL)).await;
        assert_same(&bench, key, &straight, &response);
    }
}

/// Asserts that the last request was what goes to the right host straight away.
///
/// The store verifies the signature first. Then it needs a name for a file, and the key `/a` makes none.
fn assert_same(bench: &Bench, key: &str, straight: &Response<Bytes>, response: &Response<Bytes>) {
    let status = if key == "/a" { 500 } else { 200 };
    assert_eq!(straight.status(), status, "{key}: {:?}", straight.body());
    assert_eq!(response.status(), status, "{key}: {:?}", response.body());
    assert_eq!(History::of(response).unwrap().hops().len(), 1, "{key}");
    let arrived = bench.store.arrived().pop().unwrap();
    assert_eq!(arrived.host, HOME);
    // haproxy's Location ends in it, where there is no query.
    assert_eq!(arrived.target.trim_end_matches('?'), format!("/{key}"));
}
