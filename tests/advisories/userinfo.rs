//! User and password in URLs, and in `.netrc`, which nothing here reads.

use tower_follow_redirect::RefusalKind;

use crate::stage::{SECRET, get};

/// The password of the first host was used for a second one that had only a login.
#[tokio::test]
async fn cve_2024_11053_curl_netrc_login_only() {
    let call = get("http://user:s3cr3t@a.test/").field("Authorization", SECRET);
    let seen = call.moved(302, "http://other@b.test/").send().await;
    seen.is_told_to_the_first_only();
    assert!(!seen.last().head.contains("other"), "{seen:#?}");
}

/// The same, with an entry that had neither.
#[tokio::test]
async fn cve_2025_0167_curl_netrc_default() {
    let call = get("http://a.test/").field("Authorization", "Basic s3cr3t");
    let seen = call.moved(302, "http://b.test/").send().await;
    seen.is_told_to_the_first_only();
}

/// A bearer token went to a host that had an entry of its own.
#[tokio::test]
async fn cve_2026_3783_curl_bearer_and_netrc() {
    let call = get("https://a.test/").field("Authorization", "Bearer s3cr3t");
    call.moved(302, "https://user@b.test/").send().await.is_told_to_the_first_only();
}

/// The host that was looked up ended at the first colon, and the one that was asked did not.
#[tokio::test]
async fn cve_2024_47081_requests_netrc_host() {
    let call = get("http://example.test/").field("Authorization", SECRET);
    let seen = call.moved(302, "http://example.test:@evil.test/").send().await;
    seen.is_told_to_the_first_only();
    assert_eq!(seen.last().field("host"), Some("evil.test"));
    assert_eq!(seen.last().origin, "http://evil.test");
}

/// A part of the password was taken for the host, and asked for in DNS.
#[tokio::test]
async fn cve_2020_8169_curl_at_sign_in_password() {
    let seen = get("http://user:p%40ss@a.test/x").moved(302, "/y").send().await;
    assert_eq!(seen.last().line(), "GET http://a.test/y");
}

/// `join` kept user and password where the host was replaced.
#[tokio::test]
async fn cve_2025_27221_ruby_uri_join() {
    let call = get("http://user:s3cr3t@a.test/").field("Cookie", SECRET);
    let seen = call.moved(302, "//evil.test/").send().await;
    seen.is_told_to_the_first_only();
    assert_eq!(seen.last().origin, "http://evil.test");
}

/// The operator `+` did so still.
#[tokio::test]
async fn cve_2025_61594_ruby_uri_plus() {
    let call = get("http://user:s3cr3t@a.test/").field("Cookie", SECRET);
    let seen = call.moved(302, "http://evil.test").send().await;
    seen.is_told_to_the_first_only();
    assert_eq!(seen.last().line(), "GET http://evil.test/");
}

/// A long user and domain passed the end of a buffer.
#[tokio::test]
async fn cve_2005_3185_curl_long_userinfo() {
    let location = format!("http://{}:{}@b.test/", "u".repeat(10_000), "p".repeat(10_000));
    let seen = get("http://a.test/").moved(302, &location).send().await;
    seen.went(&["GET http://a.test/", "GET http://b.test/"]);
    let location = format!("http://{}@/", "u".repeat(10_000));
    let seen = get("http://a.test/").moved(302, &location).send().await;
    seen.was_refused(RefusalKind::BadLocation);
}
