//! Makes a call through the redirect layer, and notes what can be seen of it.

use std::error::Error;

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use tower::{Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    FollowRedirectLayer, Policy, Refusal, RefusalKind, policy::s3::Refused,
};

use super::{
    server::{Received, Server},
    signer::Signer,
    vectors::Response,
};
use crate::words::describe;

/// What came of a call.
#[derive(Debug)]
pub struct Found {
    pub requests: Vec<Received>,
    /// The region that each hop was to be signed for.
    pub regions: Vec<Option<String>>,
    /// The response, or the text of the error.
    pub end: Result<End, String>,
}

#[derive(Debug, PartialEq)]
pub struct End {
    pub status: StatusCode,
    pub body: Bytes,
    pub refusal: Option<RefusalKind>,
    /// Why the policy of S3 has stopped.
    pub refused: Option<Refused>,
}

/// Sends a request through a layer with `policy`, to a server with a script.
///
/// # Errors
///
/// Fails if the loopback network does.
pub async fn call<P: Policy>(
    policy: P,
    signed_region: Option<String>,
    request: Request<Full<Bytes>>,
    script: Vec<Response>,
) -> Result<Found, String> {
    let server = Server::start(script).await.map_err(|error| format!("server: {error}"))?;
    let network = server.network();
    let connector = service_fn(move |uri: Uri| {
        let network = network.clone();
        Box::pin(async move { network.connect(&uri).await.map(TokioIo::new) })
    });
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let signer = Signer::new(client, signed_region);
    let told = signer.told();
    let layer = FollowRedirectLayer::new().with_policy(policy);
    let end = match layer.layer(signer).oneshot(request).await {
        Ok(response) => End::of(response).await,
        Err(error) => Err(describe(&error)),
    };
    let regions = told.lock().unwrap().clone();
    Ok(Found { requests: server.received(), regions, end })
}

impl End {
    async fn of<B>(response: http::Response<B>) -> Result<Self, String>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: std::fmt::Display,
    {
        let refusal = Refusal::of(&response);
        let source = refusal.and_then(|refusal| refusal.source()?.downcast_ref());
        let (status, refusal, refused) =
            (response.status(), refusal.map(Refusal::kind), source.cloned());
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
        Ok(Self { status, body: body.to_bytes(), refusal, refused })
    }
}
