//! What goes along to another origin, and the trailers that come back.

use tokio_stream::StreamExt;
use tonic::{Code, Request, metadata::MetadataValue};

use crate::{client, number, sums::Node};

#[tokio::test]
async fn credentials_stay_and_the_rest_goes_along() {
    let node = Node::start().await;
    let front = Node::redirecting(307, node.address).await;
    let mut request = Request::new(number(7));
    let metadata = request.metadata_mut();
    metadata.insert("authorization", MetadataValue::from_static("Bearer secret"));
    metadata.insert("x-request-id", MetadataValue::from_static("42"));
    let mut tenant = MetadataValue::from_static("secret");
    tenant.set_sensitive(true);
    metadata.insert("x-tenant", tenant);
    metadata.insert_bin("x-trace-bin", MetadataValue::from_bytes(&[1, 2, 3]));
    request.set_timeout(std::time::Duration::from_secs(60));
    client(&front).square(request).await.unwrap();

    let [(_, first)] = front.seen().try_into().unwrap();
    assert_eq!(
        (&first["authorization"], &first["x-tenant"]),
        (&"Bearer secret".parse().unwrap(), &"secret".parse().unwrap())
    );
    let [(_, second)] = node.seen().try_into().unwrap();
    for secret in ["authorization", "x-tenant"] {
        assert!(!second.contains_key(secret), "{secret} went to another origin");
    }
    for kept in ["x-request-id", "x-trace-bin", "grpc-timeout", "user-agent"] {
        assert_eq!(second.get(kept), first.get(kept), "{kept}");
    }
    assert_eq!(second["x-request-id"], "42");
}

#[tokio::test]
async fn the_status_in_the_head_of_the_last_response_is_intact() {
    let node = Node::start().await;
    let front = Node::redirecting(307, node.address).await;
    let error = client(&front).square(number(-1)).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::OutOfRange, "it is negative"));
    assert_eq!(error.metadata().get("x-least").unwrap(), "0");
}

#[tokio::test]
async fn the_status_in_the_trailers_of_the_last_response_is_intact() {
    let node = Node::start().await;
    let front = Node::redirecting(307, node.address).await;
    let numbers = tokio_stream::iter([1, 2, -1].map(number));
    let mut sums = client(&front).running(numbers).await.unwrap().into_inner();
    assert_eq!(sums.next().await.unwrap().unwrap(), number(1));
    assert_eq!(sums.next().await.unwrap().unwrap(), number(3));
    let error = sums.next().await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::OutOfRange, "it is negative"));
    assert_eq!(error.metadata().get("x-least").unwrap(), "0");
}

/// `trailers` reads past the messages: tonic fails where no `grpc-status` comes.
#[tokio::test]
async fn the_trailers_of_a_good_end_are_there() {
    let node = Node::start().await;
    let front = Node::redirecting(308, node.address).await;
    let numbers = tokio_stream::iter([1, 2].map(number));
    let mut sums = client(&front).running(numbers).await.unwrap().into_inner();
    assert!(sums.trailers().await.unwrap().is_some());
}
