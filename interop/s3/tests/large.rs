//! A large upload, and the memory it takes. A program of its own: the peak is the process's.

#![cfg(target_os = "linux")]

use std::time::Instant;

use http::Request;
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{FollowRedirectLayer, policy::S3};
use tower_follow_redirect_interop_s3::{Haproxy, Store, Wire, body::OneShot, sigv2::sign};

const MIB: u64 = 1 << 20;
const GLOBAL: &str = "quotes.s3.amazonaws.com";
const HOME: &str = "quotes.s3.eu-central-1.amazonaws.com";

#[tokio::test]
async fn a_large_put_is_followed_in_flat_memory() {
    upload(32 * MIB).await;
    let small = peak();
    let began = Instant::now();
    upload(1024 * MIB).await;
    let large = peak();
    println!(
        "1 GiB in {:?}; peak {small} KiB after 32 MiB, {large} KiB after 1 GiB",
        began.elapsed()
    );
    // The store is in this process too. The kernel counts in batches: the peak may even seem to fall.
    let growth = large.saturating_sub(small);
    assert!(growth < 16 * 1024, "it grew by {growth} KiB");
}

/// Uploads a body that can be sent once; the store's `ETag` is the MD5 of what it has read.
async fn upload(size: u64) {
    let store = Store::start().await;
    let haproxy = Haproxy::start(&store);
    let wire = Wire::to(haproxy.address());
    let request = Request::put(format!("http://{GLOBAL}/nelson.txt"))
        .header("date", "Mon, 15 Oct 2007 22:18:46 +0000");
    let request = sign(request.body(OneShot::new(size)).unwrap());
    let layer = FollowRedirectLayer::new().with_policy(S3::new());
    let response = layer.layer(wire.client()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["etag"], format!("\"{}\"", OneShot::md5(size)));
    assert_eq!(store.only().field("content-length"), Some(&*size.to_string()));
    assert_eq!((wire.body_bytes(GLOBAL), wire.body_bytes(HOME)), (0, size));
}

/// The most memory that this process has had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
