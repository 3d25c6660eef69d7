//! What does not work, so that the README may say so.

use tonic::{body::Body, transport::Channel};
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{RefusalKind, ReplayBody};
use tower_follow_redirect_tonic::layer;

use crate::{
    number, refused,
    sums::{Node, SumsClient},
};

/// A channel is of one endpoint. It writes that into the URI of every request, so that a call that is
/// redirected comes back to where it was, until the limit ends it.
#[tokio::test]
async fn a_channel_leads_every_hop_to_its_own_endpoint() {
    let node = Node::start().await;
    let front = Node::redirecting(307, node.address).await;
    let channel = Channel::builder(front.origin()).connect().await.unwrap();
    let channel =
        channel.map_request(|request: http::Request<ReplayBody<Body>>| request.map(Body::new));
    let mut client = SumsClient::with_origin(layer().limit(3).layer(channel), front.origin());
    let error = client.square(number(7)).await.unwrap_err();
    assert_eq!(refused(&error), Some(RefusalKind::TooManyRedirects), "{error:?}");
    assert_eq!((front.seen().len(), node.seen().len()), (4, 0));
}
