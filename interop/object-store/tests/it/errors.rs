//! What the store repeats: a lost connection, and not a redirect that was refused.

use std::{error::Error, iter::successors, time::Duration};

use object_store::{
    ObjectStoreExt, RetryConfig,
    aws::AmazonS3Builder,
    client::{HttpError, HttpErrorKind},
    path::Path,
};
use tower::ServiceBuilder;
use tower_follow_redirect::{FollowRedirectLayer, Refusal, RefusalKind};
use tower_follow_redirect_interop_s3::Wire;
use tower_follow_redirect_object_store::Connector;

use crate::front;

const GATEWAY: &str = "gateway.test";

async fn fail(layer: FollowRedirectLayer, wire: &Wire) -> object_store::Error {
    let service = ServiceBuilder::new().layer(layer).service(wire.client());
    let mut retry = RetryConfig { max_retries: 2, ..RetryConfig::default() };
    retry.backoff.init_backoff = Duration::from_millis(1);
    retry.backoff.max_backoff = Duration::from_millis(1);
    let client = AmazonS3Builder::new()
        .with_bucket_name("b")
        .with_endpoint(format!("http://{GATEWAY}"))
        .with_allow_http(true)
        .with_skip_signature(true)
        .with_retry(retry)
        .with_http_connector(Connector::new(service))
        .build()
        .unwrap();
    client.put(&Path::from("object"), "ha ha\n".into()).await.unwrap_err()
}

fn find<E: Error + 'static>(error: &object_store::Error) -> Option<&E> {
    successors(Some(error as &(dyn Error + 'static)), |&error| error.source())
        .find_map(|error| error.downcast_ref())
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let wire = Wire::to(front::temporary("node.test").await);
    let error = fail(FollowRedirectLayer::new().limit(3), &wire).await;
    assert_eq!(find::<HttpError>(&error).unwrap().kind(), HttpErrorKind::Unknown);
    assert_eq!(find(&error).map(Refusal::kind), Some(RefusalKind::TooManyRedirects), "{error:?}");
    assert_eq!(wire.connections(GATEWAY), 1);
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_again_from_the_start() {
    let nobody = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let wire = Wire::to(front::temporary("node.test").await).but("node.test", nobody);
    let error = fail(FollowRedirectLayer::new(), &wire).await;
    assert_eq!(find::<HttpError>(&error).unwrap().kind(), HttpErrorKind::Connect, "{error:?}");
    assert_eq!(wire.connections("node.test"), 3);
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_a_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let wire = Wire::to(listener.local_addr().unwrap());
    let layer = FollowRedirectLayer::new().total_time(Duration::from_millis(50));
    let error = fail(layer, &wire).await;
    assert_eq!(find::<HttpError>(&error).unwrap().kind(), HttpErrorKind::Timeout, "{error:?}");
    assert_eq!(wire.connections(GATEWAY), 3, "a PUT may be repeated");
}
