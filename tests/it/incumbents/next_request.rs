//! What the next request is: B11, B13, B14, B15, B26, B27.

use bytes::Bytes;
use http::{Method, Request, Version, header};
use http_body_util::Full;
use tower_follow_redirect::{
    FollowRedirectLayer, History, Policy, RefusalKind, Target,
    policy::{self, Decision, Standard},
    rules::method::{Content, MethodRule},
};

use crate::support::{
    get,
    step::{Call, reason, send},
};

/// tower-http sends `CONNECT http://b/b` after a 307.
#[tokio::test]
async fn b11_connect_is_not_redirected() {
    for code in [301, 302, 303, 307, 308] {
        let mut call = Call::start(FollowRedirectLayer::new(), send("CONNECT", "a.test:443", ""));
        call.next().await.redirect(code, "http://b.test/b");
        let response = call.end().await.unwrap();
        assert_eq!(response.status(), code);
        assert_eq!(reason(&response), Some(RefusalKind::Tunnel), "{code}");
    }
}

/// tower-http makes a POST a GET, and drops its content, before the policy is asked.
#[tokio::test]
async fn b13_a_policy_keeps_post_and_its_content() {
    for code in [301, 302, 303] {
        let keep = policy::redirect_fn(|attempt| {
            assert_eq!(
                (attempt.next_method(), attempt.next_content()),
                (&Method::GET, Content::Drop)
            );
            assert_eq!(attempt.request().method, Method::POST);
            attempt.keep_method();
            assert_eq!(
                (attempt.next_method(), attempt.next_content()),
                (&Method::POST, Content::Keep)
            );
            Decision::Follow
        });
        let layer = FollowRedirectLayer::new().with_policy(keep);
        let mut request = send("POST", "http://a.test/form", "a=b");
        request.headers_mut().insert(header::CONTENT_TYPE, "text/plain".parse().unwrap());
        let mut call = Call::start(layer, request);
        let mut first = call.next().await;
        assert_eq!(first.content().await, "a=b");
        first.redirect(code, "/other");
        let mut second = call.next().await;
        assert_eq!(second.line(), "POST http://a.test/other", "{code}");
        assert_eq!(second.field("content-type"), Some("text/plain"), "{code}");
        assert_eq!(second.content().await, "a=b", "{code}");
    }
}

/// The same as a setting of the layer.
#[tokio::test]
async fn b13_a_method_rule_keeps_post_and_its_content() {
    let layer = FollowRedirectLayer::new().method_rule(http::StatusCode::FOUND, MethodRule::Keep);
    let mut call = Call::start(layer, send("POST", "http://a.test/form", "a=b"));
    call.next().await.redirect(302, "/other");
    let mut second = call.next().await;
    assert_eq!(second.line(), "POST http://a.test/other");
    assert_eq!(second.content().await, "a=b");
}

/// tower-http sends a request to the URI that `on_request` wrote, and resolves the next `Location`
/// against the one it did not request.
#[tokio::test]
async fn b14_an_edited_target_is_the_base_of_the_next_hop() {
    let to_mirror = policy::redirect_fn(|attempt| {
        let mirror = "http://mirror.test/pool/x".parse().unwrap();
        if attempt.hops().is_empty() {
            attempt.set_target(Target::new(mirror, None).unwrap());
        }
        Decision::Follow
    });
    let layer = FollowRedirectLayer::new().with_policy(to_mirror);
    let mut call = Call::start(layer, get("http://a.test/"));
    call.next().await.redirect(302, "http://b.test/old/");
    let second = call.next().await;
    assert_eq!(second.uri(), "http://mirror.test/pool/x");
    second.redirect(302, "y");
    let third = call.next().await;
    assert_eq!(third.uri(), "http://mirror.test/pool/y");
    third.answer(crate::support::step::ok());
    let response = call.end().await.unwrap();
    let history = History::of(&response).unwrap();
    let uris: Vec<_> = history.hops().iter().map(|hop| hop.uri().to_string()).collect();
    assert_eq!(uris, ["http://a.test/", "http://mirror.test/pool/x"]);
    assert_eq!(history.effective_uri(), "http://mirror.test/pool/y");
}

/// tower-http forgets a method that `on_request` wrote at the next hop.
#[tokio::test]
async fn b14_an_edited_method_is_remembered() {
    let head_first = policy::redirect_fn(|attempt| {
        if attempt.hops().is_empty() {
            attempt.set_method(Method::PUT);
        }
        Decision::Follow
    });
    let layer = FollowRedirectLayer::new().with_policy(Standard.and(head_first));
    let mut call = Call::start(layer, send("PATCH", "http://a.test/1", "x"));
    call.next().await.redirect(307, "/2");
    let second = call.next().await;
    assert_eq!(second.line(), "PUT http://a.test/2");
    second.redirect(307, "/3");
    let mut third = call.next().await;
    assert_eq!(third.line(), "PUT http://a.test/3");
    assert_eq!(third.content().await, "x");
}

/// tower-http drops four names; `Expect` on a GET without content violates RFC 9110 §10.1.1.
#[tokio::test]
async fn b15_a_get_after_303_says_nothing_about_the_content() {
    let dropped = [
        "content-type",
        "content-length",
        "content-encoding",
        "content-language",
        "content-location",
        "content-range",
        "content-disposition",
        "content-digest",
        "content-md5",
        "repr-digest",
        "digest",
        "expect",
        "trailer",
        "transfer-encoding",
        "last-modified",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "if-range",
        "origin",
    ];
    let mut builder = Request::post("http://a.test/form").header("accept", "*/*");
    for name in dropped {
        let value = if name == "expect" { "100-continue" } else { "1" };
        builder = builder.header(name, value);
    }
    let request = builder.header("authorization", "kept").body(Full::<Bytes>::from("a")).unwrap();
    for location in ["/seen", "http://b.test/seen"] {
        let mut call = Call::start(FollowRedirectLayer::new(), request.clone());
        call.next().await.redirect(303, location);
        let mut second = call.next().await;
        assert_eq!(second.head.method, Method::GET);
        assert_eq!(second.content().await, "");
        let expected: &[_] =
            if location == "/seen" { &["accept", "authorization"] } else { &["accept"] };
        assert_eq!(second.fields(), expected, "{location}");
    }
}

/// tower-http replays an HTTP/2 request as HTTP/2 to any host, and hyper-util refuses it there.
#[tokio::test]
async fn b26_the_version_is_a_matter_of_the_connection() {
    for (location, version) in [("/y", Version::HTTP_2), ("https://b.test/", Version::HTTP_11)] {
        let mut request = get("https://a.test/x");
        *request.version_mut() = Version::HTTP_2;
        let mut call = Call::start(FollowRedirectLayer::new(), request);
        call.next().await.redirect(302, location);
        assert_eq!(call.next().await.head.version, version, "{location}");
    }
}

/// Both copy `Connection` and what it names, and `TE`, to the next host.
#[tokio::test]
async fn b27_what_was_meant_for_one_connection_stays_there() {
    for location in ["/y", "http://b.test/"] {
        let request = Request::get("http://a.test/x")
            .header("connection", "close, x-debug, te")
            .header("x-debug", "1")
            .header("keep-alive", "timeout=5")
            .header("proxy-connection", "keep-alive")
            .header("te", "gzip")
            .header("accept", "*/*")
            .body(Full::<Bytes>::default())
            .unwrap();
        let mut call = Call::start(FollowRedirectLayer::new(), request);
        call.next().await.redirect(302, location);
        assert_eq!(call.next().await.fields(), ["accept"], "{location}");
    }
}

/// Both follow with `Upgrade`; a redirect says nothing about what the other server upgrades to.
#[tokio::test]
async fn b27_an_upgrade_is_not_redirected() {
    let request = Request::get("http://a.test/chat")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .body(Full::<Bytes>::default())
        .unwrap();
    let mut call = Call::start(FollowRedirectLayer::new(), request);
    call.next().await.redirect(307, "http://b.test/chat");
    assert_eq!(reason(&call.end().await.unwrap()), Some(RefusalKind::Tunnel));
}

/// Both send the old `Origin` from the new origin; RFC 6454 §7.3 says that it is `null`.
#[tokio::test]
async fn b27_origin_is_null_after_another_origin() {
    let mut request = send("POST", "https://a.test/", "x");
    request.headers_mut().insert(header::ORIGIN, "https://app.test".parse().unwrap());
    let mut call = Call::start(FollowRedirectLayer::new(), request);
    call.next().await.redirect(307, "/within");
    let within = call.next().await;
    assert_eq!(within.field("origin"), Some("https://app.test"));
    within.redirect(307, "https://b.test/");
    assert_eq!(call.next().await.field("origin"), Some("null"));
}

/// A 303 changes no GET (RFC 9110 §15.4, step 5), and a range is never left without its `If-Range`.
#[tokio::test]
async fn what_was_meant_for_a_method_goes_with_it() {
    for (method, code, kept) in [
        ("GET", 303, true),
        ("HEAD", 303, true),
        ("GET", 302, true),
        ("POST", 303, false),
        ("POST", 301, false),
    ] {
        let mut request = send(method, "http://a.test/file", "");
        for (name, value) in [
            ("range", "bytes=9-"),
            ("if-range", "\"v1\""),
            ("if-none-match", "\"v1\""),
            ("origin", "http://a.test"),
        ] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let mut call = Call::start(FollowRedirectLayer::new(), request);
        call.next().await.redirect(code, "/other");
        let fields = ["if-none-match", "if-range", "origin", "range"];
        let expected = if kept { &fields[..] } else { &[] };
        assert_eq!(call.next().await.fields(), expected, "{method} {code}");
    }
}
