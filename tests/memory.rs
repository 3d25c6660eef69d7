//! An upload needs the same memory whatever its size. A process of its own: the peak is the process's.

#![cfg(target_os = "linux")]

#[path = "it/support/body.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the other tests")]
mod body;
#[path = "it/support/raw.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the other tests")]
mod raw;

use body::{Length, OneShot};
use http::Request;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use raw::{OK, Server, field, redirect};
use tower::{Layer, ServiceExt};
use tower_follow_redirect::FollowRedirectLayer;

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn an_upload_of_any_size_through_an_early_307_needs_the_same_memory() {
    upload(32 * MIB).await;
    let small = peak();
    upload(512 * MIB).await;
    let large = peak();
    println!("peak after 32 MiB: {small} KiB, after 512 MiB: {large} KiB");
    // The kernel counts in batches per CPU: the later peak may read some pages less.
    let growth = large.saturating_sub(small);
    assert!(growth < 16 * 1024, "it grew by {growth} KiB");
}

async fn upload(size: u64) {
    let target = Server::start(|mut connection, _| async move {
        let head = connection.head().await.unwrap();
        connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
        let mut left: usize = field(&head, "content-length").unwrap().parse().unwrap();
        while left > 0 {
            let part = connection.bytes(left.min(64 * 1024)).await.len();
            assert!(part > 0, "the upload ended with {left} bytes left");
            left -= part;
        }
        connection.say(OK).await;
        connection.read_to_end().await;
    })
    .await;
    let location = target.url("/object");
    let front = Server::start(move |mut connection, _| {
        let answer = redirect(307, &location);
        async move {
            connection.head().await.unwrap();
            connection.say(answer).await;
            assert_eq!(connection.read_to_end().await, b"");
        }
    })
    .await;
    let (body, counts) = OneShot::new(size, 64 * 1024, Length::Known);
    let request = Request::put(front.url("/object")).body(body).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = FollowRedirectLayer::new().layer(client).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(counts.read(), size);
}

/// The most memory that this process has had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
