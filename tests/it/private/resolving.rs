//! Names that the policy resolves: best effort, and without an oracle.

use std::{
    io,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use tower_follow_redirect::{
    FollowRedirectLayer, OnRefusal, Policy, Refusal, RefusalKind,
    policy::{
        Decision, DenyPrivateNetworks,
        private::{Cause, NotPublic},
    },
};

use crate::support::{
    get,
    step::{Call, reason},
};

/// What was looked up.
type Log = Arc<Mutex<Vec<String>>>;

/// Resolves names by their first label, and notes them.
fn resolving(policy: DenyPrivateNetworks) -> (DenyPrivateNetworks, Log) {
    let log = Log::default();
    let notes = Arc::clone(&log);
    let policy = policy.resolving(move |name| {
        notes.lock().unwrap().push(name.clone());
        async move {
            tokio::task::yield_now().await;
            let addresses: &[&str] = match name.split('.').next().unwrap() {
                "public" => &["8.8.8.8", "2606:4700::1111"],
                "mixed" => &["8.8.8.8", "10.0.0.1"],
                "private" => &["10.0.0.1"],
                "metadata" => &["169.254.169.254"],
                "empty" => &[],
                _ => return Err(io::Error::other("there is no such name")),
            };
            Ok(addresses.iter().map(|ip| ip.parse::<IpAddr>().unwrap()).collect::<Vec<_>>())
        }
    });
    (policy, log)
}

#[tokio::test]
async fn names_are_resolved_before_they_are_followed() {
    for (location, followed) in [
        ("http://public.test/", true),
        ("http://mixed.test/", false),
        ("http://private.test/", false),
        ("http://empty.test/", false),
        ("http://nowhere.test/", false),
        ("http://private.corp/", true),
        ("http://metadata.corp/", false),
    ] {
        let (policy, log) = resolving(DenyPrivateNetworks::new().allow_suffix("corp"));
        let layer = FollowRedirectLayer::new().with_policy(policy);
        let mut call = Call::start(layer, get("http://a.test/"));
        call.next().await.redirect(302, location);
        if followed {
            call.end_with_ok().await;
        } else {
            assert_eq!(reason(&call.end().await.unwrap()), Some(RefusalKind::Policy), "{location}");
        }
        assert_eq!(log.lock().unwrap().len(), 1, "{location}");
    }
}

/// What is refused by itself, and what is an address, is nothing to ask about.
#[tokio::test]
async fn nothing_is_resolved_that_needs_no_resolving() {
    let (policy, log) = resolving(DenyPrivateNetworks::new().every_request());
    for (location, followed) in
        [("http://localhost/", false), ("http://10.0.0.1/", false), ("http://8.8.8.8/", true)]
    {
        let layer = FollowRedirectLayer::new().with_policy(policy.clone());
        let mut call = Call::start(layer, get("http://9.9.9.9/"));
        call.next().await.redirect(302, location);
        if followed {
            call.end_with_ok().await;
        } else {
            call.end().await.unwrap();
        }
    }
    assert!(log.lock().unwrap().is_empty(), "{log:?}");
}

#[tokio::test]
async fn a_refusal_does_not_tell_what_the_network_has_answered() {
    let (policy, _) = resolving(DenyPrivateNetworks::new());
    let mut causes = Vec::new();
    for location in ["http://private.test/", "http://empty.test/", "http://nowhere.test/"] {
        let layer = FollowRedirectLayer::new().with_policy(policy.clone());
        let mut call = Call::start(layer, get("http://a.test/"));
        call.next().await.redirect(302, location);
        let response = call.end().await.unwrap();
        let refusal = response.extensions().get::<Refusal>().unwrap();
        let found = NotPublic::of(refusal).unwrap();
        let host = &location["http://".len()..location.len() - 1];
        let text = format!("`{host}` leads to addresses that are not public, or to none");
        assert_eq!(found.to_string(), text);
        assert_eq!(format!("{found:?}"), format!("NotPublic({text})"));
        assert!(std::error::Error::source(found).is_none());
        assert_eq!(found.host(), host);
        causes.push(found.cause().clone());
    }
    let [Cause::Addresses(private), Cause::Addresses(empty), Cause::Unresolved(error)] =
        &causes[..]
    else {
        panic!("{causes:?}")
    };
    assert_eq!((private.len(), empty.len()), (1, 0));
    assert_eq!(error.to_string(), "there is no such name");
}

#[tokio::test]
async fn the_first_request_waits_for_its_name_and_every_hop_is_resolved_once() {
    let (policy, log) = resolving(DenyPrivateNetworks::new().every_request());
    let layer = FollowRedirectLayer::new().with_policy(policy.clone());
    let mut call = Call::start(layer, get("http://public.test/"));
    call.next().await.redirect(302, "/there");
    call.next().await.redirect(302, "http://public.b.test/");
    call.end_with_ok().await;
    assert_eq!(*log.lock().unwrap(), ["public.test", "public.test", "public.b.test"]);

    let layer = FollowRedirectLayer::new().with_policy(policy).on_refusal(OnRefusal::Return);
    let error = Call::start(layer, get("http://private.test/")).end().await.unwrap_err();
    let text = "`private.test` leads to addresses that are not public, or to none";
    assert_eq!(NotPublic::of(&error).unwrap().to_string(), text);
}

#[tokio::test]
async fn two_policies_resolve_each_for_itself() {
    let (first, first_log) = resolving(DenyPrivateNetworks::new().every_request());
    let (second, second_log) = resolving(DenyPrivateNetworks::new().every_request());
    let layer = FollowRedirectLayer::new().with_policy(first.and(second));
    let mut call = Call::start(layer, get("http://public.test/"));
    call.next().await.redirect(302, "http://public.b.test/");
    call.end_with_ok().await;
    for log in [first_log, second_log] {
        assert_eq!(*log.lock().unwrap(), ["public.test", "public.b.test"]);
    }
}

/// A clone has the same resolver; what it found is no answer for other lists.
#[tokio::test]
async fn a_clone_that_allows_more_does_not_answer_for_the_other() {
    let (strict, _) = resolving(DenyPrivateNetworks::new().every_request());
    let loose = strict.clone().allow_net("10.0.0.0/8".parse().unwrap());
    let policies: [Box<dyn Policy>; 2] =
        [Box::new(strict.clone().and(loose.clone())), Box::new(loose.and(strict))];
    for policy in policies {
        let layer = FollowRedirectLayer::new().with_policy(policy);
        let error = Call::start(layer, get("http://private.test/")).end().await.unwrap_err();
        assert!(NotPublic::of(&error).is_some(), "{error}");
    }
}

/// A stop prevents the question.
#[tokio::test]
async fn nothing_is_asked_of_the_network_where_another_policy_stops() {
    let (policy, log) = resolving(DenyPrivateNetworks::new());
    let layer = FollowRedirectLayer::new().with_policy(policy.and(Decision::Stop));
    let mut call = Call::start(layer, get("http://a.test/"));
    call.next().await.redirect(302, "http://public.test/");
    call.end().await.unwrap();
    assert!(log.lock().unwrap().is_empty(), "{log:?}");
}
