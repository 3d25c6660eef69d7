//! Redirects to where the caller would not have gone: the policy must see every hop.

use http::StatusCode;
use tower_follow_redirect::{
    RefusalKind,
    policy::{self, Decision},
};

use crate::stage::{SECRET, get};

/// The redirect left the base path with `Authorization`, within the origin. A policy sees paths, too.
#[tokio::test]
async fn ghsa_f45q_w629_wr25_hubuum_base_path() {
    let policy = || {
        policy::redirect_fn(|attempt| match attempt.target() {
            Ok(target) if target.uri().path().starts_with("/api/") => Decision::Pass,
            _ => Decision::Stop,
        })
    };
    for outside in ["/admin", "/api/../admin", "/api/%2e%2e/admin", "/apix"] {
        let call = get("https://a.test/api/x").field("Authorization", SECRET).policy(policy());
        call.moved(302, outside).send().await.was_refused(RefusalKind::Policy);
    }
    let call = get("https://a.test/api/x").field("Authorization", SECRET).policy(policy());
    let seen = call.moved(302, "/api/y").send().await;
    assert_eq!(seen.last().field("authorization"), Some(SECRET));
}

/// A node that was asked to upgrade redirected the proxy, with its credentials, to another node.
#[tokio::test]
async fn cve_2020_8559_kubernetes_upgrade() {
    let call = get("http://node.test/exec").field("Authorization", SECRET);
    let call = call.field("Connection", "Upgrade").field("Upgrade", "SPDY/3.1");
    let seen = call.moved(302, "http://other.test/exec").send().await;
    seen.was_refused(RefusalKind::Tunnel);
    assert_eq!(seen.end.status, Some(StatusCode::FOUND));
}

/// An absolute URL took the place of the base, and its credentials went there.
#[tokio::test]
async fn cve_2025_27152_axios_absolute() {
    let call = get("https://api.test/base/").field("Authorization", SECRET);
    call.moved(302, "https://evil.test/").send().await.is_told_to_the_first_only();
}

/// `//host` and what some take for it did.
#[tokio::test]
async fn cve_2024_39338_axios_path_that_is_none() {
    let call = get("https://api.test/base/").field("Authorization", SECRET);
    call.moved(302, "//evil.test/steal").send().await.is_told_to_the_first_only();
    for odd in ["/\\evil.test/steal", "\\\\evil.test/", "/\t/evil.test/", "///evil.test/"] {
        let call = get("https://api.test/base/").field("Authorization", SECRET);
        call.moved(302, odd).send().await.was_refused(RefusalKind::BadLocation);
    }
}

/// `//evil` replaced the host of the connection.
#[tokio::test]
async fn cve_2026_25765_faraday_scheme_relative() {
    let call = get("https://api.test/base/").field("Authorization", SECRET);
    let seen = call.moved(302, "//evil.test/steal").send().await;
    seen.is_told_to_the_first_only();
    assert_eq!(seen.last().origin, "https://evil.test");
}

/// It did so still where the string was an object.
#[tokio::test]
async fn cve_2026_33637_faraday_scheme_relative() {
    let call = get("https://api.test/base/").field("Cookie", SECRET);
    call.moved(307, "//evil.test:443").send().await.is_told_to_the_first_only();
}

/// An absolute path won over the base URI, and the API key went there.
#[tokio::test]
async fn cve_2025_68696_httparty_api_key() {
    let call = get("https://api.test/v1/").field("X-Api-Key", SECRET);
    call.moved(302, "http://evil.test/v1/").send().await.is_told_to_the_first_only();
}
