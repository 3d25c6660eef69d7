//! Calls that a memory leads somewhere: circles, uploads, and the way back.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use tower_follow_redirect::{
    History, Policy, RefusalKind,
    policy::{Attempt, Decision, permanent::Methods, redirect_fn},
};

use super::{default_memory, hops, layer, memory, play};
use crate::support::{
    body::Pieces,
    get,
    step::{Call, ok, redirect, send, status},
};

#[tokio::test]
async fn a_remembered_hop_is_in_the_history() {
    let memory = default_memory();
    memory.learn("https://a.test/1", "https://b.test/2#there").await;
    let mut call = memory.get("https://a.test/1");
    call.next().await.redirect(302, "/3");
    let response = call.end_with_ok().await;
    let expected = [("https://a.test/1".to_owned(), true), ("https://b.test/2".to_owned(), false)];
    assert_eq!(hops(&response), expected);
    let history = History::of(&response).unwrap();
    assert_eq!(history.hops()[0].status(), 308);
    assert_eq!(history.hops()[1].fragment(), Some("there"));
    let permanent = history.permanent_target().unwrap();
    assert_eq!(permanent.uri(), "https://b.test/2");
}

#[tokio::test]
async fn a_circle_with_a_live_hop_ends_at_the_server() {
    for detects in [false, true] {
        let memory = default_memory();
        memory.learn("https://b.test/2", "https://a.test/1").await;
        memory.learn("https://a.test/3", "https://b.test/4").await;
        let layer = || match detects {
            true => memory.layer().detect_loops(),
            false => memory.layer(),
        };
        // What leads back is remembered, and wrong by now.
        let call = Call::start(layer(), get("https://a.test/1"));
        let to_b = Some("https://b.test/2");
        let (answers, expected): (&[_], &[_]) = match detects {
            true => (&[to_b, None], &["https://a.test/1", "https://b.test/2"]),
            false => {
                (&[to_b, to_b, None], &["https://a.test/1", "https://a.test/1", "https://b.test/2"])
            }
        };
        assert_eq!(play(call, answers).await, expected);
        assert_eq!(memory.leads("https://b.test/2").await, "https://b.test/2");

        // The server has moved back what is remembered as moved.
        let call = Call::start(layer(), get("https://a.test/3"));
        let uris = play(call, &[Some("https://a.test/3"), None]).await;
        assert_eq!(uris, ["https://b.test/4", "https://a.test/3"], "{detects}");
        assert!(memory.cache.is_empty());
    }
}

/// A server that cannot answer now contradicts nothing; the circle does.
#[tokio::test]
async fn what_closes_a_circle_is_forgotten_whatever_the_server_says() {
    let memory = default_memory();
    memory.learn("https://b.test/2", "https://a.test/1").await;
    let mut call = memory.get("https://a.test/1");
    call.next().await.redirect(302, "https://b.test/2");
    call.next().await.redirect(302, "https://b.test/2");
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://b.test/2");
    hop.answer(status(503));
    assert_eq!(call.end().await.unwrap().status(), 503);
    assert!(memory.cache.is_empty());
}

/// The whole walk is forgotten, also what leads into the circle.
#[tokio::test]
async fn a_circle_in_the_memory_is_forgotten() {
    for detects in [false, true] {
        let memory = default_memory();
        memory.learn("https://a.test/1", "https://a.test/2").await;
        memory.learn("https://a.test/3", "https://a.test/2").await;
        // One call would learn of the contradiction.
        let other = default_memory();
        other.learn("https://a.test/2", "https://a.test/3").await;
        assert_eq!(memory.cache.restore(other.cache.snapshot()), 1);
        let layer = match detects {
            true => memory.layer().detect_loops(),
            false => memory.layer(),
        };
        let mut call = Call::start(layer, get("https://a.test/1"));
        let hop = call.next().await;
        assert_eq!(hop.uri(), "https://a.test/1", "{detects}");
        hop.answer(ok());
        assert!(hops(&call.end().await.unwrap()).is_empty());
        assert!(memory.cache.is_empty());
    }
}

/// What the server itself sends round and round is a loop.
#[tokio::test]
async fn a_live_circle_behind_a_remembered_hop_is_refused() {
    let memory = default_memory();
    memory.learn("https://a.test/1", "https://b.test/2").await;
    let mut call = Call::start(memory.layer().detect_loops(), get("https://a.test/1"));
    call.next().await.redirect(302, "/3");
    call.next().await.redirect(302, "/2");
    let error = call.end().await.unwrap_err();
    assert!(!error.refusal().unwrap().is_from_cache());
    assert_eq!(error.refusal().unwrap().kind(), RefusalKind::Loop);
}

#[tokio::test]
async fn an_upload_goes_to_the_new_uri_at_once() {
    let memory = memory(|builder| builder.methods(Methods::Any308));
    let mut call = Call::start(memory.layer(), send("PUT", "https://a.test/1", "ha ha"));
    call.next().await.redirect(308, "https://b.test/2");
    let mut hop = call.next().await;
    assert_eq!(hop.content().await, "ha ha");
    hop.answer(ok());
    call.end().await.unwrap();

    let (pieces, body) = Pieces::new();
    for piece in ["ha ", "ha"] {
        pieces.send(Bytes::from_static(piece.as_bytes())).unwrap();
    }
    drop(pieces);
    let request = Request::put("https://a.test/1").body(body).unwrap();
    let mut call = Call::start(memory.layer().replay_limit(0), request);
    let mut hop = call.next().await;
    assert_eq!(hop.line(), "PUT https://b.test/2");
    assert_eq!(hop.content().await, "ha ha");
    // Whatever it is answered with, it is not sent again.
    memory.clock.advance(60);
    hop.answer(status(404));
    assert_eq!(call.end().await.unwrap().status(), 404);
    assert_eq!(memory.leads("https://a.test/1").await, "https://b.test/2");
}

/// A target that does not answer in the time of the call has failed, too: the next call asks the server.
#[tokio::test(start_paused = true)]
async fn a_target_that_says_nothing_in_time_is_not_asked_for_ever() {
    let memory = default_memory();
    memory.learn("https://a.test/1", "https://b.test/2").await;
    memory.clock.advance(60);
    let layer = || memory.layer().total_time(Duration::from_secs(1));
    let mut call = Call::start(layer(), get("https://a.test/1"));
    let never_answered = call.next().await;
    assert_eq!(never_answered.uri(), "https://b.test/2");
    assert!(call.end().await.is_err());
    let mut call = Call::start(layer(), get("https://a.test/1"));
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://a.test/1");
    hop.answer(ok());
    assert_eq!(call.end().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_target_that_fails_sends_a_get_back_once_in_a_minute() {
    for (age, falls_back) in [(59, false), (60, true)] {
        for fails in ["error", "404", "410", "421"] {
            let memory = default_memory();
            memory.learn("https://a.test/1", "https://b.test/2").await;
            memory.clock.advance(age);
            let mut call = memory.get("https://a.test/1");
            let hop = call.next().await;
            assert_eq!(hop.uri(), "https://b.test/2");
            match fails {
                "error" => hop.fail("connection refused"),
                code => hop.answer(status(code.parse().unwrap())),
            }
            if falls_back {
                let hop = call.next().await;
                assert_eq!(hop.uri(), "https://a.test/1", "{fails}");
                hop.answer(ok());
                assert!(hops(&call.end().await.unwrap()).is_empty());
                assert!(memory.cache.is_empty(), "{fails}");
                continue;
            }
            let end = call.end().await;
            assert_eq!(end.is_err(), fails == "error");
            assert_eq!(memory.cache.len(), 1, "{fails}");
        }
    }
}

/// Other errors are about the request, or over soon.
#[tokio::test]
async fn no_other_answer_sends_it_back() {
    for code in [400, 401, 403, 408, 425, 429, 500, 502, 503, 504] {
        let memory = default_memory();
        memory.learn("https://a.test/1", "https://b.test/2").await;
        memory.clock.advance(100);
        let mut call = memory.get("https://a.test/1");
        call.next().await.answer(status(code));
        assert_eq!(call.end().await.unwrap().status(), code);
        assert_eq!(memory.leads("https://a.test/1").await, "https://b.test/2");
    }
}

/// One that is young may have just been repaired.
#[tokio::test]
async fn all_that_led_there_must_be_a_minute_old() {
    for (first, second) in [(60, 59), (0, 60), (60, 60)] {
        let memory = default_memory();
        memory.learn("https://a.test/1", "https://a.test/2").await;
        memory.clock.advance(first);
        memory.learn("https://a.test/2", "https://a.test/3").await;
        memory.clock.advance(second);
        let mut call = memory.get("https://a.test/1");
        call.next().await.answer(status(404));
        if first + second >= 60 && second >= 60 {
            let hop = call.next().await;
            assert_eq!(hop.uri(), "https://a.test/1");
            hop.answer(ok());
        }
        call.end().await.unwrap();
        assert_eq!(memory.cache.is_empty(), second >= 60, "{first} {second}");
    }
}

/// What the server has led to is its own affair.
#[tokio::test]
async fn a_target_that_fails_after_a_live_hop_sends_nothing_back() {
    let memory = default_memory();
    memory.learn("https://a.test/1", "https://b.test/2").await;
    memory.clock.advance(100);
    let mut call = memory.get("https://a.test/1");
    call.next().await.redirect(302, "/3");
    call.next().await.answer(status(404));
    assert_eq!(call.end().await.unwrap().status(), 404);
    assert_eq!(memory.leads("https://a.test/1").await, "https://b.test/2");
}

/// The memory is set aside for the rest of the call; what is learned then is kept.
#[tokio::test]
async fn after_the_way_back_nothing_is_recalled_but_all_is_learned() {
    let memory = default_memory();
    memory.learn("https://a.test/1", "https://b.test/2").await;
    memory.learn("https://c.test/3", "https://c.test/4").await;
    memory.clock.advance(60);
    let mut request = get("https://a.test/1");
    request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("of a"));
    let mut call = Call::start(memory.layer(), request);
    let hop = call.next().await;
    assert_eq!(hop.field("authorization"), None);
    hop.answer(status(404));
    let hop = call.next().await;
    assert_eq!(hop.field("authorization"), Some("of a"));
    let mut moved = redirect(308, "https://c.test/3");
    moved.headers_mut().insert(header::CACHE_CONTROL, "public".parse().unwrap());
    hop.answer(moved);
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://c.test/3");
    hop.answer(ok());
    let response = call.end().await.unwrap();
    assert_eq!(hops(&response), [("https://a.test/1".to_owned(), false)]);
    assert_eq!(memory.leads("https://a.test/1").await, "https://c.test/3");
}

/// The server's own answer is handed back, and is what counts.
#[tokio::test]
async fn where_a_policy_stops_a_remembered_redirect_the_server_is_asked() {
    let memory = default_memory();
    memory.learn("https://a.test/1", "https://a.test/2").await;
    let stops = redirect_fn(|attempt: &mut Attempt<'_>| match attempt.is_from_cache() {
        true => Decision::Stop,
        false => Decision::Pass,
    });
    let mut call = Call::start(layer(memory.cache.clone().and(stops)), get("https://a.test/1"));
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://a.test/1");
    hop.answer(ok());
    call.end().await.unwrap();
    assert!(memory.cache.is_empty());
}
