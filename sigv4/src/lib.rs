//! Signs every hop of a redirected request with AWS Signature Version 4.
//!
//! A signature covers host, path and query, so it is stale after a redirect. [`SigV4Layer`] goes
//! *inside* a [`FollowRedirectLayer`](tower_follow_redirect::FollowRedirectLayer), where it sees each
//! hop, and signs it by the official [`aws_sigv4`]. [`S3Layer`] is the whole stack in one call:
//!
//! ```
//! use aws_credential_types::Credentials;
//! use bytes::Bytes;
//! use http::{Request, Response, header};
//! use http_body_util::{Empty, Full};
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//! use tower_follow_redirect::ReplayBody;
//! use tower_follow_redirect_sigv4::{S3Layer, hash_payload};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! // Any client: hyper-util's, or here one that only looks.
//! let client = service_fn(|request: Request<ReplayBody<Full<Bytes>>>| async move {
//!     assert!(request.headers().contains_key(header::AUTHORIZATION));
//!     assert!(!request.headers().contains_key(header::HOST));
//!     Ok::<_, BoxError>(Response::new(Empty::<Bytes>::new()))
//! });
//! let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "example");
//! let client = ServiceBuilder::new()
//!     .map_request(hash_payload)
//!     .layer(S3Layer::new(credentials, "us-east-1"))
//!     .service(client);
//!
//! let request = Request::put("http://quotes.s3.us-east-1.amazonaws.com/nelson.txt");
//! client.oneshot(request.body(Full::from("ha ha\n"))?).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is signed
//!
//! A request is signed if it has a [`SigningRegion`] among its extensions, and otherwise goes as it
//! is. [`HomeRegionLayer`], outside of the redirect layer, gives one to every call. From there
//! the right to be signed goes where credentials go: along within the origin, and to another origin only
//! if the policy grants credentials or sets a region itself, as the S3 policy does. So a redirect
//! to `evil.example.com` that another policy follows is sent without a signature: one would not tell the
//! secret key, but vouch for a request that the other side has chosen.
//!
//! A presigned request (`X-Amz-Signature` or `AWSAccessKeyId` in the query) is left alone: it has its
//! signature.
//!
//! The signature covers the host, `Date`, `Range`, and all `X-Amz-…`, `Content-…` and `If-…` but
//! `Content-Length`. The rest may be changed on the way. `Host` itself is not set; one that the
//! caller has set is what the client sends, so it is what is signed.
//!
//! # The content
//!
//! The body is not touched: it may wait for `100 Continue`, and must not be read before. Its hash is
//!
//! 1. that of nothing, where the request has no content;
//! 2. `x-amz-content-sha256`, where the caller has set it, or [`hash_payload`] has: outside of the
//!    redirect layer it sees the caller's own body, and reads a clone of it;
//! 3. else `UNSIGNED-PAYLOAD`: over https, where nobody can change the content, and over http only
//!    [if allowed](SigV4Layer::allow_unsigned_over_http).
//!
//! [`SigningRegion`]: tower_follow_redirect::policy::s3::SigningRegion

mod error;
mod layer;
mod payload;
mod region;
mod request;
mod service;
mod signer;
mod stack;

pub use aws_credential_types::Credentials;

pub use self::{
    error::SignError,
    layer::SigV4Layer,
    payload::hash_payload,
    region::{HomeRegion, HomeRegionLayer},
    service::{ResponseFuture, SigV4},
    stack::{S3Layer, S3Service},
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Compiles the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
