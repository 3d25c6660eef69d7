//! When a memory learns, and when it does not.

use std::{future, sync::Arc, time::Duration};

use http::{HeaderValue, Request, Response, header};
use http_body_util::Empty;
use tokio::sync::Notify;
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    FollowRedirectLayer, Policy, RefusalKind, ReplayBody,
    policy::{
        self, Decision, SameOrigin,
        permanent::{Commit, RedirectCacheMode},
        s3::SignedWith,
    },
};

use super::{Memory, default_memory, get_in, layer, memory, play};
use crate::support::{
    get,
    step::{Answer, Call, ok, reason, redirect, refused, send, status},
};

#[tokio::test]
async fn a_request_may_bypass_the_memory() {
    let memory = default_memory();
    memory.learn("https://a.test/1", "https://a.test/2").await;
    let start = |uri| Call::start(memory.layer(), get_in(RedirectCacheMode::Bypass, uri));
    // An answer that says nothing of the redirect leaves it.
    let mut call = start("https://a.test/1");
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://a.test/1");
    hop.answer(status(503));
    call.end().await.unwrap();
    assert_eq!(memory.leads("https://a.test/1").await, "https://a.test/2");
    // Nothing is learned, but what is contradicted is forgotten.
    let mut call = start("https://a.test/1");
    call.next().await.redirect(308, "/3");
    call.end_with_ok().await;
    assert!(memory.cache.is_empty());
}

#[tokio::test]
async fn a_request_may_have_it_learned_anew() {
    let memory = default_memory();
    memory.learn("https://a.test/1", "https://a.test/2").await;
    let mut call =
        Call::start(memory.layer(), get_in(RedirectCacheMode::Reload, "https://a.test/1"));
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://a.test/1");
    hop.redirect(308, "/3");
    call.end_with_ok().await;
    assert_eq!(memory.leads("https://a.test/1").await, "https://a.test/3");
}

/// Extensions do not come along to another origin, but the mode is one of the call.
#[tokio::test]
async fn the_mode_holds_for_the_whole_call() {
    for (mode, learned) in [(RedirectCacheMode::Bypass, 0), (RedirectCacheMode::Reload, 1)] {
        let memory = default_memory();
        memory.learn("https://b.test/2", "https://c.test/3").await;
        let call = Call::start(memory.layer(), get_in(mode, "https://a.test/1"));
        let uris = play(call, &[Some("https://b.test/2"), None]).await;
        assert_eq!(uris, ["https://a.test/1", "https://b.test/2"], "{mode:?}");
        assert!(memory.cache.is_empty(), "it is no redirect any more");

        let mut call = Call::start(memory.layer(), get_in(mode, "https://a.test/1"));
        call.next().await.redirect(302, "https://b.test/2");
        call.next().await.redirect(308, "https://c.test/4");
        call.end_with_ok().await;
        assert_eq!(memory.cache.len(), learned, "{mode:?}");
    }
}

#[tokio::test]
async fn every_permanent_hop_is_remembered_by_itself() {
    let memory = default_memory();
    let mut call = memory.get("https://a.test/1");
    call.next().await.redirect(308, "/2");
    call.next().await.redirect(302, "/3");
    call.next().await.redirect(308, "https://b.test/4");
    call.end_with_ok().await;
    let mut known = Vec::new();
    memory.cache.retain(|source, entry| {
        known.push((source.uri().to_owned(), entry.target().uri().to_string()));
        true
    });
    known.sort();
    let expected =
        [("https://a.test/1", "https://a.test/2"), ("https://a.test/3", "https://b.test/4")];
    assert_eq!(known, expected.map(|(from, to)| (from.to_owned(), to.to_owned())));
}

/// Nobody has seen where the redirect leads.
#[tokio::test]
async fn a_chain_that_does_not_end_well_is_not_remembered() {
    type End = fn(crate::support::step::Hop<Empty<bytes::Bytes>>);
    let ends: [(&str, End); 7] = [
        ("404", |hop| hop.answer(status(404))),
        ("400", |hop| hop.answer(status(400))),
        ("500", |hop| hop.answer(status(500))),
        ("no location", |hop| hop.answer(status(301))),
        ("no http", |hop| hop.redirect(302, "ftp://b.test/")),
        ("another origin", |hop| hop.redirect(302, "https://b.test/")),
        ("an error", |hop| hop.fail("reset")),
    ];
    for (name, end) in ends {
        let memory = default_memory();
        let layer = layer(memory.cache.clone().and(SameOrigin));
        let mut call = Call::start(layer, get("https://a.test/1"));
        call.next().await.redirect(308, "/2");
        end(call.next().await);
        let _ = call.end().await;
        assert!(memory.cache.is_empty(), "{name}");
    }
    for code in [200, 204, 206, 300, 304] {
        let memory = default_memory();
        let mut call = memory.get("https://a.test/1");
        call.next().await.redirect(308, "/2");
        call.next().await.answer(status(code));
        call.end().await.unwrap();
        assert_eq!(memory.cache.len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_chain_that_is_too_long_is_not_remembered() {
    for layered in [default_memory().layer().limit(1), default_memory().layer().detect_loops()] {
        let memory = default_memory();
        let layer = layered.with_policy(memory.cache.clone());
        let mut call = Call::start(layer, get("https://a.test/1"));
        call.next().await.redirect(308, "/2");
        call.next().await.redirect(308, "/1");
        let error = call.end().await.unwrap_err();
        let expected = [RefusalKind::TooManyRedirects, RefusalKind::Loop].map(Some);
        assert!(expected.contains(&refused(&error)));
        assert!(memory.cache.is_empty());
    }
}

#[tokio::test]
async fn a_redirect_that_is_not_followed_is_not_remembered() {
    for commit in [Commit::OnSuccess, Commit::OnReceipt] {
        let memory = memory(|builder| builder.commit(commit));
        let mut call =
            Call::start(layer(memory.cache.clone().and(SameOrigin)), get("https://a.test/1"));
        call.next().await.answer(redirect(308, "https://b.test/2"));
        assert_eq!(reason(&call.end().await.unwrap()), Some(RefusalKind::Policy));
        assert!(memory.cache.is_empty(), "{commit:?}");
    }
}

#[tokio::test]
async fn a_call_that_is_cancelled_leaves_nothing() {
    // The clock lives as long as the memory.
    let Memory { cache, clock } = default_memory();
    let arrived = Arc::new(Notify::new());
    let notify = Arc::clone(&arrived);
    let client = layer(cache.clone()).layer(service_fn(
        move |request: Request<ReplayBody<Empty<bytes::Bytes>>>| {
            let notify = Arc::clone(&notify);
            async move {
                match request.uri().path() {
                    "/1" => Ok::<Answer, BoxError>(redirect(308, "https://b.test/2")),
                    _ => {
                        notify.notify_one();
                        future::pending().await
                    }
                }
            }
        },
    ));
    let call = client.oneshot(get("https://a.test/1"));
    tokio::select! {
        ended = call => panic!("the call ends: {:?}", ended.map(|response| response.status())),
        () = arrived.notified() => {}
    }
    assert!(cache.is_empty());
    drop(cache);
    assert!(clock.is_alone(), "nothing has kept the memory");
}

#[tokio::test]
async fn what_other_methods_learn_is_their_own() {
    let memory = default_memory();
    let mut call = Call::start(memory.layer(), send("PUT", "https://a.test/1", "ha ha"));
    call.next().await.redirect(308, "/2");
    call.next().await.answer(ok());
    call.end().await.unwrap();
    assert!(memory.cache.is_empty());
}

/// Where an unsafe response has its own `Location`, that is not what was changed.
#[tokio::test]
async fn an_unsafe_answer_is_about_its_own_uri_only() {
    let memory = default_memory();
    for n in 1..4 {
        memory.learn(&format!("https://a.test/{n}"), "https://a.test/9").await;
    }
    let mut call = Call::start(memory.layer(), send("POST", "https://a.test/1", "ha ha"));
    let mut created = status(201);
    created.headers_mut().insert("location", "https://a.test/2".parse().unwrap());
    created.headers_mut().insert("content-location", "https://a.test/3".parse().unwrap());
    call.next().await.answer(created);
    call.end().await.unwrap();
    assert_eq!(memory.leads("https://a.test/1").await, "https://a.test/1");
    assert_eq!(memory.leads("https://a.test/2").await, "https://a.test/9");
    assert_eq!(memory.leads("https://a.test/3").await, "https://a.test/9");
}

#[tokio::test]
async fn what_is_remembered_has_an_end() {
    let memory = memory(|builder| builder.heuristic(Duration::from_secs(100)));
    memory.learn("https://a.test/1", "https://a.test/2").await;
    memory.clock.advance(99);
    assert_eq!(memory.leads("https://a.test/1").await, "https://a.test/2");
    memory.clock.advance(1);
    assert_eq!(memory.leads("https://a.test/1").await, "https://a.test/1");
    assert!(memory.cache.is_empty(), "what is stale is thrown away when it is found");
}

/// What a server says of its whole site, it may say with any response.
#[tokio::test]
async fn a_redirect_may_clear_its_site() {
    let memory = default_memory();
    memory.learn("https://a.test/1", "https://b.test/2").await;
    memory.learn("https://a.test:8443/1", "https://b.test/2").await;
    memory.learn("https://b.test/1", "https://b.test/2").await;
    let mut call = memory.get("https://a.test/3");
    let mut answer: Response<_> = redirect(302, "/4");
    answer.headers_mut().insert("clear-site-data", "\"cache\"".parse().unwrap());
    call.next().await.answer(answer);
    call.end_with_ok().await;
    assert_eq!(memory.leads("https://a.test/1").await, "https://a.test/1");
    assert_eq!(memory.leads("https://a.test:8443/1").await, "https://b.test/2");
    assert_eq!(memory.leads("https://b.test/1").await, "https://b.test/2");
}

/// The server's last word on a URI is what counts, in one call too.
#[tokio::test]
async fn what_the_same_call_contradicts_is_not_remembered() {
    // There and back, with a cookie that makes the second request another one.
    let memory = default_memory();
    let cookie = policy::redirect_fn(|attempt| {
        attempt.set_header(header::COOKIE, HeaderValue::from_static("s=1"));
        Decision::Follow
    });
    let layer = FollowRedirectLayer::new().with_policy(cookie.and(memory.cache.clone()));
    let mut call = Call::start(layer, get("https://a.test/x"));
    call.next().await.redirect(308, "/login");
    call.next().await.redirect(302, "/x");
    call.end_with_ok().await;
    assert!(memory.cache.is_empty());

    let mut call = memory.get("https://a.test/x");
    call.next().await.redirect(308, "/y");
    let mut answer = ok();
    answer.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    call.next().await.answer(answer);
    call.end().await.unwrap();
    assert!(memory.cache.is_empty());
}

#[tokio::test]
async fn a_slow_call_does_not_bring_back_what_was_replaced() {
    let memory = default_memory();
    let mut slow = memory.get("https://a.test/x");
    slow.next().await.redirect(308, "https://old.test/");
    let late = slow.next().await;
    memory.clock.advance(30);
    memory.learn("https://a.test/x", "https://new.test/").await;
    late.answer(ok());
    slow.end().await.unwrap();
    assert_eq!(memory.leads("https://a.test/x").await, "https://new.test/");

    // A snapshot does not, either.
    let older = default_memory();
    older.learn("https://a.test/x", "https://old.test/").await;
    memory.cache.restore(older.cache.snapshot());
    assert_eq!(memory.leads("https://a.test/x").await, "https://new.test/");
}

#[tokio::test]
async fn a_slow_call_does_not_bring_back_what_was_invalidated() {
    let memory = default_memory();
    let mut slow = memory.get("https://a.test/x");
    slow.next().await.redirect(308, "https://old.test/");
    let late = slow.next().await;
    // RFC 9111 §4.4.
    let mut put = Call::start(memory.layer(), send("PUT", "https://a.test/x", ""));
    put.next().await.answer(ok());
    put.end().await.unwrap();
    late.answer(ok());
    slow.end().await.unwrap();
    assert!(memory.cache.is_empty());
}

/// A gateway sends on what it got, with its `Host`: what one virtual host redirects says nothing of others.
#[tokio::test]
async fn a_redirect_is_of_the_host_that_was_asked() {
    let memory = default_memory();
    let ask = |host: &'static str| {
        let mut request = get("https://backend.test/x");
        request.headers_mut().insert(header::HOST, HeaderValue::from_static(host));
        Call::start(memory.layer(), request)
    };
    let mut call = ask("one.test");
    call.next().await.redirect(308, "https://one.test/moved");
    call.end_with_ok().await;
    assert!(memory.cache.is_empty());
    // The URI's own is known, and is not theirs.
    let mut call = ask("BACKEND.test:443");
    call.next().await.redirect(308, "/moved");
    call.end_with_ok().await;
    let mut call = ask("two.test");
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://backend.test/x");
    hop.answer(ok());
    call.end().await.unwrap();
}

/// A signer inside adds what the caller's request did not have (RFC 9111 §3.5).
#[tokio::test]
async fn the_answer_to_a_request_that_was_signed_inside_is_not_for_all() {
    for (is_public, kept) in [(false, 0), (true, 1)] {
        let memory = default_memory();
        let mut call = Call::start(memory.layer(), get("https://a.test/1"));
        let mut answer = redirect(308, "https://a.test/2");
        answer.extensions_mut().insert(SignedWith::region("us-east-1"));
        if is_public {
            let public = HeaderValue::from_static("public, max-age=60");
            answer.headers_mut().insert(header::CACHE_CONTROL, public);
        }
        call.next().await.answer(answer);
        call.end_with_ok().await;
        assert_eq!(memory.cache.len(), kept);
    }
}
