#![doc = include_str!("../README.md")]

use http::Method;
use hyper_util::{
    client::legacy::{Client, connect::Connect},
    rt::TokioExecutor,
};
use tonic::body::Body;
use tower::Layer;
use tower_follow_redirect::{
    FollowRedirect, FollowRedirectLayer, ReplayBody,
    policy::{Attempt, Decision, Policy, Verdict},
};

/// hyper-util's client within the layer: what a generated client takes.
pub type Redirected<C> = FollowRedirect<Client<C, ReplayBody<Body>>, CallsOnly>;

/// Makes the client of a connector, such as `HttpConnector::new()`. It speaks HTTP/2 only.
///
/// Every hop connects to where the redirect leads, and so over whatever the connector speaks.
pub fn client<C>(layer: &FollowRedirectLayer<CallsOnly>, connector: C) -> Redirected<C>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build(connector);
    layer.layer(client)
}

/// Makes a layer with the policy [`CallsOnly`].
pub fn layer() -> FollowRedirectLayer<CallsOnly> {
    FollowRedirectLayer::new().with_policy(CallsOnly)
}

/// Stops at a redirect after which a call were no call: that would make its POST a GET.
///
/// 307 and 308 keep the method, and are followed. 301, 302 and 303 do not, so they are handed back, and
/// tonic makes a status of them. Where one of these is set to keep the method
/// ([`method_rule`](FollowRedirectLayer::method_rule)), it is followed too.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallsOnly;

impl Policy for CallsOnly {
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        match *attempt.next_method() {
            Method::POST => Decision::Pass.into(),
            _ => Decision::stop("a gRPC call is a POST").into(),
        }
    }
}
