//! Whole calls: what goes on to the next hop, and what comes back where there is none.

use http::{HeaderMap, HeaderValue, Request, header};
use http_body_util::Full;
use tower_follow_redirect::{
    FollowRedirectLayer, Policy, RefusalKind,
    policy::{
        ExpectSupport, S3, SameOrigin,
        s3::{Foreign, Reason},
    },
};

use super::{body, error, put, reason, refused, with};
use crate::support::step::{self, Call, redirect, send, status};

const BUCKET: &str = "https://quotes.s3.amazonaws.com/nelson.txt";
const FOREIGN: &str = "https://evil.example.com/nelson.txt";

#[tokio::test]
async fn method_and_content_are_kept_whatever_the_status() {
    for code in [301, 302, 307, 308] {
        let request = send("POST", BUCKET, "ha ha\n");
        let mut call = Call::start(FollowRedirectLayer::new().with_policy(S3::new()), request);
        call.next().await.redirect(code, "https://quotes.s3.eu-west-1.amazonaws.com/nelson.txt");
        let mut next = call.next().await;
        let expected = "POST https://quotes.s3.eu-west-1.amazonaws.com/nelson.txt";
        assert_eq!(next.line(), expected, "{code}");
        assert_eq!(next.content().await, "ha ha\n", "{code}");
    }
}

/// They were meant for the first host, or for a proxy.
#[tokio::test]
async fn what_s3_knows_goes_along_and_cookies_do_not() {
    let mut request = send("PUT", BUCKET, "ha ha\n");
    for name in ["authorization", "date", "x-amz-security-token", "cookie", "referer", "x-any"] {
        request.headers_mut().insert(name, HeaderValue::from_static("v"));
    }
    let mut call = Call::start(FollowRedirectLayer::new().with_policy(S3::new()), request);
    call.next().await.redirect(307, "https://quotes.s3.eu-west-1.amazonaws.com/nelson.txt");
    let fields = ["authorization", "date", "x-amz-security-token", "x-any"];
    assert_eq!(call.next().await.fields(), fields);
}

/// One redirect more than S3 sends is an attack, or a fault of the server.
#[tokio::test]
async fn no_more_than_so_many_are_followed() {
    let mut call = put(BUCKET, S3::new().max_redirects(1));
    call.next().await.redirect(307, "https://quotes.s3-hop1.amazonaws.com/nelson.txt");
    call.next().await.redirect(307, "https://quotes.s3-hop2.amazonaws.com/nelson.txt");
    let response = call.end().await.unwrap();
    assert_eq!(reason(&response), Some(Reason::TooManyRedirects));
    assert_eq!(step::reason(&response), Some(RefusalKind::Policy));
}

#[tokio::test]
async fn a_foreign_redirect_is_handed_back_whole_and_says_why() {
    let mut call = put(BUCKET, S3::new());
    call.next().await.redirect(307, "https://evil.example.com/nelson.txt?X-Amz-Signature=secret");
    let response = call.end().await.unwrap();
    let why = refused(&response).unwrap().to_string();
    assert!(why.starts_with("S3's redirect to evil.example.com leads to no S3 endpoint"), "{why}");
    assert_eq!(response.status(), 307);
    assert_eq!(body(response).await, "see there");
}

#[tokio::test]
async fn the_xml_that_was_looked_at_is_handed_back_whole() {
    let mut call = put("https://s3.us-west-2.amazonaws.com/quotes/k", S3::new());
    let xml = "<Endpoint>evil.example.com</Endpoint><Bucket>quotes</Bucket>";
    call.next().await.answer(error(301, xml));
    let response = call.end().await.unwrap();
    let expected = if cfg!(feature = "s3-xml") { Reason::Host } else { Reason::NeedsXml };
    assert_eq!(reason(&response), Some(expected));
    assert_eq!(body(response).await, format!("<Error>{xml}</Error>"));
}

/// It is read up to its limit, and is no document then.
#[tokio::test]
async fn xml_beyond_the_limit_is_not_read() {
    let mut call = put("https://s3.us-west-2.amazonaws.com/quotes/k", S3::new());
    let endpoint = "<Endpoint>s3.us-west-1.amazonaws.com</Endpoint>";
    call.next().await.answer(error(301, &format!("{endpoint}{}", " ".repeat(64 << 10))));
    let response = call.end().await.unwrap();
    let expected = if cfg!(feature = "s3-xml") { Reason::NoLocation } else { Reason::NeedsXml };
    assert_eq!(reason(&response), Some(expected));
    assert_eq!(body(response).await.len(), "<Error></Error>".len() + endpoint.len() + (64 << 10));
}

#[tokio::test]
async fn the_region_of_a_header_needs_no_xml() {
    let mut call = put("https://s3.us-west-2.amazonaws.com/quotes/a/./b?x=1", S3::new());
    call.next().await.answer(with(status(301), "x-amz-bucket-region", "eu-west-1"));
    assert_eq!(call.next().await.uri(), "https://s3.eu-west-1.amazonaws.com/quotes/a/./b?x=1");
}

/// A temporary redirect is for one request.
#[tokio::test]
async fn nothing_is_remembered_from_call_to_call() {
    let policy = S3::new();
    for _ in 0..2 {
        let mut call = put(BUCKET, policy.clone());
        let first = call.next().await;
        assert_eq!(first.uri(), BUCKET);
        first.redirect(307, "https://quotes.s3-4c25d83b.amazonaws.com/nelson.txt?rk=8d47490b");
        call.end_with_ok().await;
    }
}

fn secrets() -> HeaderMap {
    let names = ["authorization", "cookie", "x-amz-security-token", "referer"];
    let values = names.map(|name| (name.parse().unwrap(), HeaderValue::from_static("v")));
    values.into_iter().collect()
}

fn delegated(request: Request<Full<bytes::Bytes>>) -> Call<Full<bytes::Bytes>> {
    let policy = S3::new().foreign(Foreign::Delegate);
    Call::start(FollowRedirectLayer::new().with_policy(policy), request)
}

/// Not even on the way back to where they come from.
#[tokio::test]
async fn what_is_delegated_has_lost_its_secrets_for_good() {
    let mut request = send("PUT", BUCKET, "ha ha\n");
    *request.headers_mut() = secrets();
    let mut call = delegated(request);
    call.next().await.redirect(307, FOREIGN);
    let next = call.next().await;
    assert_eq!((next.uri(), next.fields()), (FOREIGN.into(), Vec::new()));
    next.redirect(307, BUCKET);
    let back = call.next().await;
    assert_eq!((back.uri(), back.fields()), (BUCKET.into(), Vec::new()));
}

/// Within the origin the layer itself would keep them.
#[tokio::test]
async fn another_key_of_the_host_gets_no_secret_either() {
    let mut request = send("PUT", BUCKET, "ha ha\n");
    *request.headers_mut() = secrets();
    let mut call = delegated(request);
    call.next().await.redirect(307, "/another");
    assert_eq!(call.next().await.fields(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_downgrade_is_never_delegated() {
    let mut call = delegated(send("PUT", BUCKET, "ha ha\n"));
    call.next().await.redirect(307, "http://evil.example.com/");
    assert_eq!(reason(&call.end().await.unwrap()), Some(Reason::Downgrade));
}

/// Nobody else could follow it, and the reason would be lost.
#[cfg(feature = "s3-xml")]
#[tokio::test]
async fn what_only_xml_says_is_not_delegated() {
    let mut call = delegated(send("PUT", BUCKET, "ha ha\n"));
    call.next().await.answer(error(301, "<Endpoint>evil.example.com</Endpoint>"));
    assert_eq!(reason(&call.end().await.unwrap()), Some(Reason::Host));
}

#[tokio::test]
async fn another_policy_decides_what_is_not_s3s() {
    let policy = S3::new().or(SameOrigin);
    let layer = FollowRedirectLayer::new().with_policy(policy);
    let mut call = Call::start(layer.clone(), send("GET", "https://a.test/1", ""));
    call.next().await.redirect(302, "https://b.test/");
    assert_eq!(step::reason(&call.end().await.unwrap()), Some(RefusalKind::Policy));
    let mut call = Call::start(layer, send("GET", BUCKET, ""));
    call.next().await.redirect(307, "https://quotes.s3.eu-west-1.amazonaws.com/nelson.txt");
    call.end_with_ok().await;
}

#[test]
fn s3_promises_to_decide_before_it_continues_and_nobody_else_does() {
    let policy = S3::new().domain("s3.example.net").bucket_host("images.example.com");
    let table = [
        (BUCKET, ExpectSupport::Decides),
        ("https://Images.example.com/k", ExpectSupport::Decides),
        ("https://quotes.s3.example.net/k", ExpectSupport::Unknown),
        ("http://quotes.s3-website-us-east-1.amazonaws.com/k", ExpectSupport::Unknown),
        ("https://evil.example.com/", ExpectSupport::Unknown),
        ("/k", ExpectSupport::Unknown),
    ];
    for (uri, expected) in table {
        let (head, ()) = Request::put(uri).body(()).unwrap().into_parts();
        assert_eq!(policy.expect(&head), expected, "{uri}");
    }
}

/// Two of them, and nobody knows which S3 has sent.
#[tokio::test]
async fn two_locations_or_two_regions_are_none() {
    let mut call = put(BUCKET, S3::new());
    let mut answer = redirect(307, "https://quotes.s3.eu-west-1.amazonaws.com/nelson.txt");
    let other = "https://quotes.s3.eu-west-2.amazonaws.com/nelson.txt";
    answer.headers_mut().append(header::LOCATION, HeaderValue::from_static(other));
    call.next().await.answer(answer);
    assert_eq!(reason(&call.end().await.unwrap()), Some(Reason::BadLocation));

    let mut call = put(BUCKET, S3::new());
    let mut answer = with(status(301), "x-amz-bucket-region", "eu-west-1");
    answer.headers_mut().append("x-amz-bucket-region", HeaderValue::from_static("eu-west-2"));
    call.next().await.answer(answer);
    assert_eq!(reason(&call.end().await.unwrap()), Some(Reason::Region));
}
