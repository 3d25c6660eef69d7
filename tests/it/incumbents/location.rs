//! What a `Location` means: B6, B10, B12, B28, B29, B31, B32, B33.

use http::{HeaderValue, Method, Request, header};
use http_body_util::Empty;
use tower_follow_redirect::{
    FollowRedirectLayer, Fragment, History, RefusalKind,
    policy::{self, Decision},
};

use crate::support::{
    get,
    step::{Call, reason, redirect, refused, status},
    text,
};

/// tower-http hands `mailto:a@b` and `ftp://…` to the inner service; reqwest says "builder error"
/// and loses the response.
#[tokio::test]
async fn b06_another_scheme_than_http_is_refused_with_the_response() {
    let table = [
        "javascript:alert(1)",
        "mailto:a@b.test",
        "ftp://b.test/",
        "gopher://b.test/",
        "ws://b.test/",
        "file:///etc/passwd",
        "data:text/plain,x",
    ];
    for location in table {
        let mut call = Call::start(FollowRedirectLayer::new(), get("http://a.test/"));
        call.next().await.redirect(302, location);
        let error = call.end().await.unwrap_err();
        assert_eq!(refused(&error), Some(RefusalKind::Scheme), "{location}");
        let response = error.into_response().unwrap();
        assert_eq!(response.headers()[header::LOCATION], location);
        assert_eq!(text(response).await, "see there", "{location}");
    }
}

/// tower-http follows nothing after a request in origin form, not even an absolute `Location`.
#[tokio::test]
async fn b10_a_request_in_origin_form_is_redirected() {
    let table = [
        ("/x/y?q", "z", "/x/z"),
        ("/x/y?q", "/z?r", "/z?r"),
        ("/x/y?q", "https://b.test/z", "https://b.test/z"),
    ];
    for (from, location, to) in table {
        let mut call = Call::start(FollowRedirectLayer::new(), get(from));
        call.next().await.redirect(302, location);
        assert_eq!(call.next().await.uri(), to, "{from} to {location}");
    }
}

/// tower-http does not follow `OPTIONS *` anywhere.
#[tokio::test]
async fn b10_a_request_for_the_asterisk_is_redirected() {
    for (location, to) in [("/z", "/z"), ("https://b.test/z", "https://b.test/z")] {
        let request = Request::options("*").body(Empty::<bytes::Bytes>::new()).unwrap();
        let mut call = Call::start(FollowRedirectLayer::new(), request);
        call.next().await.redirect(307, location);
        let second = call.next().await;
        assert_eq!((&second.head.method, second.uri().as_str()), (&Method::OPTIONS, to));
    }
}

/// Both lose the fragment; reqwest even without a redirect.
#[tokio::test]
async fn b12_a_fragment_is_inherited() {
    let mut request = get("http://a.test/guide");
    request.extensions_mut().insert(Fragment::new("intro"));
    let mut call = Call::start(FollowRedirectLayer::new(), request);
    call.next().await.redirect(302, "/inherits");
    call.next().await.redirect(302, "/has-its-own#usage");
    call.next().await.redirect(302, "http://b.test/inherits-that");
    let response = call.end_with_ok().await;
    let history = History::of(&response).unwrap();
    let fragments: Vec<_> = history.hops().iter().map(|hop| hop.fragment()).collect();
    assert_eq!(fragments, [Some("intro"), Some("intro"), Some("usage")]);
    assert_eq!(history.effective_url(), "http://b.test/inherits-that#usage");
}

/// Both take the first of two `Location` fields; which one is meant is anyone's guess.
#[tokio::test]
async fn b28_locations_that_differ_are_refused() {
    let mut call = Call::start(FollowRedirectLayer::new(), get("http://a.test/"));
    let mut response = redirect(302, "/x");
    response.headers_mut().append(header::LOCATION, HeaderValue::from_static("/y"));
    call.next().await.answer(response);
    let error = call.end().await.unwrap_err();
    assert_eq!(refused(&error), Some(RefusalKind::BadLocation));
    assert_eq!(
        error.into_response().unwrap().headers().get_all(header::LOCATION).iter().count(),
        2
    );
}

#[tokio::test]
async fn b28_locations_that_agree_are_followed() {
    let mut call = Call::start(FollowRedirectLayer::new(), get("http://a.test/"));
    let mut response = redirect(302, "/x");
    response.headers_mut().append(header::LOCATION, HeaderValue::from_static("/x"));
    call.next().await.answer(response);
    assert_eq!(call.next().await.uri(), "http://a.test/x");
}

/// Both return the 302 silently when a byte of its `Location` is Latin-1.
#[tokio::test]
async fn b29_latin_1_in_a_location_is_percent_encoded() {
    let mut call = Call::start(FollowRedirectLayer::new(), get("http://a.test/"));
    call.next().await.answer(redirect(302, b"/caf\xe9?\xfc"));
    assert_eq!(call.next().await.uri(), "http://a.test/caf%E9?%FC");
}

/// Both keep `user:password@` in the URI: logs show it, and a proxy gets it.
#[tokio::test]
async fn b31_userinfo_of_a_location_is_removed() {
    for location in
        ["http://user:secret@b.test/x", "//user:secret@b.test/x", "http://user@b.test/x"]
    {
        let mut call = Call::start(FollowRedirectLayer::new(), get("http://a.test/"));
        call.next().await.redirect(302, location);
        let second = call.next().await;
        assert_eq!(second.uri(), "http://b.test/x", "{location}");
        assert_eq!(second.fields(), [""; 0], "nothing is made of it: {location}");
        second.answer(redirect(302, "http://user:secret@a.test/y"));
        let response = call.end_with_ok().await;
        let shown = format!("{:?}", History::of(&response).unwrap());
        assert!(!shown.contains("user") && !shown.contains("secret"), "{shown}");
    }
}

/// Both follow what the URL standard makes of it: `\\evil`, `/\evil/` and `http:///x` name hosts,
/// and `https:/b/c` is a path or a host, as the scheme of the request has it.
#[tokio::test]
async fn b32_what_the_url_standard_would_mend_is_refused() {
    let table = ["\\\\b.test", "/\\b.test/", "http:///b.test", "https:/b.test/c", "https:b.test"];
    for from in ["http://a.test/", "https://a.test/"] {
        for location in table {
            let mut call = Call::start(FollowRedirectLayer::new(), get(from));
            call.next().await.redirect(302, location);
            let error = call.end().await.unwrap_err();
            assert_eq!(refused(&error), Some(RefusalKind::BadLocation), "{from} to {location}");
            assert!(error.into_response().is_some());
        }
    }
}

/// Their policies see the mended URI only, never what the server wrote.
#[tokio::test]
async fn b32_a_policy_sees_the_location_as_it_was_written() {
    let policy = policy::redirect_fn(|attempt| {
        assert!(attempt.target().is_err());
        assert!(!attempt.is_same_origin());
        match attempt.response().headers.get(header::LOCATION) {
            Some(raw) if raw == "/\\b.test/" => Decision::Stop,
            other => Decision::fail(format!("{other:?}")),
        }
    });
    let layer = FollowRedirectLayer::new().with_policy(policy);
    let mut call = Call::start(layer, get("http://a.test/"));
    call.next().await.redirect(302, "/\\b.test/");
    assert_eq!(reason(&call.end().await.unwrap()), Some(RefusalKind::Policy));
}

/// Both take an empty `Location` for the request itself, and repeat it up to the limit.
#[tokio::test]
async fn b33_an_empty_location_is_a_missing_one() {
    for location in ["", " ", "\t "] {
        let mut call = Call::start(FollowRedirectLayer::new(), get("http://a.test/"));
        call.next().await.answer(redirect(302, location));
        let response = call.end().await.unwrap();
        assert_eq!(response.status(), 302);
        assert_eq!(reason(&response), Some(RefusalKind::MissingLocation), "{location:?}");
        assert!(History::of(&response).is_none());
        assert_eq!(text(response).await, "see there");
    }
}

/// Without the field it is the same.
#[tokio::test]
async fn b33_a_missing_location_is_handed_back_with_the_reason() {
    for code in [301, 302, 303, 307, 308] {
        let mut call = Call::start(FollowRedirectLayer::new(), get("http://a.test/"));
        call.next().await.answer(status(code));
        let response = call.end().await.unwrap();
        assert_eq!(reason(&response), Some(RefusalKind::MissingLocation), "{code}");
    }
}
