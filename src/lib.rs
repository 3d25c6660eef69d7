//! A Tower layer that makes any HTTP client follow redirects correctly.
//!
//! It goes around a client service, follows what it answers with 301, 302, 303, 307 or 308, and
//! returns the response at the end of the chain:
//!
//! ```
//! use http::{Request, Response, StatusCode, header};
//! use http_body_util::{BodyExt, Full};
//! use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
//! use tower_follow_redirect::{FollowRedirectLayer, History, ReplayBody};
//!
//! # type Body = Full<bytes::Bytes>;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! // Any client: hyper-util's, or here a service that moves uploads from /old to /new.
//! let client = service_fn(|request: Request<ReplayBody<Body>>| async {
//!     if request.uri().path() == "/old" {
//!         let moved = Response::builder().status(307).header(header::LOCATION, "/new");
//!         return Ok::<_, BoxError>(moved.body(Body::default())?);
//!     }
//!     let content = request.into_body().collect().await?;
//!     Ok(Response::new(Body::from(content.to_bytes())))
//! });
//! let client = ServiceBuilder::new().layer(FollowRedirectLayer::new()).service(client);
//!
//! let request = Request::put("http://a.test/old").body(Body::from("ha ha\n"))?;
//! let response = client.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! let history = History::of(&response).expect("it was redirected");
//! assert_eq!(history.effective_uri(), "http://a.test/new");
//! assert_eq!(response.into_body().collect().await?.to_bytes(), "ha ha\n");
//! # Ok(())
//! # }
//! ```
//!
//! # The story of a request
//!
//! ```text
//! caller ─ Request<B> ─▶ FollowRedirect ─ Request<ReplayBody<B>> ─▶ client
//!
//!  ┌▶ 1  remembered?   a policy may know where it must go: a 308 of an earlier call
//!  │  2  sent          an upload waits for 100 Continue; what is sent of it is recorded
//!  │  3  answered      200, 404, …: handed over as it is, and that is all
//!  │  4  redirected    method, content, fields and target of the next request: a proposal
//!  │  5  decided       the policy sees heads, edits the proposal: follow, stop, fail, ask, peek
//!  └─ 6  followed      the redirect's body is drained, then the old upload cancelled
//!     7  or not        the response, or an error that owns it; and always the reason
//! ```
//!
//! # What it does by default
//!
//! - **Method and content** as in RFC 9110: the table is in [`rules`].
//! - **Credentials** never go to another [origin](Origin): `Authorization`, `Cookie` and their kin
//!   ([`rules::credentials`]), every header value marked
//!   [sensitive](http::HeaderValue::set_sensitive), names that are
//!   [added](FollowRedirectLayer::sensitive_header), and request extensions, unless
//!   [allowed](FollowRedirectLayer::keep_extension). What was removed does not come back in the chain.
//! - **Content** is recorded while it is sent, up to a
//!   [limit](FollowRedirectLayer::replay_limit), and sent again. Content that comes as one frame
//!   (`Full<Bytes>`) or was not read yet needs no record; a [`BodyFactory`] makes a new copy.
//! - **Uploads** of more than 1 MiB, or of unknown length, wait up to a second for `100 Continue`
//!   ([`ExpectContinue`]), so that a redirect finds them unsent.
//! - **Connections** are used again: the body of a redirect is [drained](Drain), within bounds.
//! - **At most 20** redirects, to `http` and `https` only.
//!
//! # When a redirect is not followed
//!
//! Every 3xx that is handed back has a [`Refusal`] in its extensions, which says why. Where a redirect
//! cannot or may not be followed (limit, loop, bad `Location`, scheme, content that is lost, a policy
//! that fails), the call ends with an [`Error`], which [owns](Error::into_response) the response
//! (if there is one: a [remembered](Refusal::is_from_cache) redirect has none).
//! With [`OnRefusal::Return`] it ends with the response itself. [`guide::errors`] has what each means, and what to
//! do.
//!
//! # Which policy?
//!
//! | I want | |
//! |---|---|
//! | to follow, safely | [`Standard`](policy::Standard), the default |
//! | to stay on the server | [`SameOrigin`](policy::SameOrigin) |
//! | to keep to TLS | [`HttpsOnly`](policy::HttpsOnly) |
//! | to fetch URLs of strangers, and nothing private (SSRF) | `policy::DenyPrivateNetworks`, and its connector in `connect` |
//! | fewer redirects here than elsewhere | [`Limited`](policy::Limited) |
//! | a `Referer` | [`Referer`](policy::Referer) |
//! | to hand every redirect back | [`Decision::Stop`](policy::Decision) |
//! | credentials at a server that I trust | [`redirect_fn`](policy::redirect_fn), and [`FollowWithCredentials`](policy::Decision) |
//! | to remember permanent redirects, and not ask the old URL again | `policy::PermanentCache`, joined by `and` |
//! | to upload to Amazon S3, or what speaks its protocol | [`S3`](policy::S3) |
//! | to be asked before anything but GET and HEAD goes elsewhere, as RFC 2616 wanted it | [`StrictConfirm`](policy::StrictConfirm) |
//! | to ask somebody, or DNS, first | [`redirect_fn`](policy::redirect_fn), and [`Verdict::ask`](policy::Verdict::ask) |
//! | to wait for `100 Continue` up to 30 s, at a server that always answers | [`expect_fn`](policy::expect_fn) |
//! | all of several | [`and`](Policy::and); the first that has an opinion: [`or`](Policy::or) |
//! | another one for one request | [`RequestPolicy`](policy::RequestPolicy) |
//! | my own | [`Policy`], or a closure |
//!
//! Whatever they say, the limit, the schemes and the scope of credentials hold. The page [`policy`] says how to
//! write one, and how to test it.
//!
//! # From `cargo add` to S3
//!
//! S3 redirects uploads to where a bucket is. A client with TLS, the policy for S3 and its signer (which needs Rust
//! 1.94, as the crates of the AWS SDK do; this crate alone needs 1.85):
//!
//! ```console
//! $ cargo add tower-follow-redirect tower-follow-redirect-sigv4
//! $ cargo add aws-credential-types bytes http http-body-util
//! $ cargo add hyper-util --features client-legacy,http1,http2,tokio
//! $ cargo add hyper-rustls --no-default-features --features http1,http2,ring,webpki-roots
//! $ cargo add tokio --features macros,rt-multi-thread
//! $ cargo add tower --features util
//! ```
//!
//! ```no_run
//! use aws_credential_types::Credentials;
//! use bytes::Bytes;
//! use http::Request;
//! use http_body_util::Full;
//! use hyper_rustls::HttpsConnectorBuilder;
//! use hyper_util::{client::legacy::Client, rt::TokioExecutor};
//! use tower::{BoxError, ServiceBuilder, ServiceExt};
//! use tower_follow_redirect::{History, policy::S3};
//! use tower_follow_redirect_sigv4::S3Layer;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), BoxError> {
//!     let https = HttpsConnectorBuilder::new().with_webpki_roots().https_only();
//!     let https = https.enable_all_versions().build();
//!     let client = Client::builder(TokioExecutor::new()).build(https);
//!
//!     let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "…", None, None, "mine");
//!     // The redirects of S3, and a signature for every hop.
//!     let s3 = S3Layer::new(credentials, "us-east-1")
//!         .redirects(|layer| layer.limit(5).with_policy(S3::new()));
//!     let client = ServiceBuilder::new().layer(s3).service(client);
//!
//!     let request = Request::put("https://quotes.s3.us-east-1.amazonaws.com/nelson.txt");
//!     let response = client.oneshot(request.body(Full::<Bytes>::from("ha ha\n"))?).await?;
//!     println!("{}", response.status());
//!     if let Some(history) = History::of(&response) {
//!         println!("the bucket is at {} now", history.effective_url());
//!     }
//!     Ok(())
//! }
//! ```
//!
//! A larger upload waits for `100 Continue`, so that the redirect costs none of it. A service of your own
//! that speaks S3's protocol is added by [`S3::domain`](policy::S3::domain). Without signer, for presigned
//! URLs and signatures of version 2, the layer is `FollowRedirectLayer::new().with_policy(S3::new())`.
//!
//! # Observing
//!
//! [`FollowRedirectLayer::observe`] takes a callback for metrics: it is called for every hop with its outcome,
//! the reason, how long it took and how many bytes it sent ([`HopEvent`]); the last one says how the call ended. The
//! example `metrics` exports that to Prometheus.
//!
//! With the feature `tracing` the same is written at `DEBUG`, where a subscriber listens: a span for each
//! call, named `follow_redirect`, and an event for each hop. What the inner service and policies write is
//! inside of that span. Names are those of OpenTelemetry's conventions for HTTP where these have one:
//!
//! | field | in | |
//! |---|---|---|
//! | `http.request.method` | both | `_OTHER` if it is not a standard one |
//! | `url.scheme`, `server.address`, `server.port`, `url.path` | both | of the hop's request, and in the span of the first |
//! | `http.response.status_code` | both | in the span, of the last |
//! | `http.request.resend_count` | event | how many requests were sent before, if any |
//! | `http.request.body.size` | event | bytes of content sent |
//! | `error.type` | both | if the call ends with an error: [`HopOutcome::error_type`] |
//! | `redirect.decision` | both | [`HopOutcome::as_str`] |
//! | `redirect.reason` | both | why a redirect is not followed: [`RefusalKind::as_str`] |
//! | `redirect.target` | event | where it leads, as origin and path |
//! | `redirect.from_cache` | event | whether it is remembered |
//! | `redirect.elapsed` | event | in seconds |
//! | `redirect.count` | span | redirects that were followed |
//!
//! No query, userinfo, fragment or header field is written, nor the text of an error, which may have a whole
//! URL. The span ends with the future, so before the body of the response is read. It is none of
//! OpenTelemetry's client spans, of which there is one for each hop: that is the inner service's to write.
//!
//! # The order of layers
//!
//! What is *outside* of the layer (above it, in a `ServiceBuilder`) sees one call, what is *inside* sees
//! each hop. So a timeout around it is for the whole chain, one inside it for each hop. Whatever
//! computes something from the request's URI (a signature, cookies, a proxy) belongs inside, or it goes
//! stale. What adds a credential to every request belongs outside, since inside it would do so for every
//! origin (a client's default headers are such a trap). [`guide::stacks`] has each layer of tower and
//! tower-http with its place and the reason, and the clients: hyper-util, reqwest, axum, tonic,
//! object_store.
//!
//! # More to read
//!
//! - [`guide::stacks`]: which layer goes where, and which client inside.
//! - [`guide::faq`]: what people ask of clients that follow redirects.
//! - [`guide::errors`]: what each error and refusal means.
//! - [`guide::from_tower_http`] and [`guide::from_reqwest`]: what changes.
//! - [`rules`]: methods and statuses, `Location`, fields, origins and credentials, in the words of the RFCs.
//!
//! # Features
//!
//! - `hyper` (default): learns of `100 Continue` from hyper's HTTP/1 client, and takes any
//!   `hyper::rt::Timer`. Without it, nothing waits for `100 Continue` unless
//!   [asked](ExpectContinue::wait_unreported) to.
//! - `fs`: adds `FileBody`, a file as a request body that can be sent again (Unix and Windows).
//! - `hyper-util`: adds `connect`, connectors of hyper-util that connect to public addresses only.
//! - `permanent-cache`: remembers permanent redirects (`policy::permanent`).
//! - `private-networks`: adds `policy::DenyPrivateNetworks`, which stops at redirects into private
//!   networks (SSRF).
//! - `snapshot`: adds `policy::permanent::Snapshot`, which keeps them in a file.
//! - `shared-store`: adds `policy::permanent::shared`, for a fleet that shares them.
//! - `s3-xml`: reads where S3 redirects to in the XML of its errors, where no header says so.
//! - `spill`: adds `Spill`, a temporary file for what passes the replay limit (Unix and Windows).
//! - `tower-http`: adds `policy::TowerHttp`, our policies in tower-http's `FollowRedirect`.
//! - `tracing`: writes a span for each call and an event for each hop; see [Observing](#observing).

// docs.rs names the feature of each item.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod box_error;
mod call;
mod chain;
#[cfg(feature = "hyper-util")]
pub mod connect;
mod error;
mod expectation;
mod future;
// It is prose, and costs a build nothing.
#[cfg(any(doc, doctest))]
pub mod guide;
mod head;
mod history;
mod informational;
mod layer;
mod observe;
mod origins;
pub mod policy;
mod refusal;
pub mod rules;
mod service;
mod settings;
mod timer;

#[cfg(feature = "fs")]
pub use self::body::FileBody;
#[cfg(feature = "spill")]
pub use self::body::Spill;
#[cfg(feature = "hyper")]
pub use self::informational::{OnInformational, TooManyInformational};
pub use self::{
    body::{BodyFactory, ReplayBody, Resend, ResponseBody, UploadCancelled},
    box_error::BoxError,
    call::ReplayLimit,
    error::{Error, TotalTimeElapsed},
    future::ResponseFuture,
    history::{Fragment, History, Hop},
    layer::FollowRedirectLayer,
    observe::{HopEvent, HopOutcome},
    policy::Policy,
    refusal::{Refusal, RefusalKind},
    rules::{location::LocationLimit, origin::Origin, target::Target},
    service::FollowRedirect,
    settings::{Drain, ExpectContinue, OnRefusal},
};

/// Compiles the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
