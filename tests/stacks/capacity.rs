//! `buffer`, `limit` and `load_shed`. The clock is paused: no socket is involved.

use std::{error::Error as _, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::{Instant, sleep};
use tower::{Service, ServiceBuilder, ServiceExt, load_shed::error::Overloaded, util::BoxService};
use tower_follow_redirect::FollowRedirectLayer;

use crate::{
    body::Late,
    site::{Answer, Site, put, text},
};

const HOP: Duration = Duration::from_secs(10);

/// The layer needs a client that is `Clone`, and a buffer makes one of any.
#[tokio::test]
async fn a_buffer_inside_makes_a_client_clone() {
    let no_clone = BoxService::new(Site::default());
    let client =
        ServiceBuilder::new().layer(FollowRedirectLayer::new()).buffer(1).service(no_clone);
    let response = client.oneshot(put("http://a.test/twice")).await.unwrap();
    assert_eq!(text(response).await, "ha ha\n");
}

#[tokio::test]
async fn a_buffer_outside_queues_calls() {
    let site = Site::default();
    let client =
        ServiceBuilder::new().buffer(1).layer(FollowRedirectLayer::new()).service(site.clone());
    let calls = (0..4).map(|_| tokio::spawn(client.clone().oneshot(put("http://a.test/old"))));
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(text(call.await.unwrap().unwrap()).await, "ha ha\n");
    }
    assert_eq!(site.seen().len(), 8);
}

/// Two calls of two hops, side by side; returns the order of what came, and how long both took.
async fn two<S, R>(client: S, site: &Site) -> (Vec<String>, Duration)
where
    S: Service<Request<Full<Bytes>>, Response = R> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: std::fmt::Debug + Send,
    R: Send + 'static,
{
    let began = Instant::now();
    let first = tokio::spawn(client.clone().oneshot(put("http://a.test/old")));
    let second = tokio::spawn(client.oneshot(put("http://b.test/old")));
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    (site.uris(), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_concurrency_limit_outside_counts_calls() {
    let site = Site::slow(HOP);
    let client = ServiceBuilder::new()
        .concurrency_limit(1)
        .layer(FollowRedirectLayer::new())
        .service(site.clone());
    let (order, time) = two(client, &site).await;
    let expected =
        ["http://a.test/old", "http://a.test/new", "http://b.test/old", "http://b.test/new"];
    assert_eq!(order, expected);
    assert_eq!(time, 4 * HOP);
}

/// A call does not hold its place from hop to hop: so it cannot wait for itself.
#[tokio::test(start_paused = true)]
async fn a_concurrency_limit_inside_counts_hops() {
    let site = Site::slow(HOP);
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .concurrency_limit(1)
        .service(site.clone());
    let (order, time) = two(client, &site).await;
    let expected =
        ["http://a.test/old", "http://b.test/old", "http://a.test/new", "http://b.test/new"];
    assert_eq!(order, expected);
    assert_eq!(time, 4 * HOP);
}

/// What a server counts is requests. `RateLimit` is not `Clone`: there goes the buffer.
#[tokio::test(start_paused = true)]
async fn a_rate_limit_inside_counts_hops() {
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .buffer(8)
        .rate_limit(1, HOP)
        .service(Site::default());
    let began = Instant::now();
    client.oneshot(put("http://a.test/twice")).await.unwrap();
    assert_eq!(began.elapsed(), 2 * HOP);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_outside_counts_calls() {
    let mut client = ServiceBuilder::new()
        .rate_limit(1, HOP)
        .layer(FollowRedirectLayer::new())
        .service(Site::default());
    let began = Instant::now();
    for _ in 0..2 {
        // By the reference: `RateLimit` is not `Clone`.
        (&mut client).oneshot(put("http://a.test/twice")).await.unwrap();
    }
    assert_eq!(began.elapsed(), HOP);
}

#[tokio::test(start_paused = true)]
async fn load_is_shed_outside_before_anything_was_sent() {
    let site = Site::slow(HOP);
    let client = ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(1)
        .layer(FollowRedirectLayer::new())
        .service(site.clone());
    let first = tokio::spawn(client.clone().oneshot(put("http://a.test/old")));
    sleep(HOP / 2).await;
    let error = client.oneshot(put("http://b.test/old")).await.unwrap_err();
    assert!(error.is::<Overloaded>(), "{error:?}");
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    assert_eq!(site.uris(), ["http://a.test/old", "http://a.test/new"]);
}

/// The trap: inside, a call that was let in and half done is turned away between two hops.
#[tokio::test(start_paused = true)]
async fn load_that_is_shed_inside_ends_a_chain_in_the_middle() {
    let site = Site::slow(HOP);
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        // Between two hops a call has no place.
        .map_response(late)
        .load_shed()
        .concurrency_limit(1)
        .service(site.clone());
    let first = tokio::spawn(client.clone().oneshot(put("http://a.test/old")));
    sleep(HOP + HOP / 100).await;
    let second = tokio::spawn(client.oneshot(put("http://b.test/new")));
    let error = first.await.unwrap().unwrap_err();
    assert!(error.source().unwrap().is::<Overloaded>(), "{error:?}");
    assert_eq!(second.await.unwrap().unwrap().status(), 200);
    assert_eq!(site.uris(), ["http://a.test/old", "http://b.test/new"]);
}

/// A hop is gone before the next one asks for its place, also where nothing is drained in between.
#[tokio::test]
async fn a_call_alone_is_never_turned_away_inside() {
    for path in ["/old", "/empty"] {
        let client = ServiceBuilder::new()
            .layer(FollowRedirectLayer::new())
            .load_shed()
            .concurrency_limit(1)
            .service(Site::default());
        let response = client.oneshot(put(&format!("http://a.test{path}"))).await.unwrap();
        assert_eq!(text(response).await, "ha ha\n", "{path}");
    }
}

/// Makes the body of a response late, which is drained within 250 ms.
fn late(response: Answer) -> Response<Late> {
    response.map(|_| Late::new(HOP / 50, "late"))
}
