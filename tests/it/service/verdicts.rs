//! What a policy can say, and what it does to the next request.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty};
use tokio::sync::{mpsc, oneshot};
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{
    FollowRedirectLayer, Fragment, History, HopOutcome, Policy, RefusalKind, ReplayBody, Target,
    policy::{self, Answer, Attempt, Decision, HttpsOnly, Limited, SameOrigin, Standard, Verdict},
};
use tower_test::mock;

use crate::support::{
    body::Pieces,
    get,
    step::{Call, ok, reason, redirect, refused},
    text,
};

type NoBody = Empty<Bytes>;

fn bearer() -> Request<NoBody> {
    let mut request = get("https://a.test/1");
    request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("of a"));
    request
}

/// The types of a closure's arguments are inferred, wherever it stands.
#[tokio::test]
async fn closures_and_boxes_compose_without_a_turbofish() {
    let boxed: Box<dyn Policy> = Box::new(Limited::new(3));
    let shared: Arc<dyn Policy> = Arc::new(HttpsOnly);
    let policy = policy::redirect_fn(|attempt| match attempt.target() {
        Ok(target) if target.uri().path() == "/stop" => Decision::Stop,
        _ => Decision::Pass,
    })
    .and(boxed)
    .and(&SameOrigin)
    .or(shared)
    .or(policy::redirect_fn(|_| Verdict::ask(async { Decision::Follow })))
    .or(Decision::Stop);
    let layer = FollowRedirectLayer::new().with_policy(policy);
    let mut call = Call::start(layer, get("https://a.test/1"));
    call.next().await.redirect(302, "/2");
    call.next().await.redirect(302, "/stop");
    assert_eq!(reason(&call.end().await.unwrap()), Some(RefusalKind::Policy));
}

/// A policy can be borrowed, and sees as many calls as there are.
#[tokio::test]
async fn one_policy_serves_calls_at_once() {
    let layer = FollowRedirectLayer::new().with_policy(Limited::new(1));
    let mut first = Call::start(layer.clone(), get("http://a.test/1"));
    let mut second = Call::start(layer, get("http://a.test/1"));
    first.next().await.redirect(302, "/2");
    second.next().await.redirect(302, "/2");
    first.next().await.redirect(302, "/3");
    second.end_with_ok().await;
    assert_eq!(refused(&first.end().await.unwrap_err()), Some(RefusalKind::TooManyRedirects));
}

/// Credentials that are kept on one hop are there to be removed on the next.
#[tokio::test]
async fn credentials_are_granted_for_one_hop() {
    let policy = policy::redirect_fn(|attempt| {
        match attempt.target().ok().and_then(|target| target.uri().host()) {
            Some("b.test") => Decision::FollowWithCredentials,
            _ => Decision::Pass,
        }
    });
    let mut call = Call::start(FollowRedirectLayer::new().with_policy(policy), bearer());
    call.next().await.redirect(302, "https://b.test/");
    let granted = call.next().await;
    assert_eq!(granted.field("authorization"), Some("of a"));
    granted.redirect(302, "https://c.test/");
    let stripped = call.next().await;
    assert_eq!(stripped.field("authorization"), None);
    // Nothing is left to grant.
    stripped.redirect(302, "https://b.test/");
    assert_eq!(call.next().await.field("authorization"), None);
}

/// It is a credential for that origin: the next one must not see it, and nobody gets the old one
/// back.
#[tokio::test]
async fn a_value_that_a_policy_sets_is_gone_at_the_next_origin() {
    for name in [header::AUTHORIZATION, HeaderName::from_static("x-note")] {
        let set = name.clone();
        let policy = policy::redirect_fn(move |attempt| {
            if attempt.hops().is_empty() {
                attempt.set_header(set.clone(), HeaderValue::from_static("for b"));
            }
            Decision::FollowWithCredentials
        });
        let mut request = bearer();
        request.headers_mut().insert("x-note", HeaderValue::from_static("of a"));
        let mut call = Call::start(FollowRedirectLayer::new().with_policy(policy), request);
        call.next().await.redirect(302, "https://b.test/1");
        let second = call.next().await;
        assert_eq!(second.head.headers[&name], "for b");
        second.redirect(302, "/2");
        let within = call.next().await;
        assert_eq!(within.head.headers[&name], "for b");
        within.redirect(302, "https://c.test/");
        let third = call.next().await;
        assert_eq!(third.head.headers.get(&name), None);
        third.redirect(302, "https://a.test/");
        assert_eq!(call.next().await.head.headers.get(&name), None);
    }
}

#[tokio::test]
async fn an_answer_may_come_late_and_edit_the_request() {
    let (answer, asked) = oneshot::channel::<Answer>();
    let asked = Mutex::new(Some(asked));
    let policy = policy::redirect_fn(move |attempt| {
        attempt.strip_header(header::ACCEPT);
        let asked = asked.lock().unwrap().take().unwrap();
        Verdict::ask(async move { asked.await.unwrap() })
    });
    let (inner, mut handle) = mock::pair::<Request<ReplayBody<NoBody>>, _>();
    let mut request = bearer();
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    request.headers_mut().insert("x-mine", HeaderValue::from_static("1"));
    let service = FollowRedirectLayer::new().with_policy(policy.and(Standard)).layer(inner);
    let mut call = pin!(service.oneshot(request));
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(cx).is_pending());
    let (_, first) = handle.next_request().await.unwrap();
    first.send_response(redirect(302, "https://b.test/"));
    assert!(call.as_mut().poll(cx).is_pending());
    assert!(handle.poll_request().is_pending(), "nothing is sent without an answer");
    let token = HeaderValue::from_static("for b");
    let late = Answer::from(Decision::Follow)
        .set_header(header::AUTHORIZATION, token)
        .strip_header(HeaderName::from_static("x-mine"));
    assert!(answer.send(late).is_ok());
    assert!(call.as_mut().poll(cx).is_pending());
    let (request, _) = handle.next_request().await.unwrap();
    assert_eq!(request.headers().len(), 1);
    assert_eq!(request.headers()[header::AUTHORIZATION], "for b");
}

#[tokio::test]
async fn an_answer_may_stop_or_fail() {
    for (decision, fails) in [(Decision::Stop, false), (Decision::fail("no"), true)] {
        let policy = policy::redirect_fn(move |_| {
            let decision = decision.clone();
            Verdict::ask(async { decision })
        });
        let mut call = Call::start(FollowRedirectLayer::new().with_policy(policy), bearer());
        call.next().await.redirect(302, "/2");
        let end = call.end().await;
        assert_eq!(end.is_err(), fails);
        let response = end.or_else(|error| error.into_response().ok_or(())).unwrap();
        assert_eq!(reason(&response), Some(RefusalKind::Policy));
        assert_eq!(text(response).await, "see there");
    }
}

/// The prompt is spared where nobody follows anyway.
#[tokio::test]
async fn a_stop_prevents_the_question() {
    let prompt =
        || policy::redirect_fn(|_| Verdict::ask(async { panic!("nobody is asked") as Decision }));
    let table: [Box<dyn Policy>; 3] = [
        Box::new(prompt().and(Decision::Stop)),
        Box::new(Decision::Stop.and(prompt())),
        Box::new(Decision::Follow.or(prompt()).and(SameOrigin)),
    ];
    for policy in table {
        let mut call = Call::start(FollowRedirectLayer::new().with_policy(policy), bearer());
        call.next().await.redirect(302, "https://b.test/");
        assert_eq!(reason(&call.end().await.unwrap()), Some(RefusalKind::Policy));
    }
}

/// Decides by what the body says, as for S3's XML.
fn peeking(limit: usize, seen: mpsc::UnboundedSender<Vec<u8>>) -> impl Policy {
    policy::redirect_fn(move |attempt| match attempt.peeked() {
        None => Verdict::Peek(limit),
        Some(body) => {
            seen.send(body.to_vec()).unwrap();
            if body.starts_with(b"<go>") { Decision::Follow } else { Decision::Stop }.into()
        }
    })
}

#[tokio::test]
async fn a_policy_peeks_into_the_body_and_the_caller_still_gets_it_whole() {
    let (sender, mut seen) = mpsc::unbounded_channel();
    for (limit, expected) in [(0, ""), (3, "see"), (9, "see there"), (100, "see there")] {
        let layer = FollowRedirectLayer::new().with_policy(peeking(limit, sender.clone()));
        let mut call = Call::start(layer, bearer());
        call.next().await.redirect(302, "/2");
        let response = call.end().await.unwrap();
        assert_eq!(reason(&response), Some(RefusalKind::Policy));
        assert_eq!(seen.recv().await.unwrap(), expected.as_bytes());
        assert_eq!(text(response).await, "see there", "{limit}");
    }
}

#[tokio::test]
async fn a_body_that_arrives_in_pieces_is_peeked_into_and_given_back() {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let (inner, mut handle) = mock::pair::<Request<ReplayBody<NoBody>>, Response<Pieces>>();
    let service = FollowRedirectLayer::new().with_policy(peeking(6, sender)).layer(inner);
    let mut call = pin!(service.oneshot(bearer()));
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(cx).is_pending());
    let (_, first) = handle.next_request().await.unwrap();
    let (pieces, body) = Pieces::new();
    let response = Response::builder().status(307).header(header::LOCATION, "/2");
    first.send_response(response.body(body).unwrap());
    for piece in ["<", "no>"] {
        assert!(call.as_mut().poll(cx).is_pending());
        pieces.send(piece.into()).unwrap();
    }
    assert!(call.as_mut().poll(cx).is_pending());
    assert!(seen.try_recv().is_err(), "it wants 6 bytes");
    pieces.send("denied".into()).unwrap();
    let Poll::Ready(Ok(response)) = call.as_mut().poll(cx) else { panic!("it has seen enough") };
    assert_eq!(seen.recv().await.unwrap(), b"<no>de");
    pieces.send(", for ever".into()).unwrap();
    drop(pieces);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "<no>denied, for ever");
}

#[tokio::test]
async fn a_redirect_is_followed_for_what_its_body_says() {
    let (sender, _seen) = mpsc::unbounded_channel();
    let (inner, mut handle) = mock::pair::<Request<ReplayBody<NoBody>>, Response<Pieces>>();
    let service = FollowRedirectLayer::new().with_policy(peeking(4, sender)).layer(inner);
    let task = tokio::spawn(service.oneshot(bearer()));
    let (_, first) = handle.next_request().await.unwrap();
    let (pieces, body) = Pieces::new();
    let response = Response::builder().status(307).header(header::LOCATION, "/2");
    first.send_response(response.body(body).unwrap());
    pieces.send("<go>, and more".into()).unwrap();
    drop(pieces);
    let (request, _) = handle.next_request().await.unwrap();
    assert_eq!(request.uri().path(), "/2");
    task.abort();
}

/// A server that never finishes its body does not hold the call for ever.
#[tokio::test(start_paused = true)]
async fn a_peek_ends_after_five_seconds() {
    let (sender, mut seen) = mpsc::unbounded_channel();
    let (inner, mut handle) = mock::pair::<Request<ReplayBody<NoBody>>, Response<Pieces>>();
    let service = FollowRedirectLayer::new().with_policy(peeking(100, sender)).layer(inner);
    let task = tokio::spawn(service.oneshot(bearer()));
    let (_, first) = handle.next_request().await.unwrap();
    let (pieces, body) = Pieces::new();
    let response = Response::builder().status(307).header(header::LOCATION, "/2");
    first.send_response(response.body(body).unwrap());
    pieces.send("<slow>".into()).unwrap();
    let begun = tokio::time::Instant::now();
    let response = task.await.unwrap().unwrap();
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert_eq!(seen.recv().await.unwrap(), b"<slow>");
    drop(pieces);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "<slow>");
}

/// It would never end.
#[tokio::test]
async fn a_second_peek_is_refused() {
    let policy = policy::redirect_fn(|_| Verdict::Peek(4));
    let mut call = Call::start(FollowRedirectLayer::new().with_policy(policy), bearer());
    call.next().await.redirect(302, "/2");
    let error = call.end().await.unwrap_err();
    assert_eq!(refused(&error), Some(RefusalKind::Policy));
    assert_eq!(text(error.into_response().unwrap()).await, "see there");
}

/// What a policy keeps for a call is there at the next hop, and not in the next call.
#[tokio::test]
async fn a_policy_remembers_during_one_call() {
    #[derive(Clone)]
    struct Approved;

    let policy = policy::redirect_fn(|attempt| {
        if attempt.call_state().insert(Approved).is_some() {
            Decision::Stop
        } else {
            Decision::Follow
        }
    });
    let layer = FollowRedirectLayer::new().with_policy(policy);
    for _ in 0..2 {
        let mut call = Call::start(layer.clone(), bearer());
        call.next().await.redirect(302, "/2");
        let second = call.next().await;
        assert!(second.head.extensions.get::<Approved>().is_none());
        second.redirect(302, "/3");
        assert_eq!(reason(&call.end().await.unwrap()), Some(RefusalKind::Policy));
    }
}

/// Where the second of two policies names another target, the first is asked again, and only what
/// it says of that target counts.
#[tokio::test]
async fn a_value_for_one_target_does_not_go_to_another() {
    let sign = || {
        policy::redirect_fn(|attempt| {
            let target = attempt.target().unwrap().uri().host();
            if target == Some("b.test") {
                attempt.set_header(header::AUTHORIZATION, HeaderValue::from_static("for b"));
            }
            Decision::Pass
        })
    };
    let lead_away = || {
        policy::redirect_fn(|attempt| {
            let uri = "https://c.test/".parse().unwrap();
            attempt.set_target(Target::new(uri, None).unwrap());
            Decision::Follow
        })
    };
    let table: [(&str, Box<dyn Policy>); 2] = [
        ("sign and lead away", Box::new(sign().and(lead_away()))),
        ("lead away and sign", Box::new(lead_away().and(sign()))),
    ];
    for (name, policy) in table {
        let mut call = Call::start(FollowRedirectLayer::new().with_policy(policy), bearer());
        call.next().await.redirect(302, "https://b.test/");
        let second = call.next().await;
        assert_eq!(second.uri(), "https://c.test/", "{name}");
        assert_eq!(second.field("authorization"), None, "{name}");
    }
}

/// A target that comes with an answer was not seen by the policies beside it.
#[tokio::test]
async fn a_guard_is_not_led_around_by_an_answer() {
    let lead_away = || {
        policy::redirect_fn(|attempt| {
            let uri = "http://b.test/".parse().unwrap();
            attempt.set_target(Target::new(uri, None).unwrap());
            Verdict::ask(async { Decision::Follow })
        })
        .or(Standard)
    };
    let table: [(&str, Box<dyn Policy>); 4] = [
        ("lead away and https only", Box::new(lead_away().and(HttpsOnly))),
        ("https only and lead away", Box::new(HttpsOnly.and(lead_away()))),
        ("lead away and same origin", Box::new(lead_away().and(SameOrigin))),
        ("same origin and lead away", Box::new(SameOrigin.and(lead_away()))),
    ];
    for (name, policy) in table {
        let mut call = Call::start(FollowRedirectLayer::new().with_policy(policy), bearer());
        call.next().await.redirect(302, "/2");
        let error = call.end().await.expect_err(name);
        assert_eq!(refused(&error), Some(RefusalKind::Policy), "{name}");
    }
}

/// A target that is named and not meant (the policy passes) binds nobody.
#[tokio::test]
async fn a_target_of_a_policy_that_passes_does_not_count() {
    let lead = |to: &'static str, decision: Decision| {
        policy::redirect_fn(move |attempt| {
            attempt.set_target(Target::new(to.parse().unwrap(), None).unwrap());
            decision.clone()
        })
    };
    let dropped = lead("https://b.test/", Decision::Pass).or(Standard);
    let policy = dropped.and(lead("https://c.test/", Decision::Follow));
    let mut call = Call::start(FollowRedirectLayer::new().with_policy(policy), bearer());
    call.next().await.redirect(302, "/2");
    assert_eq!(call.next().await.uri(), "https://c.test/");
}

/// The second of two policies wants to see more than the first.
#[tokio::test]
async fn a_longer_peek_may_follow_a_shorter_one() {
    let peek = |bytes: usize, decision: Decision| {
        policy::redirect_fn(move |attempt| match attempt.peeked() {
            Some(seen) if seen.len() >= bytes || seen == b"moved" => {
                Verdict::from(decision.clone())
            }
            _ => Verdict::Peek(bytes),
        })
    };
    let server = tower::service_fn(|request: Request<ReplayBody<Empty<Bytes>>>| async move {
        let moved = request.uri().path() == "/old";
        let response = Response::builder().status(if moved { 302 } else { 200 });
        let response = response.header(header::LOCATION, "/new");
        Ok::<_, tower::BoxError>(response.body(http_body_util::Full::<Bytes>::from("moved"))?)
    });
    for (second, status) in [(4, 200), (50, 200)] {
        let policy = peek(2, Decision::Pass).or(peek(second, Decision::Follow));
        let client = FollowRedirectLayer::new().with_policy(policy).layer(server);
        let response = client.oneshot(get("http://a.test/old")).await.unwrap();
        assert_eq!(response.status(), status, "{second}");
    }
}

/// Who asks for ever to see more than there is does not get an answer for ever.
#[tokio::test]
async fn a_peek_that_can_show_no_more_is_refused() {
    let policy = policy::redirect_fn(|_| Verdict::Peek(100));
    let server = tower::service_fn(|_: Request<ReplayBody<Empty<Bytes>>>| async move {
        let response = Response::builder().status(302).header(header::LOCATION, "/new");
        Ok::<_, tower::BoxError>(response.body(http_body_util::Full::<Bytes>::from("moved"))?)
    });
    let client = FollowRedirectLayer::new().with_policy(policy).layer(server);
    let error = client.oneshot(get("http://a.test/old")).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().kind(), RefusalKind::Policy);
}

/// RFC 9110 §10.2.2, for a target that a policy names.
#[tokio::test]
async fn a_target_of_a_policy_inherits_the_fragment_unless_it_has_one() {
    for (fragment, expected) in [(None, "intro"), (Some("other"), "other")] {
        let policy = policy::redirect_fn(move |attempt| {
            let uri = "https://a.test/there".parse().unwrap();
            attempt.set_target(Target::new(uri, fragment).unwrap());
            Decision::Follow
        });
        let told = Arc::new(Mutex::new(None));
        let observed = Arc::clone(&told);
        let layer = FollowRedirectLayer::new().with_policy(policy).observe(move |event| {
            if let HopOutcome::Followed(target) = event.outcome() {
                *observed.lock().unwrap() = target.fragment().map(str::to_owned);
            }
        });
        let mut request = get("https://a.test/");
        request.extensions_mut().insert(Fragment::new("intro"));
        let mut call = Call::start(layer, request);
        call.next().await.redirect(302, "/here");
        let response = call.end_with_ok().await;
        assert_eq!(History::of(&response).unwrap().fragment(), Some(expected));
        assert_eq!(told.lock().unwrap().as_deref(), Some(expected));
    }
}

/// A policy that wants to see so much of a body, and stops if it sees less.
fn reads(wanted: usize) -> impl Policy {
    policy::redirect_fn(move |attempt| match attempt.peeked() {
        None => Verdict::Peek(wanted),
        Some(seen) if seen.len() < wanted => Decision::Stop.into(),
        Some(_) => Decision::Pass.into(),
    })
}

#[tokio::test]
async fn each_of_two_policies_sees_as_much_of_a_body_as_it_asks_for() {
    /// Claims 301, and so asks the other only what it has against it.
    struct Claims<P>(P);
    impl<P: Policy> Policy for Claims<P> {
        fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
            self.0.redirect(attempt)
        }
        fn claims(&self, status: StatusCode) -> bool {
            status == StatusCode::BAD_REQUEST
        }
    }
    // "see there" is nine bytes long.
    let policies: [(Box<dyn Policy>, u16); 5] = [
        (Box::new(reads(1).or(reads(9))), 302),
        (Box::new(reads(9).or(reads(1))), 302),
        (Box::new(reads(1).and(reads(9))), 302),
        (Box::new(Claims(reads(1)).and(reads(9))), 302),
        (Box::new(Claims(reads(1)).and(reads(9))), 400),
    ];
    for (index, (policy, status)) in policies.into_iter().enumerate() {
        let keeps_target = policy::redirect_fn(|attempt| {
            let target = attempt.target().cloned().unwrap();
            attempt.set_target(target);
            Decision::Follow
        });
        let layer = FollowRedirectLayer::new().with_policy(policy.or(Claims(keeps_target)));
        let mut call = Call::start(layer, get("http://a.test/1"));
        call.next().await.redirect(status, "/2");
        let next = call.next().await;
        assert_eq!(next.uri(), "http://a.test/2", "{index}");
        next.answer(ok());
        call.end().await.unwrap();
    }
}

#[tokio::test]
async fn a_path_that_a_policy_names_stays_on_the_server() {
    let path = policy::redirect_fn(|attempt| {
        attempt.set_target(Target::new(Uri::from_static("/y"), None).unwrap());
        Decision::Follow
    });
    let layer = FollowRedirectLayer::new().with_policy(path.and(SameOrigin));
    let mut call = Call::start(layer, bearer());
    call.next().await.redirect(301, "/x");
    let next = call.next().await;
    assert_eq!(next.uri(), "https://a.test/y");
    assert_eq!(next.field("authorization"), Some("of a"));
    next.answer(ok());
    let response = call.end().await.unwrap();
    // The server has not said so.
    assert!(History::of(&response).unwrap().permanent_target().is_none());
}
