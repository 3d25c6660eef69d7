//! Requests that may not leave: the first one, and those of other policies.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Empty;
use tower_follow_redirect::{
    FollowRedirectLayer, OnRefusal, Policy, RefusalKind, Target,
    policy::{
        self, Admission, Attempt, Decision, DenyPrivateNetworks, Outgoing, Recall, Recollection,
        Remembered, RequestPolicy, SameOrigin, Standard, Verdict, private::NotPublic,
    },
};

use crate::support::{
    get,
    step::{Call, End, reason, send},
};

fn every() -> DenyPrivateNetworks {
    DenyPrivateNetworks::new().every_request()
}

/// Ended without a request to `uri`, since that is where it would have gone.
fn forbidden(end: End, uri: &str, hops: usize) {
    let error = end.unwrap_err();
    assert!(error.not_admitted().is_some() && error.refusal().is_none(), "{error:?}");
    assert_eq!(error.not_admitted().unwrap().kind(), RefusalKind::Policy);
    assert_eq!(error.uri().unwrap(), uri);
    assert_eq!(error.history().map_or(0, |history| history.hops().len()), hops);
    assert!(NotPublic::of(&error).is_some(), "{error:?}");
    assert!(error.into_response().is_none());
}

#[tokio::test]
async fn the_first_request_is_looked_at_if_asked() {
    for uri in ["http://127.1/x", "http://localhost/", "http://[::ffff:10.0.0.1]/"] {
        let layer = FollowRedirectLayer::new().with_policy(DenyPrivateNetworks::new());
        Call::start(layer, get(uri)).end_with_ok().await;
        for on_refusal in [OnRefusal::Error, OnRefusal::Return] {
            let layer = FollowRedirectLayer::new().with_policy(every()).on_refusal(on_refusal);
            forbidden(Call::start(layer, get(uri)).end().await, uri, 0);
        }
    }
    let layer = || FollowRedirectLayer::new().with_policy(every());
    for uri in ["http://public.test/", "/in/origin/form"] {
        Call::start(layer(), get(uri)).end_with_ok().await;
    }
}

#[tokio::test]
async fn the_text_says_what_was_not_sent_and_why() {
    let layer = FollowRedirectLayer::new().with_policy(every());
    let error =
        Call::start(layer, send("PUT", "http://u:secret@10.0.0.1/x?secret", "x")).end().await;
    let error = error.unwrap_err();
    let text = "PUT http://10.0.0.1/x?… was not sent: the policy forbids it";
    assert_eq!(error.to_string(), text);
    let why = "10.0.0.1 is an address of a private network";
    assert_eq!(NotPublic::of(&error).unwrap().to_string(), why);
    assert_eq!(format!("{error:?}"), format!("Error({text}: Failure({why}))"));
}

/// They are about no redirect, and are sent as any other request is.
#[tokio::test]
async fn tunnels_are_looked_at() {
    let connect = Request::builder().method(Method::CONNECT).uri("127.0.0.1:22");
    let connect = connect.body(Empty::<Bytes>::new()).unwrap();
    let layer = || FollowRedirectLayer::new().with_policy(every());
    forbidden(Call::start(layer(), connect).end().await, "127.0.0.1:22", 0);
    let mut upgrade = get("http://10.0.0.1/");
    upgrade.headers_mut().insert("upgrade", "websocket".parse().unwrap());
    upgrade.headers_mut().insert("connection", "upgrade".parse().unwrap());
    forbidden(Call::start(layer(), upgrade).end().await, "http://10.0.0.1/", 0);
}

#[tokio::test]
async fn redirects_are_handed_back_with_the_reason() {
    for policy in [DenyPrivateNetworks::new(), every()] {
        let layer = FollowRedirectLayer::new().with_policy(policy);
        let mut call = Call::start(layer, get("http://public.test/"));
        call.next().await.redirect(307, "http://b.test/");
        call.next().await.redirect(302, "http://0x7f.1/");
        let response = call.end().await.unwrap();
        assert_eq!(response.status(), StatusCode::FOUND);
        assert_eq!(reason(&response), Some(RefusalKind::Policy));
        let refusal = response.extensions().get::<tower_follow_redirect::Refusal>().unwrap();
        let why = NotPublic::of(refusal).unwrap().to_string();
        assert_eq!(why, "127.0.0.1 is an address of this host");
    }
}

/// Leads everything to `http://127.0.0.1/`, and has decided so.
fn astray() -> impl Policy {
    policy::redirect_fn(|attempt| {
        let target = http::Uri::from_static("http://127.0.0.1/");
        attempt.set_target(Target::new(target, None).unwrap());
        Decision::Follow
    })
}

#[tokio::test]
async fn a_target_that_another_policy_sets_is_looked_at() {
    // Whoever is asked second sees what the first has set, and the other way round.
    let joined: [Box<dyn Policy>; 2] = [
        Box::new(astray().and(DenyPrivateNetworks::new())),
        Box::new(DenyPrivateNetworks::new().and(astray())),
    ];
    for policy in joined {
        let layer = FollowRedirectLayer::new().with_policy(policy);
        let mut call = Call::start(layer, get("http://public.test/"));
        call.next().await.redirect(302, "http://b.test/");
        assert_eq!(reason(&call.end().await.unwrap()), Some(RefusalKind::Policy));
    }
}

/// `or` does not ask the second where the first has decided; no request leaves all the same.
#[tokio::test]
async fn every_request_is_looked_at_whatever_other_policies_decide() {
    let layer = FollowRedirectLayer::new().with_policy(Standard.or(every()));
    let mut call = Call::start(layer, get("http://public.test/"));
    call.next().await.redirect(302, "http://10.0.0.1/");
    forbidden(call.end().await, "http://10.0.0.1/", 1);
}

#[tokio::test]
async fn a_request_may_bring_it_along() {
    let mut request = get("http://10.0.0.1/");
    request.extensions_mut().insert(RequestPolicy::new(every()));
    let end = Call::start(FollowRedirectLayer::new(), request).end().await;
    forbidden(end, "http://10.0.0.1/", 0);
}

/// Remembers that everything of one host has moved, and counts how often it is asked.
struct Remembers {
    from: &'static str,
    to: &'static str,
    asked: Arc<AtomicUsize>,
}

impl Policy for Remembers {
    fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
        Decision::Pass.into()
    }

    fn recall(&self, request: &mut Outgoing<'_>) -> Recall {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if request.request().uri.host() != Some(self.from) {
            return Recall::Nothing;
        }
        let target = Target::new(http::Uri::from_static(self.to), None).unwrap();
        Recall::Redirect(Remembered::new(StatusCode::PERMANENT_REDIRECT, target))
    }
}

fn remembers(from: &'static str, to: &'static str) -> (Remembers, Arc<AtomicUsize>) {
    let asked = Arc::default();
    (Remembers { from, to, asked: Arc::clone(&asked) }, asked)
}

#[tokio::test]
async fn a_remembered_redirect_is_looked_at() {
    // It is not taken: the server itself is asked.
    let (memory, _) = remembers("public.test", "http://10.0.0.1/");
    let policy = memory.and(DenyPrivateNetworks::new());
    let layer = FollowRedirectLayer::new().with_policy(policy);
    let response = Call::start(layer, get("http://public.test/")).end_with_ok().await;
    assert_eq!(response.status(), StatusCode::OK);

    // Nor does a memory help who may not be asked.
    let (memory, asked) = remembers("10.0.0.1", "http://public.test/");
    let layer = FollowRedirectLayer::new().with_policy(memory.and(every()));
    forbidden(Call::start(layer, get("http://10.0.0.1/")).end().await, "http://10.0.0.1/", 0);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

/// A policy that lets a request leave when it was asked a second time.
#[derive(Default)]
struct Patient(AtomicUsize);

impl Policy for Patient {
    fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
        Decision::Pass.into()
    }

    fn admit(&self, _: &mut Outgoing<'_>) -> Admission {
        match self.0.fetch_add(1, Ordering::SeqCst) % 2 {
            0 => Admission::Wait(Recollection::new(tokio::task::yield_now())),
            _ => Admission::Granted,
        }
    }
}

#[tokio::test]
async fn a_policy_may_wait_before_each_request_leaves() {
    let policy = Arc::new(Patient::default());
    let layer = FollowRedirectLayer::new().with_policy(Arc::clone(&policy).and(SameOrigin));
    let mut call = Call::start(layer, get("http://public.test/"));
    call.next().await.redirect(302, "/there");
    call.end_with_ok().await;
    assert_eq!(policy.0.load(Ordering::SeqCst), 4);
}
