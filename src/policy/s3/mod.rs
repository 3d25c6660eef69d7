//! Amazon S3's redirects, followed as S3 means them.
//!
//! Where a bucket is new, or a request goes to the wrong region, S3 redirects. It says that this is
//! safe to follow [whatever the method], "as the system will issue redirects only to hosts within the
//! domain and the effect of the redirected request will be the same as that of the original request".
//! [`S3`] holds every redirect to that promise. One that keeps it is followed with method, content,
//! `Authorization`, `Date` and every `x-amz-` field as they are, so that a signature of version 2 stays
//! valid:
//!
//! ```
//! use http::{Request, Response, StatusCode, header};
//! use http_body_util::Full;
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//! use tower_follow_redirect::{FollowRedirectLayer, History, ReplayBody, policy::S3};
//!
//! # type Body = Full<bytes::Bytes>;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! // Any client: hyper-util's, or here a service that is both hosts.
//! let client = service_fn(|request: Request<ReplayBody<Body>>| async move {
//!     if request.uri().host() == Some("quotes.s3.amazonaws.com") {
//!         let temporary = "http://quotes.s3-4c25d83b.amazonaws.com/nelson.txt?rk=8d47490b";
//!         let moved = Response::builder().status(307).header(header::LOCATION, temporary);
//!         return Ok::<_, BoxError>(moved.body(Body::default())?);
//!     }
//!     assert_eq!(request.method(), "PUT");
//!     assert_eq!(request.headers()[header::AUTHORIZATION], "AWS AK:signature");
//!     Ok(Response::new(Body::default()))
//! });
//! let layer = FollowRedirectLayer::new().with_policy(S3::new());
//! let client = ServiceBuilder::new().layer(layer).service(client);
//!
//! let request = Request::put("http://quotes.s3.amazonaws.com/nelson.txt")
//!     .header(header::AUTHORIZATION, "AWS AK:signature")
//!     .body(Body::from("ha ha\n"))?;
//! let response = client.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! assert_eq!(History::of(&response).unwrap().hops().len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # What is within the domain
//!
//! A redirect of a request to one of S3's [endpoints](S3Endpoint) leads to another one. It stays in
//! the partition, and in FIPS endpoints; `https` stays `https`, and the port is the scheme's. Bucket and
//! key are the same, whichever of them the host or the path names, and so is the query, which may gain
//! one `rk`. Any customer of AWS has a host within `amazonaws.com` and a bucket of S3, so less would not
//! do. Whatever else S3 seems to send is [handed back](Foreign), with its [reason](Refused).
//!
//! The next URL is made from what was requested, so that no octet of a key changes. Cookies,
//! `Referer` and `Proxy-Authorization` do not go to another host: S3 has no use for them.
//!
//! A request to any other host, and a 303, is none of its business: it has no opinion then.
//!
//! # Redirects without `Location`
//!
//! A 301 of S3 has none. It names the region in `x-amz-bucket-region`, or else region or endpoint in
//! XML, which the feature `s3-xml` reads: its first 64 KiB, and whoever gets the response gets them too.
//! A temporary redirect is good for one request, and nothing is remembered.
//!
//! # Signatures of version 4
//!
//! They hold for one host. A signer goes *inside* of the redirect layer, and so sees every hop. It takes
//! the region from [`SigningRegion`] if the request has that, signs, and says with [`SignedWith`] what it
//! has done. Then S3's `400 AuthorizationHeaderMalformed` is followed too, with the region that it names.
//! Where there is no signer, a request with such a signature stops at a redirect to another host, and so
//! does one whose URL is presigned: it would fail after the upload.
//!
//! [whatever the method]: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTRedirect.html

mod decide;
mod endpoint;
mod error_xml;
mod grammar;
mod leads;
mod partition;
mod policy;
mod refused;
mod resource;
mod signing;
mod site;
mod split;

pub use self::{
    endpoint::{EndpointFamily, S3Endpoint},
    partition::Partition,
    policy::{Foreign, S3},
    refused::{Reason, Refused},
    signing::{SignedWith, SigningRegion},
};
