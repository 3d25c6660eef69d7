//! A front end and a store, and the stacks that are tried on them.

use std::error::Error;

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, request};
use http_body_util::{BodyExt, Full};
use tower::{BoxError, Layer, ServiceExt};
use tower_follow_redirect::{
    FollowRedirect, FollowRedirectLayer, Policy, Refusal, ReplayBody,
    policy::{
        S3,
        s3::{Reason, Refused},
    },
};
use tower_follow_redirect_interop_s3::{
    ACCESS_KEY, Arrived, Client, Haproxy, SECRET_KEY, Store, Wire,
    sigv2::{content_md5, sign},
};
use tower_follow_redirect_sigv4::{S3Layer, S3Service};

/// Where the bucket is.
pub(crate) const HOME: &str = "quotes.s3.eu-central-1.amazonaws.com";
/// Where the first request goes, if nothing else is said.
pub(crate) const GLOBAL: &str = "quotes.s3.amazonaws.com";

pub(crate) const CONTENT: &[u8] = b"ha ha\n";
/// That of [`CONTENT`], as the developer guide prints it.
pub(crate) const ETAG: &str = "\"a2c8d6b872054293afd41061e93bc289\"";
/// A date of long ago: of version 2, the store checks the signature only.
pub(crate) const DATE: &str = "Mon, 15 Oct 2007 22:18:46 +0000";

/// A client with signatures of version 2 around it.
pub(crate) type V2<P, B = Full<Bytes>> = FollowRedirect<Client<ReplayBody<B>>, P>;
/// A client that signs every hop anew.
pub(crate) type V4 = S3Service<Client<ReplayBody<Full<Bytes>>>, S3>;

/// haproxy before a store, and the wire to them.
pub(crate) struct Bench {
    pub(crate) wire: Wire,
    pub(crate) store: Store,
    pub(crate) haproxy: Haproxy,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        let store = Store::start().await;
        let haproxy = Haproxy::start(&store);
        Self { wire: Wire::to(haproxy.address()), store, haproxy }
    }

    /// Returns a stack that follows by a policy, and signs nothing.
    pub(crate) fn v2<P: Policy>(&self, policy: P) -> V2<P> {
        FollowRedirectLayer::new().with_policy(policy).layer(self.wire.client())
    }

    /// Returns a stack that signs every hop, at first for `region`.
    pub(crate) fn v4(&self, region: &'static str) -> V4 {
        S3Layer::new(credentials(), region)
            .signer(|signer| signer.allow_unsigned_over_http())
            .layer(self.wire.client())
    }

    /// Sends a request of version 2 by the policy for S3.
    pub(crate) async fn send_v2(&self, request: Request<Full<Bytes>>) -> Response<Bytes> {
        read(self.v2(S3::new()).oneshot(request).await.unwrap()).await
    }

    /// Returns the only request at the store, which must have succeeded at this host.
    pub(crate) fn stored_at(&self, host: &str) -> Arrived {
        let arrived = self.store.only();
        assert!(arrived.status.is_success(), "{arrived:?}");
        assert_eq!(arrived.host, host);
        arrived
    }
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test")
}

pub(crate) fn url(host: &str) -> String {
    format!("http://{host}/nelson.txt")
}

/// An upload with every field that a signature of version 2 covers, and an expectation.
pub(crate) fn upload(url: &str) -> request::Builder {
    Request::put(url)
        .header("date", DATE)
        .header("content-md5", content_md5(CONTENT))
        .header("content-type", "text/plain")
        .header("x-amz-meta-author", "nelson")
        .header("expect", "100-continue")
}

/// The same, signed.
pub(crate) fn signed_upload(url: &str) -> Request<Full<Bytes>> {
    sign(upload(url).body(Full::from(CONTENT)).unwrap())
}

/// A request without content, signed by version 2.
pub(crate) fn signed(method: Method, url: &str) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(url).header("date", DATE);
    sign(request.body(Full::default()).unwrap())
}

pub(crate) async fn read<B>(response: Response<B>) -> Response<Bytes>
where
    B: http_body::Body<Data = Bytes, Error: std::fmt::Debug>,
{
    let (head, body) = response.into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

/// Sends a request by any stack.
pub(crate) async fn send<S, B>(stack: S, request: Request<Full<Bytes>>) -> Response<Bytes>
where
    S: tower::Service<Request<Full<Bytes>>, Response = Response<B>, Error: Into<BoxError>>,
    B: http_body::Body<Data = Bytes, Error: std::fmt::Debug>,
{
    let response = stack.oneshot(request).await.map_err(Into::into).unwrap();
    read(response).await
}

/// Asserts that the store has verified a signature, and found that it is none.
pub(crate) fn assert_bad_signature(response: &Response<Bytes>) {
    let text = String::from_utf8_lossy(response.body());
    assert_eq!(response.status(), StatusCode::FORBIDDEN, "{text}");
    assert!(text.contains("<Code>SignatureDoesNotMatch</Code>"), "{text}");
}

/// Returns why the policy for S3 stopped.
pub(crate) fn reason<B>(response: &Response<B>) -> Reason {
    let refusal = Refusal::of(response).expect("a refusal");
    let source = refusal.source().expect("the refusal of a policy");
    source.downcast_ref::<Refused>().expect("the policy for S3").reason()
}
