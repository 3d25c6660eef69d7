//! gRPC through redirects: a server of tonic, and in front of it one that redirects.

mod metadata;
mod methods;
mod streams;
mod traps;

#[path = "../../shared/sums.rs"]
#[allow(missing_debug_implementations, unreachable_pub, reason = "it is shared with the example")]
mod sums;

use std::{error::Error, iter::successors};

use hyper_util::client::legacy::connect::HttpConnector;
use tonic::Status;
use tower_follow_redirect::{FollowRedirectLayer, Refusal, RefusalKind};
use tower_follow_redirect_tonic::{CallsOnly, Redirected};

use crate::sums::{Node, Number, SumsClient};

/// The client that `protoc` makes, over the layer.
fn client_of(
    layer: &FollowRedirectLayer<CallsOnly>,
    first: &Node,
) -> SumsClient<Redirected<HttpConnector>> {
    let redirected = tower_follow_redirect_tonic::client(layer, HttpConnector::new());
    SumsClient::with_origin(redirected, first.origin())
}

fn client(first: &Node) -> SumsClient<Redirected<HttpConnector>> {
    client_of(&tower_follow_redirect_tonic::layer(), first)
}

fn number(value: i64) -> Number {
    Number { value }
}

/// Finds the cause of a status among its sources.
fn cause<E: Error + 'static>(status: &Status) -> Option<&E> {
    successors(status.source(), |&error| error.source()).find_map(|error| error.downcast_ref())
}

fn refused(status: &Status) -> Option<RefusalKind> {
    cause(status).map(Refusal::kind)
}
