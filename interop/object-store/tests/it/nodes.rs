//! A cluster such as AIStore: its gateway answers a PUT with 307 to the node that has the object. Nothing
//! is signed ([arrow-rs-object-store#603]).
//!
//! [arrow-rs-object-store#603]: https://github.com/apache/arrow-rs-object-store/issues/603

use bytes::Bytes;
use object_store::{
    ObjectStoreExt, PutPayload,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tower::ServiceBuilder;
use tower_follow_redirect::{ExpectContinue, FollowRedirectLayer};
use tower_follow_redirect_interop_s3::Wire;
use tower_follow_redirect_object_store::Connector;

use crate::front::{self, Node};

const GATEWAY: &str = "gateway.test";
const NODE: &str = "node.test";

fn client(layer: FollowRedirectLayer, wire: &Wire) -> AmazonS3 {
    let service = ServiceBuilder::new().layer(layer).service(wire.client());
    AmazonS3Builder::new()
        .with_bucket_name("b")
        .with_endpoint(format!("http://{GATEWAY}"))
        .with_allow_http(true)
        .with_skip_signature(true)
        .with_http_connector(Connector::new(service))
        .build()
        .unwrap()
}

/// 4 MiB in 64 pieces.
fn payload() -> PutPayload {
    (0..64_u8).map(|piece| Bytes::from(vec![piece; 64 * 1024])).collect()
}

fn assert_stored(node: &Node) {
    let [request] = node.stored().try_into().unwrap();
    assert_eq!((request.method().as_str(), request.uri().path()), ("PUT", "/b/object"));
    assert_eq!(request.headers()["content-length"], "4194304");
    assert_eq!(request.headers()["host"], NODE);
    let whole: Vec<_> = payload().into_iter().collect();
    assert!(*request.body() == whole.concat(), "other content");
}

#[tokio::test]
async fn a_put_follows_the_gateway_to_the_node() {
    let node = Node::start().await;
    let wire = Wire::to(front::temporary(NODE).await).but(NODE, node.address);
    client(FollowRedirectLayer::new(), &wire).put(&Path::from("object"), payload()).await.unwrap();
    assert_stored(&node);
    assert_eq!(wire.body_bytes(GATEWAY), 0);
}

/// A gateway that reads before it redirects: much more than the layer would record.
#[tokio::test]
async fn a_put_follows_after_it_was_sent() {
    let node = Node::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut read = vec![0; 1 << 20];
        stream.read_exact(&mut read).await.unwrap();
        let answer = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{NODE}/b/object\r\ncontent-length: 0\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
        while matches!(stream.read(&mut read).await, Ok(1..)) {}
    });
    let wire = Wire::to(gateway).but(NODE, node.address);
    let at_once = ExpectContinue::off();
    let layer = FollowRedirectLayer::new().expect_continue(at_once);
    client(layer, &wire).put(&Path::from("object"), payload()).await.unwrap();
    assert_stored(&node);
    assert!(wire.body_bytes(GATEWAY) > 64 * 1024);
}

/// The limit of object_store's own client, without the layer.
#[tokio::test]
async fn without_the_layer_the_307_is_an_error() {
    let wire = Wire::to(front::temporary(NODE).await);
    let client = AmazonS3Builder::new()
        .with_bucket_name("b")
        .with_endpoint(format!("http://{GATEWAY}"))
        .with_allow_http(true)
        .with_skip_signature(true)
        .with_http_connector(Connector::new(wire.client()))
        .build()
        .unwrap();
    let error = client.put(&Path::from("object"), payload()).await.unwrap_err();
    assert!(error.to_string().contains("307"), "{error}");
}
