//! Nothing is silent: every 3xx that is handed back says why.

use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::{BodyExt, Full};
use tower_follow_redirect::{
    FollowRedirectLayer, History, OnRefusal, Policy, Refusal, RefusalKind, ReplayLimit,
    policy::{self, Decision, HttpsOnly, Limited, SameOrigin},
};

use crate::support::{
    body::{Length, OneShot},
    get,
    step::{Call, ok, reason, redirect, refused, send, status},
    text,
};

#[tokio::test]
async fn every_3xx_that_is_not_followed_says_why() {
    for code in [300, 304, 305, 306, 309, 310, 399] {
        let mut call = Call::start(FollowRedirectLayer::new(), get("http://a.test/"));
        call.next().await.redirect(code, "/other");
        let response = call.end().await.unwrap();
        assert_eq!(reason(&response), Some(RefusalKind::NotRedirect), "{code}");
        assert_eq!(text(response).await, "see there");
    }
    let stop = FollowRedirectLayer::new().with_policy(Decision::Stop);
    let table = [
        (stop.clone(), 301, Some("/other"), RefusalKind::Policy),
        // A policy's stop wins over what else would be refused.
        (stop.clone(), 301, None, RefusalKind::Policy),
        (stop.clone(), 307, Some("ftp://b.test/"), RefusalKind::Policy),
        (stop.limit(0), 308, Some("/other"), RefusalKind::Policy),
    ];
    for (layer, code, location, expected) in table {
        let mut call = Call::start(layer, get("http://a.test/"));
        call.next().await.answer(location.map_or_else(|| status(code), |to| redirect(code, to)));
        assert_eq!(reason(&call.end().await.unwrap()), Some(expected), "{code} to {location:?}");
    }
}

#[tokio::test]
async fn another_response_has_no_reason() {
    for code in [200, 204, 400, 404, 417, 500] {
        let mut call = Call::start(FollowRedirectLayer::new(), get("http://a.test/"));
        call.next().await.redirect(code, "/other");
        let response = call.end().await.unwrap();
        assert_eq!((response.status().as_u16(), reason(&response)), (code, None));
        assert!(History::of(&response).is_none());
    }
}

/// The same refusals as errors, and as responses where the caller prefers that.
#[tokio::test]
async fn a_refusal_is_an_error_or_a_response_as_the_caller_wants() {
    fn policy(policy: impl Policy + 'static) -> Box<dyn Policy> {
        Box::new(policy)
    }
    let follow = || policy(Decision::Follow);
    let fail = policy::redirect_fn(|_| Decision::fail("no"));
    let table = [
        (follow(), 0, "/x", RefusalKind::TooManyRedirects),
        (policy(Limited::new(0)), 9, "/x", RefusalKind::TooManyRedirects),
        (follow(), 9, "/1", RefusalKind::Loop),
        (follow(), 9, "http://", RefusalKind::BadLocation),
        (follow(), 9, "ftp://b.test/", RefusalKind::Scheme),
        (policy(HttpsOnly), 9, "/x", RefusalKind::Scheme),
        (policy(fail), 9, "/x", RefusalKind::Policy),
    ];
    for (policy, limit, location, kind) in table {
        let layer = FollowRedirectLayer::new().with_policy(policy).limit(limit).detect_loops();

        let mut call = Call::start(layer.clone(), get("http://a.test/1"));
        call.next().await.redirect(302, location);
        let error = call.end().await.unwrap_err();
        assert_eq!(refused(&error), Some(kind), "{location}");
        let response = error.into_response().unwrap();
        assert_eq!(reason(&response), Some(kind), "{location}");

        let mut call = Call::start(layer.on_refusal(OnRefusal::Return), get("http://a.test/1"));
        call.next().await.redirect(302, location);
        let response = call.end().await.unwrap();
        assert_eq!(reason(&response), Some(kind), "{location}");
        assert_eq!(response.headers()[header::LOCATION], location);
        assert_eq!(text(response).await, "see there");
    }
}

#[tokio::test]
async fn content_that_is_lost_is_a_response_where_the_caller_prefers_that() {
    let layer = FollowRedirectLayer::new().on_refusal(OnRefusal::Return);
    let (body, _) = OneShot::new(100, 10, Length::Known);
    let mut request = Request::put("http://a.test/").body(body).unwrap();
    request.extensions_mut().insert(ReplayLimit::new(50));
    let mut call = Call::start(layer, request);
    let mut first = call.next().await;
    (&mut first.body).collect().await.unwrap();
    first.redirect(307, "/other");
    assert_eq!(reason(&call.end().await.unwrap()), Some(RefusalKind::BodyNotReplayable));
}

/// An old reason does not stick to a response that was followed to.
#[tokio::test]
async fn a_stop_after_some_hops_has_reason_and_history() {
    let layer = FollowRedirectLayer::new().with_policy(SameOrigin);
    let mut call = Call::start(layer, get("http://a.test/1"));
    call.next().await.redirect(302, "/2");
    call.next().await.redirect(302, "http://b.test/?sig=secret");
    let response = call.end().await.unwrap();
    assert_eq!(History::of(&response).unwrap().effective_uri(), "http://a.test/2");
    let refusal = response.extensions().get::<Refusal>().unwrap();
    assert_eq!(
        refusal.to_string(),
        "302 after GET http://a.test/2 to http://b.test/?… was not followed: the policy refused it"
    );
}

/// RFC 9110 §15.4.5 has 304 carry a `Location` at times: it is no redirect.
#[tokio::test]
async fn a_304_after_a_redirect_is_the_answer() {
    let mut request = get("http://a.test/1");
    request.headers_mut().insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"x\""));
    let mut call = Call::start(FollowRedirectLayer::new(), request);
    call.next().await.redirect(302, "/2");
    let second = call.next().await;
    assert_eq!(second.field("if-none-match"), Some("\"x\""));
    second.redirect(304, "/3");
    let response = call.end().await.unwrap();
    assert_eq!(reason(&response), Some(RefusalKind::NotRedirect));
    assert_eq!(History::of(&response).unwrap().hops().len(), 1);
}

/// A POST that is answered 303 with its own URI is no loop; a GET is.
#[tokio::test]
async fn a_loop_is_a_request_that_was_sent_before() {
    let layer = FollowRedirectLayer::new().detect_loops();
    let mut call = Call::start(layer.clone(), send("POST", "http://a.test/1", "x"));
    call.next().await.redirect(303, "/1");
    call.next().await.redirect(303, "/1");
    assert_eq!(refused(&call.end().await.unwrap_err()), Some(RefusalKind::Loop));

    // The first had credentials, which the second visit has lost.
    let mut request: Request<Full<bytes::Bytes>> = send("GET", "http://a.test/1", "");
    request.headers_mut().insert(header::COOKIE, HeaderValue::from_static("a=1"));
    let mut call = Call::start(layer, request);
    call.next().await.redirect(302, "http://b.test/");
    call.next().await.redirect(302, "http://a.test/1");
    call.next().await.answer(ok());
    call.end().await.unwrap();
}

/// To remove a field from a map moves others, so a loop comes back with its credentials in another order.
#[tokio::test]
async fn a_loop_whose_fields_have_changed_places_is_noticed() {
    let policy = policy::redirect_fn(|attempt| {
        attempt.set_header(header::AUTHORIZATION, HeaderValue::from_static("of this origin"));
        attempt.strip_header(header::ACCEPT);
        Decision::FollowWithCredentials
    });
    let layer = FollowRedirectLayer::new().with_policy(policy).detect_loops();
    let mut request = get("http://a.test/");
    for name in ["accept", "cookie", "x-api-key", "x-auth-token"] {
        request.headers_mut().insert(name, HeaderValue::from_static("v"));
    }
    let mut call = Call::start(layer, request);
    for location in ["http://b.test/", "http://c.test/", "http://b.test/"] {
        call.next().await.redirect(302, location);
    }
    assert_eq!(refused(&call.end().await.unwrap_err()), Some(RefusalKind::Loop));
}

/// What differs may be a field that a policy sets, from the first redirect on.
#[tokio::test]
async fn what_a_policy_sets_anew_makes_another_request() {
    let token = policy::redirect_fn(|attempt| {
        if let Some(token) = attempt.response().headers.get("x-give").cloned() {
            attempt.set_header(HeaderName::from_static("x-session"), token);
        }
        Decision::Follow
    });
    let layer = FollowRedirectLayer::new().detect_loops().with_policy(token);
    let mut call = Call::start(layer, get("http://a.test/"));
    for session in ["1", "2", "2"] {
        let mut response = redirect(302, "/");
        response.headers_mut().insert("x-give", HeaderValue::from_static(session));
        call.next().await.answer(response);
    }
    assert_eq!(refused(&call.end().await.unwrap_err()), Some(RefusalKind::Loop));
}

/// It may be an extension, which only the inner service sees.
#[tokio::test]
async fn what_a_policy_tells_the_inner_service_makes_another_request() {
    let region = policy::redirect_fn(|attempt| {
        let hop = attempt.hops().len();
        attempt.next_extensions().insert(hop);
        Decision::Follow
    });
    let layer = FollowRedirectLayer::new().detect_loops().with_policy(region);
    let mut call = Call::start(layer, get("http://a.test/"));
    call.next().await.redirect(307, "/");
    call.end_with_ok().await;
}

/// Somebody's cookie jar is inside, and whoever was asked before is asked with the cookie now.
#[tokio::test]
async fn a_gate_that_sets_a_cookie_is_no_loop() {
    let layer = FollowRedirectLayer::new().detect_loops();
    let mut call = Call::start(layer, get("http://a.test/page"));
    call.next().await.redirect(302, "/gate");
    let mut opened = redirect(302, "/other");
    opened.headers_mut().insert(header::SET_COOKIE, HeaderValue::from_static("seen=1"));
    call.next().await.answer(opened);
    call.next().await.redirect(302, "/page");
    call.next().await.redirect(302, "/other");
    assert_eq!(refused(&call.end().await.unwrap_err()), Some(RefusalKind::Loop));
}

/// CONNECT, whose target has neither a scheme nor a path.
#[tokio::test]
async fn the_refusal_of_a_tunnel_shows_no_userinfo() {
    let request = send("CONNECT", "user:s3cr3t@a.test:443", "");
    let mut call = Call::start(FollowRedirectLayer::new(), request);
    call.next().await.redirect(302, "http://b.test/");
    let response = call.end().await.unwrap();
    let refusal = Refusal::of(&response).unwrap();
    assert_eq!(refusal.kind(), RefusalKind::Tunnel);
    assert_eq!(refusal.uri(), "a.test:443");
}
