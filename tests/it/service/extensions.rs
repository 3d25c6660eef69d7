//! Which request extensions go along, and what they set for one call.

use http::Request;
use http_body_util::Empty;
use tower_follow_redirect::{
    FollowRedirectLayer, RefusalKind, ReplayLimit,
    policy::{self, Decision, RequestPolicy, SameOrigin},
};

use crate::support::{
    get,
    step::{Call, Hop, reason},
};

#[derive(Clone, Debug, PartialEq)]
struct TraceId(u32);

#[derive(Clone, Debug, PartialEq)]
struct Session(&'static str);

fn request() -> Request<Empty<bytes::Bytes>> {
    let mut request = get("http://a.test/1");
    request.extensions_mut().insert(TraceId(7));
    request.extensions_mut().insert(Session("secret"));
    request
}

fn found<B>(hop: &Hop<B>) -> (Option<u32>, Option<&str>) {
    let extensions = &hop.head.extensions;
    (extensions.get().map(|TraceId(id)| *id), extensions.get().map(|Session(name)| *name))
}

#[tokio::test]
async fn extensions_stay_within_the_origin() {
    let mut call = Call::start(FollowRedirectLayer::new(), request());
    let first = call.next().await;
    assert_eq!(found(&first), (Some(7), Some("secret")));
    first.redirect(302, "/2");
    let within = call.next().await;
    assert_eq!(found(&within), (Some(7), Some("secret")));
    within.redirect(302, "http://b.test/");
    let across = call.next().await;
    assert_eq!(found(&across), (None, None));
    across.redirect(302, "http://a.test/");
    assert_eq!(found(&call.next().await), (None, None), "not even back home");
}

#[tokio::test]
async fn an_extension_that_may_cross_origins_does() {
    let layer = FollowRedirectLayer::new().keep_extension::<TraceId>();
    let mut call = Call::start(layer, request());
    for location in ["http://b.test/", "http://c.test/", "http://a.test/", "/2"] {
        call.next().await.redirect(302, location);
    }
    assert_eq!(found(&call.next().await), (Some(7), None));
}

/// A hop that is trusted with credentials is trusted with these too.
#[tokio::test]
async fn extensions_go_with_the_credentials() {
    let layer = FollowRedirectLayer::new().with_policy(Decision::FollowWithCredentials);
    let mut call = Call::start(layer, request());
    call.next().await.redirect(302, "http://b.test/");
    assert_eq!(found(&call.next().await), (Some(7), Some("secret")));
}

#[tokio::test]
async fn a_policy_adds_extensions_for_the_services_below() {
    let policy = policy::redirect_fn(|attempt| {
        if attempt.hops().is_empty() {
            attempt.next_extensions().insert(Session("of b"));
        }
        Decision::Follow
    });
    let mut call = Call::start(FollowRedirectLayer::new().with_policy(policy), request());
    call.next().await.redirect(302, "http://b.test/");
    let second = call.next().await;
    assert_eq!(found(&second), (None, Some("of b")));
    second.redirect(302, "/2");
    let third = call.next().await;
    assert_eq!(found(&third), (None, Some("of b")));
    third.redirect(302, "http://a.test/");
    assert_eq!(found(&call.next().await), (None, None));
}

#[tokio::test]
async fn a_request_brings_its_own_policy() {
    let layer = FollowRedirectLayer::new().with_policy(Decision::Stop);
    for (policy, followed) in [
        (RequestPolicy::new(Decision::Follow), true),
        (RequestPolicy::new(SameOrigin), true),
        (RequestPolicy::new(Decision::Stop), false),
    ] {
        let mut request = request();
        request.extensions_mut().insert(policy);
        let mut call = Call::start(layer.clone(), request);
        let first = call.next().await;
        assert!(first.head.extensions.get::<RequestPolicy>().is_none());
        first.redirect(302, "/2");
        if followed {
            // It is for the whole chain, across origins too.
            call.next().await.redirect(302, "/3");
            call.end_with_ok().await;
        } else {
            assert_eq!(reason(&call.end().await.unwrap()), Some(RefusalKind::Policy));
        }
    }
}

/// What is meant for this layer is not for the services below it.
#[tokio::test]
async fn settings_of_a_call_do_not_reach_the_inner_service() {
    let mut request = request();
    request.extensions_mut().insert(ReplayLimit::new(1));
    request.extensions_mut().insert(tower_follow_redirect::Fragment::new("top"));
    let mut call = Call::start(FollowRedirectLayer::new(), request);
    let first = call.next().await;
    assert_eq!(first.head.extensions.len(), 2, "{:?}", first.head.extensions);
    first.redirect(302, "/2");
    assert_eq!(call.next().await.head.extensions.len(), 2);
}
