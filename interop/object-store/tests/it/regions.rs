//! S3's redirects between regions: every hop is signed, below the store.

use aws_credential_types::Credentials;
use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::{
    MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use tower::{Layer, ServiceBuilder};
use tower_follow_redirect::{FollowRedirectLayer, policy::S3};
use tower_follow_redirect_interop_s3::{
    ACCESS_KEY, Arrived, BUCKET, REGION, SECRET_KEY, Store, Wire,
};
use tower_follow_redirect_object_store::Connector;
use tower_follow_redirect_sigv4::{S3Layer, hash_payload};

use crate::front;

/// Where the bucket is.
const HOME: &str = "quotes.s3.eu-central-1.amazonaws.com";
/// The global endpoint answers 307.
const GLOBAL: &str = "quotes.s3.amazonaws.com";
/// Here is another region: 301 without `Location`.
const AWAY: &str = "quotes.s3.us-west-2.amazonaws.com";

/// A store, front ends that redirect to it, and the wire to them all.
struct Bench {
    store: Store,
    wire: Wire,
}

impl Bench {
    async fn start() -> Self {
        let store = Store::start().await;
        let wire = Wire::to(store.address())
            .but(GLOBAL, front::temporary(HOME).await)
            .but(AWAY, front::wrong_region(REGION).await);
        Self { store, wire }
    }

    /// A client of a host, which signs at first for this region.
    fn client(&self, host: &str, region: &'static str) -> AmazonS3 {
        let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test");
        let service = ServiceBuilder::new()
            .map_request(hash_payload)
            .layer(S3Layer::new(credentials, region))
            .service(self.wire.client());
        builder(host).with_http_connector(Connector::new(service)).build().unwrap()
    }

    /// Both ways, and where each begins.
    fn clients(&self) -> [(AmazonS3, &'static str); 2] {
        [(self.client(GLOBAL, "us-east-1"), GLOBAL), (self.client(AWAY, "us-west-2"), AWAY)]
    }
}

fn builder(host: &str) -> AmazonS3Builder {
    AmazonS3Builder::new()
        .with_bucket_name(BUCKET)
        .with_endpoint(format!("http://{host}"))
        .with_virtual_hosted_style_request(true)
        .with_allow_http(true)
        .with_skip_signature(true)
}

fn assert_signed(arrived: &[Arrived]) {
    assert!(!arrived.is_empty());
    for request in arrived {
        assert!(request.status.is_success(), "{request:?}");
        assert_eq!(request.host, HOME);
        let authorization = request.field("authorization").unwrap();
        assert!(authorization.contains("/eu-central-1/s3/aws4_request"), "{authorization}");
    }
}

#[tokio::test]
async fn a_put_and_a_ranged_get_are_redirected() {
    let bench = Bench::start().await;
    for (client, host) in bench.clients() {
        let path = Path::from("nelson.txt");
        client.put(&path, PutPayload::from_static(b"ha ha\n")).await.unwrap();
        let part = client.get_range(&path, 3..5).await.unwrap();
        assert_eq!(part, "ha", "{host}");
        assert_eq!(client.head(&path).await.unwrap().size, 6, "{host}");
    }
    let arrived = bench.store.arrived();
    assert_eq!(arrived.len(), 6);
    assert_signed(&arrived);
    assert_eq!(arrived[1].field("range"), Some("bytes=3-4"));
}

/// What comes in many pieces: an early redirect costs none of them.
#[tokio::test]
async fn a_large_put_sends_nothing_to_the_wrong_host() {
    let bench = Bench::start().await;
    let pieces = || (0..64_u8).map(|piece| Bytes::from(vec![piece; 64 * 1024]));
    for (client, host) in bench.clients() {
        let path = Path::from("large");
        client.put(&path, pieces().collect()).await.unwrap();
        assert_eq!(bench.wire.body_bytes(host), 0, "{host}");
        let stored = client.get(&path).await.unwrap().bytes().await.unwrap();
        assert!(stored == pieces().collect::<Vec<_>>().concat(), "{host}");
    }
    assert_signed(&bench.store.arrived());
}

#[tokio::test]
async fn each_request_of_a_multipart_put_is_redirected() {
    let bench = Bench::start().await;
    for (client, host) in bench.clients() {
        let path = Path::from("parts");
        let mut upload = client.put_multipart(&path).await.unwrap();
        upload.put_part(vec![b'.'; 5 << 20].into()).await.unwrap();
        upload.put_part("end".into()).await.unwrap();
        upload.complete().await.unwrap();
        assert_eq!(client.head(&path).await.unwrap().size, (5 << 20) + 3, "{host}");
    }
    assert_signed(&bench.store.arrived());
}

#[tokio::test]
async fn a_listing_keeps_its_query() {
    let bench = Bench::start().await;
    for (client, host) in bench.clients() {
        client.put(&Path::from("a/b c"), PutPayload::new()).await.unwrap();
        let listed: Vec<_> = client.list(Some(&Path::from("a"))).try_collect().await.unwrap();
        assert_eq!(listed.len(), 1, "{host}");
        assert_eq!(listed[0].location.as_ref(), "a/b c", "{host}");
    }
    assert_signed(&bench.store.arrived());
}

/// What the layer inside is for: above the connector the store signs once, for one host and region. The
/// policy for S3 knows that such a signature holds nowhere else, and hands the 307 back.
#[tokio::test]
async fn what_the_store_has_signed_itself_cannot_be_redirected() {
    let bench = Bench::start().await;
    let layer = FollowRedirectLayer::new().with_policy(S3::new());
    let client = builder(GLOBAL)
        .with_skip_signature(false)
        .with_access_key_id(ACCESS_KEY)
        .with_secret_access_key(SECRET_KEY)
        .with_region("us-east-1")
        .with_http_connector(Connector::new(layer.layer(bench.wire.client())))
        .build()
        .unwrap();
    let error = client.put(&Path::from("nelson.txt"), "ha ha\n".into()).await.unwrap_err();
    assert!(format!("{error:?}").contains("status: 307"), "{error:?}");
    assert_eq!(bench.store.arrived().len(), 0);
}
