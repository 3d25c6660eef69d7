//! A memory beside other policies.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::{HeaderValue, StatusCode, Uri, header};
use tower_follow_redirect::{
    Policy, RefusalKind, Target,
    policy::{
        Attempt, Decision, Outgoing, Recall, Remembered, RequestPolicy, Standard, Verdict,
        permanent::RedirectCacheMode, redirect_fn,
    },
};

use super::{default_memory, get_in, hops, layer, memory, play};
use crate::support::{
    get,
    step::{Call, ok, refused, status},
};

#[tokio::test]
async fn two_memories_in_one_policy_each_learn_and_each_recall() {
    let (one, two) = (default_memory(), default_memory());
    let both = || layer(one.cache.clone().and(two.cache.clone()));
    let mut call = Call::start(both(), get("https://a.test/1"));
    call.next().await.redirect(308, "https://b.test/2");
    call.end_with_ok().await;
    assert_eq!((one.cache.len(), two.cache.len()), (1, 1));

    one.cache.clear();
    two.cache.clear();
    one.learn("https://a.test/1", "https://b.test/2").await;
    two.learn("https://b.test/2", "https://c.test/3").await;
    let mut call = Call::start(both(), get("https://a.test/1"));
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://c.test/3");
    hop.answer(ok());
    let response = call.end().await.unwrap();
    let expected = [("https://a.test/1".to_owned(), true), ("https://b.test/2".to_owned(), true)];
    assert_eq!(hops(&response), expected);
}

/// Each forgets what it has recalled, and nobody is asked a third time.
#[tokio::test]
async fn two_memories_fall_back_once() {
    let (one, two) = (default_memory(), default_memory());
    one.learn("https://a.test/1", "https://b.test/2").await;
    two.learn("https://b.test/2", "https://c.test/3").await;
    one.clock.advance(60);
    two.clock.advance(60);
    let both = layer(one.cache.clone().and(two.cache.clone()));
    let mut call = Call::start(both, get("https://a.test/1"));
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://c.test/3");
    hop.answer(status(410));
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://a.test/1");
    hop.answer(status(404));
    assert_eq!(call.end().await.unwrap().status(), 404);
    assert_eq!((one.cache.len(), two.cache.len()), (0, 0));
}

#[tokio::test]
async fn a_circle_through_two_memories_ends_where_it_began() {
    let (one, two) = (default_memory(), default_memory());
    one.learn("https://a.test/1", "https://b.test/2").await;
    two.learn("https://b.test/2", "https://a.test/1").await;
    for layer in [
        layer(one.cache.clone().and(two.cache.clone())),
        layer(one.cache.clone().and(two.cache.clone())).detect_loops(),
    ] {
        let mut call = Call::start(layer, get("https://a.test/1"));
        let hop = call.next().await;
        assert_eq!(hop.uri(), "https://a.test/1");
        hop.answer(ok());
        assert!(hops(&call.end().await.unwrap()).is_empty());
        assert!(one.cache.is_empty());
        one.learn("https://a.test/1", "https://b.test/2").await;
    }
}

/// Knows one redirect, and whose call it is does not matter to it.
#[derive(Clone)]
struct Known(&'static str, &'static str);

impl Policy for Known {
    fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
        Decision::Pass.into()
    }

    fn recall(&self, request: &mut Outgoing<'_>) -> Recall {
        let Self(from, to) = *self;
        if request.request().uri != *from {
            return Recall::Nothing;
        }
        let target = Target::new(Uri::from_static(to), None).unwrap();
        Recall::Redirect(Remembered::new(StatusCode::PERMANENT_REDIRECT, target))
    }
}

/// Another policy's memory leads to the second request: the caller's own is then not seen, or not
/// used, and what it brought along has stayed behind.
#[tokio::test]
async fn whose_call_it_is_is_told_by_the_callers_request() {
    let tenants = memory(|builder| {
        builder.partition(|request| {
            Some(request.headers.get(header::AUTHORIZATION)?.to_str().ok()?.into())
        })
    });
    let plain = default_memory();
    for memory in [&tenants, &plain] {
        memory.learn("https://b.test/2", "https://b.test/3").await;
    }
    let known = Known("https://a.test/1", "https://b.test/2");
    let call = |memory: &super::Memory, known_first, mode| {
        let mut request = get_in(mode, "https://a.test/1");
        let secret = HeaderValue::from_static("of a tenant");
        request.headers_mut().insert(header::AUTHORIZATION, secret);
        let (known, cache) = (known.clone(), memory.cache.clone());
        let policy: Box<dyn Policy> =
            if known_first { Box::new(known.and(cache)) } else { Box::new(cache.and(known)) };
        Call::start(layer(policy), request)
    };
    for known_first in [true, false] {
        for (memory, mode, expected) in [
            // What was learned for nobody in particular is not for a tenant.
            (&tenants, RedirectCacheMode::Default, "https://b.test/2"),
            (&plain, RedirectCacheMode::Default, "https://b.test/3"),
            (&plain, RedirectCacheMode::Bypass, "https://b.test/2"),
            (&plain, RedirectCacheMode::Reload, "https://b.test/2"),
        ] {
            let mut call = call(memory, known_first, mode);
            let hop = call.next().await;
            assert_eq!(hop.uri(), expected, "{known_first} {mode:?}");
            hop.answer(status(503));
            call.end().await.unwrap();
        }
        // Nor is what a tenant learns for everybody.
        let mut call = call(&tenants, known_first, RedirectCacheMode::Default);
        call.next().await.redirect(308, "https://b.test/4");
        call.end_with_ok().await;
        assert_eq!(tenants.leads("https://b.test/2").await, "https://b.test/3");
    }
}

#[tokio::test]
async fn a_request_with_its_own_policy_neither_uses_the_memory_nor_changes_it() {
    let memory = default_memory();
    memory.learn("https://a.test/1", "https://a.test/2").await;
    let mut request = get("https://a.test/1");
    request.extensions_mut().insert(RequestPolicy::new(Standard));
    let mut call = Call::start(memory.layer(), request);
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://a.test/1");
    hop.answer(ok());
    call.end().await.unwrap();
    assert_eq!(memory.leads("https://a.test/1").await, "https://a.test/2");

    let mut request = get("https://a.test/3");
    request.extensions_mut().insert(RequestPolicy::new(Standard));
    let mut call = Call::start(memory.layer(), request);
    call.next().await.redirect(308, "/4");
    call.end_with_ok().await;
    assert_eq!(memory.cache.len(), 1);
}

#[tokio::test]
async fn the_policy_of_a_request_may_have_a_clone_of_the_memory() {
    let memory = default_memory();
    memory.learn("https://a.test/1", "https://a.test/2").await;
    let mut request = get("https://a.test/1");
    request.extensions_mut().insert(RequestPolicy::new(memory.cache.clone()));
    let mut call = Call::start(layer(Standard), request);
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://a.test/2");
    hop.redirect(308, "/3");
    call.end_with_ok().await;
    assert_eq!(memory.cache.len(), 2);
}

#[tokio::test]
async fn where_a_policy_leads_elsewhere_nothing_is_remembered() {
    let memory = default_memory();
    let elsewhere = || {
        redirect_fn(|attempt: &mut Attempt<'_>| {
            let target = Target::new(Uri::from_static("https://c.test/mine"), None).unwrap();
            attempt.set_target(target);
            Decision::Follow
        })
    };
    let policies: [Box<dyn Policy>; 2] = [
        Box::new(memory.cache.clone().and(elsewhere())),
        Box::new(elsewhere().and(memory.cache.clone())),
    ];
    for policy in policies {
        let mut call = Call::start(layer(policy), get("https://a.test/1"));
        call.next().await.redirect(308, "https://b.test/2");
        let hop = call.next().await;
        assert_eq!(hop.uri(), "https://c.test/mine");
        hop.answer(ok());
        call.end().await.unwrap();
        assert!(memory.cache.is_empty());
    }
}

#[tokio::test]
async fn a_policy_is_asked_about_a_remembered_redirect() {
    let memory = default_memory();
    memory.learn("https://a.test/1", "https://b.test/2").await;
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let counted = redirect_fn(move |attempt: &mut Attempt<'_>| {
        assert!(attempt.is_from_cache());
        assert_eq!(attempt.response().status, StatusCode::PERMANENT_REDIRECT);
        let fields: Vec<_> = attempt.response().headers.iter().collect();
        let location = HeaderValue::from_static("https://b.test/2");
        assert_eq!(fields, [(&header::LOCATION, &location)], "no cookie is set again");
        count.fetch_add(1, Ordering::SeqCst);
        Decision::Pass
    });
    let mut call = Call::start(layer(memory.cache.clone().and(counted)), get("https://a.test/1"));
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://b.test/2");
    hop.answer(ok());
    call.end().await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    let failing = redirect_fn(|_: &mut Attempt<'_>| Decision::fail("no"));
    let call = Call::start(layer(memory.cache.clone().and(failing)), get("https://a.test/1"));
    let error = call.end().await.unwrap_err();
    assert_eq!(refused(&error), Some(RefusalKind::Policy));
    assert!(error.refusal().unwrap().is_from_cache());
}

/// Only then would a second caller of a tenant find what the first has learned further on.
#[tokio::test]
async fn the_partition_is_asked_for_once_and_holds_on_later_hops() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let memory = memory(|builder| {
        builder.partition(move |request| {
            count.fetch_add(1, Ordering::SeqCst);
            Some(request.headers.get(header::COOKIE)?.to_str().ok()?.into())
        })
    });
    let call = |tenant: &'static str| {
        let mut request = get("https://a.test/1");
        request.headers_mut().insert(header::COOKIE, HeaderValue::from_static(tenant));
        Call::start(memory.layer(), request)
    };
    let mut first = call("one");
    first.next().await.redirect(302, "https://b.test/2");
    let hop = first.next().await;
    assert_eq!(hop.field("cookie"), None, "it stays behind");
    hop.redirect(308, "https://c.test/3");
    first.end_with_ok().await;
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(memory.cache.len(), 1);

    let to_b = [Some("https://b.test/2"), None];
    assert_eq!(play(call("one"), &to_b).await, ["https://a.test/1", "https://c.test/3"]);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(play(call("two"), &to_b).await, ["https://a.test/1", "https://b.test/2"]);
    assert_eq!(memory.leads("https://b.test/2").await, "https://b.test/2");
    let source = "https://b.test/2".parse().unwrap();
    memory.cache.remove(&source);
    memory.cache.remove_from(Some("two"), &source);
    assert_eq!(memory.cache.len(), 1);
    memory.cache.remove_from(Some("one"), &source);
    assert!(memory.cache.is_empty());
}
