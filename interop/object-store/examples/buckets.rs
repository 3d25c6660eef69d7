//! A store whose bucket is in another region, and in a cluster that redirects to its nodes.
//!
//! On loopback: a server that stores objects and verifies every signature, and front ends that redirect
//! to it as S3 does, by 307 and by a 301 without `Location`. A third redirects as AIStore does, where
//! nothing is signed.
//!
//!     cargo run --manifest-path interop/object-store/Cargo.toml --example buckets

#[path = "../shared/front.rs"]
#[allow(unreachable_pub, reason = "it is shared with the tests")]
mod front;

use aws_credential_types::Credentials;
use bytes::Bytes;
use object_store::{
    ObjectStoreExt, PutPayload, Result,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use tower::ServiceBuilder;
use tower_follow_redirect::FollowRedirectLayer;
use tower_follow_redirect_interop_s3::{ACCESS_KEY, BUCKET, REGION, SECRET_KEY, Store, Wire};
use tower_follow_redirect_object_store::Connector;
use tower_follow_redirect_sigv4::{S3Layer, hash_payload};

const HOME: &str = "quotes.s3.eu-central-1.amazonaws.com";
const SIZE: u64 = 4 << 20;

#[tokio::main]
async fn main() -> Result<()> {
    let s3 = Store::start().await;
    // Instead of DNS: every host is on loopback.
    let wire = Wire::to(s3.address())
        .but("quotes.s3.amazonaws.com", front::temporary(HOME).await)
        .but("quotes.s3.us-west-2.amazonaws.com", front::wrong_region(REGION).await);
    for (host, region) in [
        ("quotes.s3.amazonaws.com", "us-east-1"),
        ("quotes.s3.us-west-2.amazonaws.com", "us-west-2"),
    ] {
        write_and_read(host, &signing(&wire, host, region)?, &wire).await?;
    }
    let signed = s3.arrived();
    assert_eq!(signed.len(), 4);
    assert!(signed.iter().all(|request| request.host == HOME && request.status.is_success()));
    println!("the store has verified {} signatures", signed.len());

    let cluster = front::Node::start().await;
    let wire = Wire::to(front::temporary("node.test").await).but("node.test", cluster.address);
    unsigned(&wire)?.put(&Path::from("object"), payload()).await?;
    println!("PUT http://gateway.test/b/object, {SIZE} bytes, unsigned");
    println!("  bytes of content at the gateway: {}", wire.body_bytes("gateway.test"));
    assert_eq!(wire.body_bytes("gateway.test"), 0);
    let [object] = cluster.stored().try_into().expect("one request came to the node");
    assert_eq!(object.body().len() as u64, SIZE);
    Ok(())
}

/// A store that begins at this host. The service signs each hop, so the store itself does not.
fn signing(wire: &Wire, host: &str, region: &'static str) -> Result<AmazonS3> {
    let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "example");
    let service = ServiceBuilder::new()
        .map_request(hash_payload)
        .layer(S3Layer::new(credentials, region))
        .service(wire.client());
    AmazonS3Builder::new()
        .with_bucket_name(BUCKET)
        .with_endpoint(format!("http://{host}"))
        .with_virtual_hosted_style_request(true)
        .with_allow_http(true)
        .with_skip_signature(true)
        .with_http_connector(Connector::new(service))
        .build()
}

/// A store where nothing is signed.
fn unsigned(wire: &Wire) -> Result<AmazonS3> {
    let service = ServiceBuilder::new().layer(FollowRedirectLayer::new()).service(wire.client());
    AmazonS3Builder::new()
        .with_bucket_name("b")
        .with_endpoint("http://gateway.test")
        .with_allow_http(true)
        .with_skip_signature(true)
        .with_http_connector(Connector::new(service))
        .build()
}

async fn write_and_read(host: &str, store: &AmazonS3, wire: &Wire) -> Result<()> {
    let path = Path::from("nelson");
    store.put(&path, payload()).await?;
    println!("PUT http://{host}/{path}, {SIZE} bytes");
    println!("  bytes of content at the wrong host: {}", wire.body_bytes(host));
    assert_eq!(wire.body_bytes(host), 0);
    let range = SIZE - 2..SIZE;
    let end = store.get_range(&path, range.clone()).await?;
    println!("GET http://{host}/{path}, bytes {range:?}: {end:?}");
    assert_eq!(end, ".\n");
    Ok(())
}

/// Many pieces, as what was read from a file has.
fn payload() -> PutPayload {
    let line = Bytes::from([vec![b'.'; 64 * 1024 - 1], b"\n".into()].concat());
    (0..SIZE / line.len() as u64).map(|_| line.clone()).collect()
}
