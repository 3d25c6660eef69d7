//! gRPC calls that meet a redirect: one message, and a stream of them.
//!
//! Two servers on loopback: one redirects every call, the other is tonic's and answers.
//!
//!     cargo run --manifest-path interop/tonic/Cargo.toml --example grpc

#[path = "../shared/sums.rs"]
#[allow(missing_debug_implementations, unreachable_pub, dead_code, reason = "it is shared")]
mod sums;

use hyper_util::client::legacy::connect::HttpConnector;
use tonic::{Request, metadata::MetadataValue};
use tower_follow_redirect::History;
use tower_follow_redirect_tonic::{Redirected, client, layer};

use crate::sums::{Node, Number, SumsClient};

type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let node = Node::start().await;
    let front = Node::redirecting(307, node.address).await;
    let mut sums = sums_at(&front);

    let mut request = Request::new(Number { value: 7 });
    let credential = MetadataValue::from_static("Bearer secret");
    request.metadata_mut().insert("authorization", credential);
    let response = sums.square(request).await?;
    let history = response.extensions().get::<History>().ok_or("it was not redirected")?;
    println!("7 squared is {}, says {}", response.get_ref().value, history.effective_url());
    assert_eq!(response.get_ref().value, 49);

    let numbers = tokio_stream::iter((1..=1000).map(|value| Number { value }));
    let sum = sums.sum(numbers).await?.into_inner().value;
    println!("1 + 2 + … + 1000 is {sum}");
    assert_eq!(sum, 500_500);

    let calls = node.seen();
    assert_eq!(calls.len(), 2);
    for (method, fields) in calls {
        assert_eq!(method, "POST");
        assert!(!fields.contains_key("authorization"), "a credential went to another origin");
    }
    println!("the second server has seen no credential");

    // To follow it would be to send a GET, and there is none in gRPC.
    let front = Node::redirecting(302, node.address).await;
    let status = sums_at(&front).square(Number { value: 7 }).await.unwrap_err();
    println!("after 302: {:?}, {}", status.code(), status.message());
    assert_eq!(node.seen().len(), 2, "a call was followed as a GET");
    Ok(())
}

/// The generated client, over the layer.
fn sums_at(first: &Node) -> SumsClient<Redirected<HttpConnector>> {
    SumsClient::with_origin(client(&layer(), HttpConnector::new()), first.origin())
}
