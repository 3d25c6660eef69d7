//! Boxed services, outside and inside: a type that can be written down.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{
    BoxError, ServiceBuilder, ServiceExt,
    util::{BoxCloneService, BoxCloneSyncService, BoxService, MapErr},
};
use tower_follow_redirect::{
    Error, FollowRedirect, FollowRedirectLayer, Policy, ReplayBody, ResponseBody,
    policy::{Decision, Standard},
};

use crate::site::{Answer, Site, put, text};

type Body = Full<Bytes>;
type Redirected = Response<ResponseBody<Body>>;

/// What a program holds: it knows the bodies, and neither the client nor the layers.
struct Program {
    once: BoxService<Request<Body>, Redirected, Error<Body>>,
    cloned: BoxCloneService<Request<Body>, Redirected, Error<Body>>,
    shared: BoxCloneSyncService<Request<Body>, Redirected, BoxError>,
}

#[tokio::test]
async fn a_stack_is_boxed() {
    let client =
        || ServiceBuilder::new().layer(FollowRedirectLayer::new()).service(Site::default());
    let program = Program {
        once: BoxService::new(client()),
        cloned: BoxCloneService::new(client()),
        shared: BoxCloneSyncService::new(MapErr::new(client(), BoxError::from)),
    };
    let twice = "http://a.test/twice";
    assert_eq!(text(program.once.oneshot(put(twice)).await.unwrap()).await, "ha ha\n");
    let cloned = program.cloned.clone();
    assert_eq!(text(cloned.oneshot(put(twice)).await.unwrap()).await, "ha ha\n");
    let shared = tokio::spawn(program.shared.clone().oneshot(put(twice)));
    assert_eq!(text(shared.await.unwrap().unwrap()).await, "ha ha\n");
}

/// The layer around a box has a name that is short enough.
type Client<P> = FollowRedirect<Boxed, P>;
type Boxed = BoxCloneService<Request<ReplayBody<Body>>, Answer, BoxError>;

#[tokio::test]
async fn a_boxed_client_is_inside() {
    let boxed = BoxCloneService::new(Site::default());
    let client: Client<Standard> =
        ServiceBuilder::new().layer(FollowRedirectLayer::new()).service(boxed);
    let response = client.oneshot(put("http://a.test/twice")).await.unwrap();
    assert_eq!(text(response).await, "ha ha\n");
}

/// A policy that is chosen at run time makes no other type.
#[tokio::test]
async fn a_boxed_policy_is_chosen_at_run_time() {
    for (strict, status) in [(false, 200), (true, 307)] {
        let policy: Box<dyn Policy> =
            if strict { Box::new(Decision::Stop) } else { Box::new(Standard) };
        let layer = FollowRedirectLayer::new().with_policy(policy);
        let boxed = BoxCloneService::new(Site::default());
        let client: Client<Box<dyn Policy>> = ServiceBuilder::new().layer(layer).service(boxed);
        let response = client.oneshot(put("http://a.test/old")).await.unwrap();
        assert_eq!(response.status(), status);
    }
}
