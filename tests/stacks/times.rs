//! Timeouts, for the whole call and for each hop. The clock is paused: no socket is involved.

use std::{error::Error as _, time::Duration};

use http::StatusCode;
use tokio::time::Instant;
use tower::{ServiceBuilder, ServiceExt, timeout::error::Elapsed};
use tower_follow_redirect::{FollowRedirectLayer, History, TotalTimeElapsed};
use tower_http::timeout::TimeoutLayer;

use crate::site::{Site, put};

/// What each of the three hops of `/twice` takes.
const HOP: Duration = Duration::from_secs(10);
const MORE_THAN_A_HOP: Duration = Duration::from_secs(15);
const LESS_THAN_TWO: Duration = Duration::from_secs(19);

#[tokio::test(start_paused = true)]
async fn a_timeout_inside_is_for_each_hop() {
    let site = Site::slow(HOP);
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .timeout(MORE_THAN_A_HOP)
        .service(site.clone());
    let began = Instant::now();
    let response = client.oneshot(put("http://a.test/twice")).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(began.elapsed(), 3 * HOP);

    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .timeout(HOP / 2)
        .service(site.clone());
    let error = client.oneshot(put("http://a.test/twice")).await.unwrap_err();
    assert!(error.source().unwrap().is::<Elapsed>(), "{error:?}");
    assert_eq!(error.uri().unwrap(), "http://a.test/twice");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_is_for_the_whole_call() {
    let site = Site::slow(HOP);
    let client = ServiceBuilder::new()
        .timeout(LESS_THAN_TWO)
        .layer(FollowRedirectLayer::new())
        .service(site.clone());
    let began = Instant::now();
    let error = client.oneshot(put("http://a.test/twice")).await.unwrap_err();
    assert!(error.is::<Elapsed>(), "{error:?}");
    assert_eq!(began.elapsed(), LESS_THAN_TWO);
    assert_eq!(site.uris(), ["http://a.test/twice", "http://a.test/old"]);
}

/// The layer's own: the same, and the error says how far the call came.
#[tokio::test(start_paused = true)]
async fn the_total_time_of_the_layer_tells_where_it_ended() {
    let layer = FollowRedirectLayer::new().total_time(LESS_THAN_TWO);
    let client = ServiceBuilder::new().layer(layer).service(Site::slow(HOP));
    let error = client.oneshot(put("http://a.test/twice")).await.unwrap_err();
    assert!(error.source().unwrap().is::<TotalTimeElapsed>(), "{error:?}");
    assert_eq!(error.history().map(|history| history.hops().len()), Some(1));
}

/// Both: one slow hop cannot take the time of all.
#[tokio::test(start_paused = true)]
async fn both_are_good_together() {
    let client = ServiceBuilder::new()
        .timeout(3 * HOP)
        .layer(FollowRedirectLayer::new())
        .timeout(HOP / 2)
        .service(Site::slow(HOP));
    let began = Instant::now();
    client.oneshot(put("http://a.test/twice")).await.unwrap_err();
    assert_eq!(began.elapsed(), HOP / 2);
}

/// tower-http's makes a response of it, with an empty body: inside, that is how the chain ends.
#[tokio::test(start_paused = true)]
async fn a_timeout_of_tower_http_is_a_response() {
    let timeout = |time| TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, time);
    let inside = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer(timeout(MORE_THAN_A_HOP))
        .service(Site::slow(HOP));
    let response = inside.oneshot(put("http://a.test/twice")).await.unwrap();
    assert_eq!(response.status(), 200);

    let site = Site::slow(HOP);
    let inside = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .layer(timeout(HOP / 2))
        .service(site.clone());
    let response = inside.oneshot(put("http://a.test/twice")).await.unwrap();
    assert_eq!(response.status(), 504);
    assert_eq!(site.uris(), ["http://a.test/twice"]);

    let outside = ServiceBuilder::new()
        .layer(timeout(LESS_THAN_TWO))
        .layer(FollowRedirectLayer::new())
        .service(Site::slow(HOP));
    let response = outside.oneshot(put("http://a.test/twice")).await.unwrap();
    assert_eq!(response.status(), 504);
    // It is no response of the layer: nobody knows how far the call came.
    assert!(History::of(&response).is_none());
}
