//! What becomes of the connections: B16.

use std::time::Duration;

use http::StatusCode;
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{FollowRedirectLayer, History};

use crate::support::{
    get, hyper_client,
    raw::{OK, Server},
    text,
};

/// Follows 8 redirects within an origin, each with so large a body that comes so long after its
/// head, and returns how many connections that took.
async fn connections_of_8_redirects(size: usize, delay: Duration) -> usize {
    let server = Server::start(move |mut connection, _| async move {
        while let Some(head) = connection.head().await {
            let path = head.split(' ').nth(1).unwrap();
            let hop: u32 = path.trim_start_matches('/').parse().unwrap();
            if hop == 8 {
                connection.say(OK).await;
                continue;
            }
            let next = hop + 1;
            let head = format!(
                "HTTP/1.1 302 Found\r\nlocation: /{next}\r\ncontent-length: {size}\r\n\r\n"
            );
            connection.say(head).await;
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            connection.say(vec![b'x'; size]).await;
        }
    })
    .await;
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let response = client.oneshot(get(&server.url("/0"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(History::of(&response).unwrap().hops().len(), 8);
    assert_eq!(text(response).await, "ok");
    println!("8 redirects with {size} B after {delay:?}: {} connections", server.connections());
    server.connections()
}

/// Both drop a redirect's body unread: 9 connections for 8 hops within one origin.
#[tokio::test]
async fn b16_a_large_redirect_body_does_not_cost_the_connection() {
    assert!(connections_of_8_redirects(64 * 1024, Duration::ZERO).await <= 2);
}

/// Both use 9 connections even for a small body, if it is not there together with the head.
#[tokio::test]
async fn b16_a_late_redirect_body_does_not_cost_the_connection() {
    assert!(connections_of_8_redirects(200, Duration::from_millis(5)).await <= 2);
}
