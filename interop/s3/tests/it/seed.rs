//! The four checks of "Redirects and HTTP User-Agents" in S3's developer guide, but that of large uploads:
//! it measures memory, so it is a program of its own.

use std::time::Duration;

use http::{Method, Request};
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{FollowRedirectLayer, History, policy::S3};
use tower_follow_redirect_interop_s3::body::OneShot;
use tower_follow_redirect_interop_s3::{Shim, Wire, sigv2::sign};

use crate::support::{Bench, CONTENT, DATE, ETAG, GLOBAL, HOME, signed, signed_upload, url};

#[tokio::test]
async fn all_header_fields_are_included_in_the_redirected_request() {
    let bench = Bench::start().await;
    let request = signed_upload(&url(GLOBAL));
    let sent = request.headers().clone();
    let response = bench.send_v2(request).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["etag"]),
        (200, &ETAG.parse().unwrap())
    );
    // The store has verified the signature; these are the octets.
    let stored = bench.stored_at(HOME);
    for (name, value) in &sent {
        assert_eq!(stored.headers.get(name), Some(value), "{name}");
    }
    assert_eq!(stored.field("content-length"), Some("6"));
    assert_eq!(bench.wire.body_bytes(GLOBAL), 0);
}

#[tokio::test]
async fn put_and_delete_are_followed() {
    let bench = Bench::start().await;
    let put = bench.send_v2(signed_upload(&url(GLOBAL))).await;
    let get = bench.send_v2(signed(Method::GET, &url(GLOBAL))).await;
    let delete = bench.send_v2(signed(Method::DELETE, &url(GLOBAL))).await;
    let gone = bench.send_v2(signed(Method::GET, &url(GLOBAL))).await;
    assert_eq!(
        (put.status().as_u16(), get.status().as_u16(), &get.body()[..]),
        (200, 200, CONTENT)
    );
    assert_eq!((delete.status().as_u16(), gone.status().as_u16()), (204, 404));
    let methods: Vec<_> = bench.store.arrived().into_iter().map(|it| it.method).collect();
    assert_eq!(methods, [Method::PUT, Method::GET, Method::DELETE, Method::GET]);
}

#[tokio::test]
async fn a_put_is_followed_whose_100_continue_takes_5_seconds() {
    let mut bench = Bench::start().await;
    let shim = Shim::start(bench.haproxy.address(), Duration::from_secs(5)).await;
    bench.wire = Wire::to(shim.address());
    // Of a size that asks by itself, and more than fits any buffer.
    let size = 8 << 20;
    let layer = FollowRedirectLayer::new().with_policy(S3::new());
    let request =
        sign(Request::put(url(GLOBAL)).header("date", DATE).body(OneShot::new(size)).unwrap());
    let response = layer.layer(bench.wire.client()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["etag"], format!("\"{}\"", OneShot::md5(size)));
    // The first hop was redirected without one.
    let [passed] = shim.passed().try_into().unwrap();
    println!("100 Continue was kept for {:?}", passed.kept);
    assert!(passed.kept >= Duration::from_secs(5));
    assert_eq!(passed.body_before, 0, "bytes of body before 100 Continue");
    assert_eq!((bench.wire.body_bytes(GLOBAL), bench.wire.body_bytes(HOME)), (0, size));
}

#[tokio::test]
async fn the_example_of_the_guide_goes_to_an_endpoint_of_the_moment() {
    let bench = Bench::start().await;
    let response = bench.send_v2(signed_upload(&url("quotes.s3.us-east-1.amazonaws.com"))).await;
    assert_eq!(response.status(), 200);
    let stored = bench.stored_at("quotes.s3-4c25d83b.amazonaws.com");
    assert_eq!(stored.target, "/nelson.txt?rk=8d47490b");
    assert_eq!(stored.field("expect"), Some("100-continue"));
    assert_eq!(History::of(&response).unwrap().hops().len(), 1);
}
