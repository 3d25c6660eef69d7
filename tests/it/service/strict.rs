//! `StrictConfirm`: RFC 2616's question.

use std::{
    error::Error as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{HeaderName, HeaderValue, Method, Uri, header};
use tokio::sync::oneshot;
use tower::{BoxError, ServiceBuilder, service_fn};
use tower_follow_redirect::{
    ExpectContinue, FollowRedirectLayer, Policy, Refusal, RefusalKind, ReplayLimit, Target,
    policy::{
        self, Decision, HttpsOnly, Standard, StrictConfirm, Verdict,
        strict::{Confirmation, Consent, Doubt, NotConfirmed},
    },
};

use crate::support::{
    body::{Length, OneShot},
    step::{Call, ok, reason, redirect, refused, send},
};

/// What was asked.
type Asked = Arc<Mutex<Vec<Confirmation>>>;

/// Answers every question alike, and notes it.
fn answering(answer: fn() -> Consent) -> (StrictConfirm, Asked) {
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    let policy = StrictConfirm::new(move |confirmation| {
        log.lock().unwrap().push(confirmation);
        async move { answer() }
    });
    (policy, asked)
}

fn layer(policy: &StrictConfirm) -> FollowRedirectLayer<StrictConfirm> {
    FollowRedirectLayer::new().with_policy(policy.clone())
}

fn source(refusal: &Refusal) -> &NotConfirmed {
    refusal.source().and_then(|source| source.downcast_ref()).expect("it was not confirmed")
}

#[tokio::test]
async fn only_what_is_neither_get_nor_head_is_asked_about_and_301_and_302_keep_the_method() {
    // (method, status) -> (the method of the second request, whether it was asked about)
    let table = [
        ("GET", 301, "GET", false),
        ("HEAD", 302, "HEAD", false),
        ("GET", 307, "GET", false),
        ("POST", 301, "POST", true),
        ("POST", 302, "POST", true),
        ("PUT", 302, "PUT", true),
        ("POST", 303, "GET", false),
        ("HEAD", 303, "HEAD", false),
        ("POST", 307, "POST", true),
        ("DELETE", 308, "DELETE", true),
        ("OPTIONS", 307, "OPTIONS", true),
    ];
    for (method, status, next, is_asked) in table {
        let (policy, asked) = answering(|| Consent::Yes);
        let mut call = Call::start(layer(&policy), send(method, "http://a.test/1", "ha ha"));
        call.next().await.redirect(status, "/2");
        let mut second = call.next().await;
        assert_eq!(second.line(), format!("{next} http://a.test/2"), "{method} {status}");
        let content = if status == 303 { "" } else { "ha ha" };
        assert_eq!(second.content().await, content, "{method} {status}");
        second.answer(ok());
        call.end().await.unwrap();
        assert_eq!(asked.lock().unwrap().len(), usize::from(is_asked), "{method} {status}");
    }
}

#[tokio::test]
async fn what_is_not_confirmed_is_handed_back_with_its_reason() {
    let (closed, _) = answering(|| Consent::No);
    let dropped = StrictConfirm::new(|_| {
        // Whoever should answer is gone.
        let (_, answer) = oneshot::channel::<bool>();
        answer
    });
    let failing = StrictConfirm::service(service_fn(|_: Confirmation| async {
        Err::<Decision, BoxError>("no terminal".into())
    }));
    let silent =
        StrictConfirm::service(ServiceBuilder::new().timeout(Duration::from_millis(20)).service(
            service_fn(|_: Confirmation| std::future::pending::<Result<bool, BoxError>>()),
        ));
    let stopping = StrictConfirm::new(|_| async { Decision::stop("not today") });
    let passing = StrictConfirm::new(|_| async { Decision::Pass });
    let table = [
        ("no", closed, None),
        ("dropped", dropped, Some("channel closed")),
        ("failing", failing, Some("no terminal")),
        ("silent", silent, Some("request timed out")),
        ("stopping", stopping, Some("not today")),
        ("passing", passing, None),
    ];
    for (name, policy, why) in table {
        let mut call = Call::start(layer(&policy), send("PUT", "http://a.test/", "x"));
        call.next().await.redirect(307, "http://b.test/");
        let response = call.end().await.unwrap();
        assert_eq!(reason(&response), Some(RefusalKind::Policy), "{name}");
        let refusal = Refusal::of(&response).unwrap();
        let source = source(refusal).source().map(ToString::to_string);
        assert_eq!(source.as_deref(), why, "{name}");
    }
}

#[tokio::test]
async fn a_service_may_answer_with_a_decision() {
    let prompt = service_fn(|confirmation: Confirmation| async move {
        assert_eq!(confirmation.next_method(), Method::PUT);
        Ok::<_, BoxError>(Decision::Follow)
    });
    let policy = StrictConfirm::service(prompt);
    let mut call = Call::start(layer(&policy), send("PUT", "http://a.test/", "x"));
    call.next().await.redirect(307, "http://b.test/");
    assert_eq!(call.next().await.line(), "PUT http://b.test/");
}

#[tokio::test]
async fn an_origin_may_be_confirmed_for_the_rest_of_the_chain() {
    let (policy, asked) = answering(|| Consent::ThisChain);
    for calls in 1..=2 {
        let mut call = Call::start(layer(&policy), send("PUT", "http://a.test/", "x"));
        for location in ["http://b.test/1", "http://b.test/2", "http://c.test/", "http://b.test/3"]
        {
            call.next().await.redirect(307, location);
        }
        call.end_with_ok().await;
        // Each origin once in each call.
        assert_eq!(asked.lock().unwrap().len(), 2 * calls);
    }
}

#[tokio::test]
async fn an_origin_may_be_confirmed_for_a_time() {
    for (time, expected) in [(Duration::from_secs(3600), 1), (Duration::ZERO, 3)] {
        let asked = Arc::new(Mutex::new(0));
        let count = Arc::clone(&asked);
        let policy = StrictConfirm::new(move |_| {
            *count.lock().unwrap() += 1;
            async move { Consent::For(time) }
        });
        for _ in 0..3 {
            let mut call = Call::start(layer(&policy), send("PUT", "http://a.test/", "x"));
            call.next().await.redirect(307, "http://b.test/");
            call.end_with_ok().await;
        }
        assert_eq!(*asked.lock().unwrap(), expected, "{time:?}");
    }
}

#[tokio::test]
async fn whoever_is_asked_sees_both_heads_and_nothing_secret() {
    let (policy, asked) = answering(|| Consent::No);
    let mut request = send("PUT", "http://u:secret@a.test/x?sig=query", "x");
    let mut marked = HeaderValue::from_static("secret");
    marked.set_sensitive(true);
    let secret = HeaderValue::from_static("secret");
    request.headers_mut().insert(header::AUTHORIZATION, secret.clone());
    request.headers_mut().insert("x-tenant", secret);
    request.headers_mut().insert("x-marked", marked);
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    let layer = layer(&policy).sensitive_header(HeaderName::from_static("x-tenant"));
    let mut call = Call::start(layer, request);
    let mut answer = redirect(307, "http://b.test/y?sig=query");
    answer.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static("a=secret"));
    answer.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static("b=secret"));
    call.next().await.answer(answer);
    call.end().await.unwrap();

    let asked = asked.lock().unwrap();
    let [confirmation] = &asked[..] else { panic!("it was asked once") };
    let shown = "307 after PUT http://a.test/x?… to http://b.test/y?…: send PUT there?";
    assert_eq!(confirmation.to_string(), shown);
    assert_eq!(confirmation.doubts(), [Doubt::Method]);
    let head = confirmation.request();
    assert_eq!((&head.method, &*head.uri.to_string()), (&Method::PUT, "http://a.test/x?sig=query"));
    for name in ["authorization", "x-tenant", "x-marked"] {
        assert_eq!(head.headers[name], "[redacted]", "{name}");
    }
    assert_eq!(head.headers[header::ACCEPT], "*/*");
    assert_eq!(confirmation.response().headers[header::LOCATION], "http://b.test/y?sig=query");
    let answer = confirmation.response();
    let cookies: Vec<_> = answer.headers.get_all(header::SET_COOKIE).iter().collect();
    assert_eq!(cookies, ["[redacted]"]);
    assert!(!format!("{confirmation:?} {head:?} {answer:?}").contains("secret"));
}

#[tokio::test]
async fn loops_and_more_than_five_redirects_are_asked_about_whatever_the_method() {
    let (policy, asked) = answering(|| Consent::Yes);
    let mut call = Call::start(layer(&policy), send("GET", "http://a.test/0", ""));
    for number in 1..=6 {
        call.next().await.redirect(302, &format!("/{number}"));
    }
    call.end_with_ok().await;
    let doubts = |asked: &Asked| -> Vec<_> {
        asked.lock().unwrap().drain(..).map(|asked| asked.doubts().to_vec()).collect()
    };
    assert_eq!(doubts(&asked), [[Doubt::ManyRedirects]]);

    let mut call = Call::start(layer(&policy), send("PUT", "http://a.test/0", "x"));
    call.next().await.redirect(307, "/1");
    call.next().await.redirect(307, "/0");
    call.end_with_ok().await;
    assert_eq!(doubts(&asked), [vec![Doubt::Method], vec![Doubt::Method, Doubt::Loop]]);
}

/// A question whose answer changes nothing is not put.
#[tokio::test]
async fn what_would_be_refused_anyway_is_not_asked_about() {
    let (policy, asked) = answering(|| Consent::Yes);
    for location in ["", "http://", "ftp://b.test/"] {
        let mut call = Call::start(layer(&policy), send("PUT", "http://a.test/", "x"));
        call.next().await.redirect(307, location);
        let _ = call.end().await;
    }
    let (body, _) = OneShot::new(10, 2, Length::Known);
    let request = http::Request::put("http://a.test/").extension(ReplayLimit::new(1));
    let layer = layer(&policy).expect_continue(ExpectContinue::off());
    let mut call = Call::start(layer, request.body(body).unwrap());
    let mut first = call.next().await;
    first.content().await;
    first.redirect(307, "/2");
    assert_eq!(refused(&call.end().await.unwrap_err()), Some(RefusalKind::BodyNotReplayable));
    assert_eq!(asked.lock().unwrap().len(), 0);
}

/// A user interface that shows what it is given must not show what is decided already.
#[tokio::test]
async fn nobody_is_asked_where_another_policy_stops() {
    let (strict, asked) = answering(|| Consent::Yes);
    let policy = strict.and(HttpsOnly);
    let layer = FollowRedirectLayer::new().with_policy(policy);
    let mut call = Call::start(layer, send("PUT", "https://a.test/", "x"));
    call.next().await.redirect(307, "http://b.test/");
    call.end().await.unwrap_err();
    assert!(asked.lock().unwrap().is_empty());
}

/// What a question has put off is no way around another policy.
#[tokio::test]
async fn a_method_that_an_answer_brings_is_not_sent_unconfirmed() {
    let asks = || policy::redirect_fn(|_| Verdict::ask(async { Decision::Pass }));
    let keeps = || {
        policy::redirect_fn(|attempt| {
            attempt.keep_method();
            Decision::Follow
        })
    };
    let (strict, _) = answering(|| Consent::No);
    let policies: [Box<dyn Policy>; 2] = [
        Box::new(strict.clone().and(asks().or(keeps()))),
        Box::new(asks().or(keeps()).and(strict)),
    ];
    for policy in policies {
        let layer = FollowRedirectLayer::new().with_policy(policy);
        let mut call = Call::start(layer, send("POST", "https://a.test/", "x"));
        call.next().await.redirect(303, "https://b.test/");
        call.end().await.unwrap_err();
    }
}

#[tokio::test]
async fn nobody_is_asked_about_what_the_limit_refuses() {
    let (policy, asked) = answering(|| Consent::Yes);
    let mut call = Call::start(layer(&policy).limit(0), send("POST", "http://a.test/pay", "1"));
    call.next().await.redirect(307, "/x");
    let error = call.end().await.unwrap_err();
    assert_eq!(refused(&error), Some(RefusalKind::TooManyRedirects));
    assert!(asked.lock().unwrap().is_empty());
}

/// Behind an `or` the other policy makes the request, once this one has nothing against it.
#[tokio::test]
async fn what_was_not_shown_is_not_sent_behind_an_or() {
    let elsewhere = || {
        policy::redirect_fn(|attempt| {
            attempt.set_target(Target::new(Uri::from_static("http://c.test/pay"), None).unwrap());
            Decision::Follow
        })
    };
    let (policy, asked) = answering(|| Consent::Yes);
    let layer = FollowRedirectLayer::new();
    let stops = policy::redirect_fn(|_| Decision::Stop);
    let mut call = Call::start(
        layer.clone().with_policy(policy.clone().or(stops)),
        send("POST", "http://a.test/pay", "1"),
    );
    call.next().await.redirect(302, "/x");
    assert_eq!(call.end().await.unwrap().status(), 302);
    asked.lock().unwrap().clear();
    let table: [(Box<dyn Policy>, u16, Option<&str>); 4] = [
        (Box::new(policy.clone().or(Standard)), 307, Some("POST http://a.test/x")),
        // It was asked about a POST, and the other makes it a GET.
        (Box::new(policy.clone().or(Standard)), 302, None),
        (Box::new(policy.clone().or(elsewhere())), 307, None),
        (Box::new(policy.clone().and(elsewhere())), 307, Some("POST http://c.test/pay")),
    ];
    for (policy, status, expected) in table {
        let request = send("POST", "http://a.test/pay", "1");
        let mut call = Call::start(layer.clone().with_policy(policy), request);
        call.next().await.redirect(status, "/x");
        match expected {
            Some(line) => {
                let next = call.next().await;
                assert_eq!(next.line(), line);
                next.answer(ok());
                call.end().await.unwrap();
            }
            None => {
                let error = call.end().await.unwrap_err();
                assert_eq!(refused(&error), Some(RefusalKind::Policy), "{status}");
            }
        }
    }
    assert_eq!(asked.lock().unwrap().len(), 4);
}
