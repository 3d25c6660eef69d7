//! The layer around reqwest, over real sockets: a real client, scripted servers.

mod drop_in;
mod http2;
mod redirects;
mod traps;
mod uploads;

#[path = "../../../../tests/it/support/body.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is shared with the library's tests")]
mod body;
#[path = "../../../../tests/it/support/raw.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is shared with the library's tests")]
mod raw;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use reqwest::ClientBuilder;
use tower::Layer;
use tower_follow_redirect::{FollowRedirect, FollowRedirectLayer};
use tower_follow_redirect_reqwest::Reqwest;

use self::{
    body::is_part,
    raw::{Connection, field},
};

const MIB: u64 = 1 << 20;

/// Longer than any test may take: what waits for it has failed.
const A_MINUTE: Duration = Duration::from_secs(60);

/// reqwest within the layer. A proxy of the environment is none of ours.
fn client(layer: &FollowRedirectLayer) -> FollowRedirect<Reqwest> {
    client_of(layer, ClientBuilder::new())
}

fn client_of(layer: &FollowRedirectLayer, builder: ClientBuilder) -> FollowRedirect<Reqwest> {
    layer.layer(Reqwest::new(builder.no_proxy()).unwrap())
}

fn get(url: &str) -> Request<Empty<Bytes>> {
    Request::get(url).body(Empty::new()).unwrap()
}

/// Reads a whole body.
async fn text<B>(response: Response<B>) -> String
where
    B: Body,
    B::Error: std::fmt::Debug,
{
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.into()).unwrap()
}

/// Reads an upload of any framing, of which every byte is checked; returns its length.
async fn content(connection: &mut Connection, head: &str) -> u64 {
    let mut received = 0;
    if let Some(length) = field(head, "content-length") {
        let length: u64 = length.parse().unwrap();
        while received < length {
            let part = connection.bytes((length - received).min(64 * 1024) as usize).await;
            assert!(!part.is_empty(), "the upload ended after {received} bytes");
            assert!(is_part(&part, received), "other bytes after {received}");
            received += part.len() as u64;
        }
    } else if field(head, "transfer-encoding").is_some() {
        while let Some(chunk) = connection.chunk().await {
            assert!(is_part(&chunk, received), "other bytes after {received}");
            received += chunk.len() as u64;
        }
    }
    received
}

/// Waits until something has happened in another task.
async fn eventually(what: &str, happened: impl Fn() -> bool) {
    for _ in 0..4000 {
        if happened() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not happen: {what}");
}
