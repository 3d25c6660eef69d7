//! The same host, by another scheme or port.

use tower_follow_redirect::{RefusalKind, policy};

use crate::stage::{SECRET, get};

const BEARER: &str = "Bearer s3cr3t";

/// Credentials were kept for the same host on another port, and for another protocol.
#[tokio::test]
async fn cve_2022_27774_curl_other_port() {
    let call = get("http://a.test/").field("Authorization", BEARER);
    call.moved(302, "http://a.test:8081/").send().await.is_told_to_the_first_only();
    let call = get("http://a.test/").field("Authorization", BEARER);
    call.moved(302, "ftp://a.test/").send().await.was_refused(RefusalKind::Scheme);
}

/// The same for what was given with `-H`.
#[tokio::test]
async fn cve_2022_27776_curl_other_port() {
    let call = get("http://a.test/").field("Authorization", BEARER).field("Cookie", SECRET);
    call.moved(302, "http://a.test:8080/").send().await.is_told_to_the_first_only();
}

/// curl's option for credentials was not cleared for another origin.
#[tokio::test]
async fn cve_2022_31090_guzzle_http_to_https() {
    let call = get("http://a.test/").field("Authorization", "Basic s3cr3t");
    call.moved(302, "https://a.test:8443/").send().await.is_told_to_the_first_only();
    // A permitted port of the other scheme is another origin too.
    let call = get("http://a.test/").field("Authorization", "Basic s3cr3t");
    call.moved(302, "https://a.test/").send().await.is_told_to_the_first_only();
}

/// Only hosts were compared.
#[tokio::test]
async fn cve_2022_31091_guzzle_other_port() {
    let call = get("https://a.test/").field("Authorization", BEARER).field("Cookie", SECRET);
    call.moved(302, "https://a.test:444/").send().await.is_told_to_the_first_only();
}

/// Only hosts were compared. A default port that is written out is no other port.
#[tokio::test]
async fn cve_2022_31033_mechanize_other_port() {
    let call = get("http://a.test:8080/").field("Authorization", BEARER);
    call.moved(302, "http://a.test/").send().await.is_told_to_the_first_only();
    let call = get("http://a.test/").field("Authorization", BEARER);
    let seen = call.moved(302, "http://a.test:80/x").send().await;
    assert_eq!(seen.last().field("authorization"), Some(BEARER));
}

/// `Authorization` went from `https` to `http` of the same host, for all to read.
#[tokio::test]
async fn cve_2018_18074_requests_downgrade() {
    let call = get("https://a.test/").field("Authorization", BEARER);
    call.moved(302, "http://a.test/").send().await.is_told_to_the_first_only();
}

/// The same; that the ports are written alike does not matter.
#[tokio::test]
async fn cve_2022_31043_guzzle_downgrade() {
    let call = get("https://a.test:8080/").field("Authorization", BEARER).field("Cookie", SECRET);
    call.moved(302, "http://a.test:8080/").send().await.is_told_to_the_first_only();
}

/// The same, within one host.
#[tokio::test]
async fn cve_2022_0536_follow_redirects_downgrade() {
    let call = get("https://a.test/").field("Authorization", BEARER);
    call.moved(307, "http://a.test/").send().await.is_told_to_the_first_only();
}

/// The same; a policy keeps to TLS.
#[tokio::test]
async fn cve_2024_1968_scrapy_downgrade() {
    let call = get("https://a.test/").field("Authorization", BEARER);
    call.moved(302, "http://a.test/").send().await.is_told_to_the_first_only();
    let call = get("https://a.test/").field("Authorization", BEARER).policy(policy::HttpsOnly);
    call.moved(302, "http://a.test/").send().await.was_refused(RefusalKind::Scheme);
}

/// WebDAV's credentials went from `https` to `http`.
#[tokio::test]
async fn ghsa_h4mf_4v27_hggj_rclone_webdav_downgrade() {
    let call = crate::stage::call("PROPFIND", "https://a.test/dav/", "<propfind/>");
    let call = call.field("Authorization", "Basic s3cr3t");
    call.moved(302, "http://a.test/dav/").send().await.is_told_to_the_first_only();
}

/// S3's session token went from `https` to `http`.
#[tokio::test]
async fn ghsa_gx4c_2hqx_cw2r_rclone_s3_downgrade() {
    let call = get("https://bucket.test/key").field("X-Amz-Security-Token", SECRET);
    call.moved(307, "http://bucket.test/key").send().await.is_told_to_the_first_only();
}
