//! Credentials under names of their own.

use crate::stage::{SECRET, get};

/// Only three names were known to be secret.
#[tokio::test]
async fn cve_2026_40895_ghsa_r4q5_vmmm_2653_follow_redirects_api_key() {
    for name in ["X-API-Key", "X-Auth-Token", "X-CSRF-Token", "Private-Token"] {
        let call = get("https://a.test/").field(name, SECRET);
        call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
    }
}

/// The list could not be extended.
#[tokio::test]
async fn cve_2026_54171_excon_list_not_extensible() {
    let call = get("https://a.test/").field("X-Own", SECRET).sensitive("x-own");
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// An agent's private key was a field that no client knows. It can be named, or its value marked.
#[tokio::test]
async fn cve_2026_50192_kerberos_io_private_key() {
    const NAME: &str = "x-kerberos-hub-privatekey";
    let call = get("https://a.test/").field(NAME, SECRET).sensitive(NAME);
    call.moved(307, "https://b.test/").send().await.is_told_to_the_first_only();
    let call = get("https://a.test/").marked(NAME, SECRET);
    call.moved(307, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// The list lacked S3's session tokens and the keys of its encryption.
#[tokio::test]
async fn ghsa_8mxv_9xhp_86h4_rclone_s3_list() {
    for name in [
        "X-Amz-Security-Token",
        "X-Amz-S3session-Token",
        "X-Amz-Server-Side-Encryption-Customer-Key",
        "X-Amz-Server-Side-Encryption-Customer-Key-Md5",
        "X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key",
        "Ibm-Service-Instance-Id",
    ] {
        let call = get("https://bucket.test/").field(name, SECRET);
        call.moved(307, "https://other.test/").send().await.is_told_to_the_first_only();
    }
}

/// There was no way to keep fields of one's own at home; the layer's names hold for every call.
#[tokio::test]
async fn undici_4917_custom_fields() {
    let call = get("https://a.test/").field("X-Own", SECRET).sensitive("x-own");
    let call = call.moved(302, "/1").moved(302, "https://b.test/");
    let seen = call.send().await;
    assert_eq!(seen.requests[1].field("x-own"), Some(SECRET));
    assert_eq!(seen.last().field("x-own"), None);
}

/// Secret fields were kept where the host changes.
#[tokio::test]
async fn cve_2026_44979_hapi_wreck_other_host() {
    let mut call = get("https://a.test/");
    for name in ["Authorization", "Cookie", "Proxy-Authorization", "X-Api-Key"] {
        call = call.field(name, SECRET);
    }
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// The state of a Digest handshake with one host was used for another.
#[tokio::test]
async fn cve_2026_11856_curl_digest_state() {
    let call = get("http://a.test/").field("Authorization", "Digest username=\"s3cr3t\"");
    let call = call.moved(302, "http://b.test/").moved(302, "http://a.test/");
    call.send().await.is_told_to_the_first_only();
}
