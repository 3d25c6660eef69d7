//! Credentials for a proxy. Which proxy is used, and what it is told, is the transport's to say: what
//! a caller sets itself is a credential like any other, and stays at the first origin.

use crate::stage::{SECRET, get};

const BASIC: &str = "Basic s3cr3t";

/// User and password of the proxy went on to the server behind it.
#[tokio::test]
async fn cve_2003_1605_curl_proxy_credentials_end_to_end() {
    let call = get("http://a.test/").field("Proxy-Authorization", BASIC);
    call.moved(302, "https://a.test/").send().await.is_told_to_the_first_only();
}

/// `Proxy-Authorization` went to where the redirect led.
#[tokio::test]
async fn cve_2014_1830_requests_proxy_authorization() {
    let call = get("http://a.test/").field("Proxy-Authorization", BASIC);
    call.moved(302, "http://b.test/").send().await.is_told_to_the_first_only();
}

/// The field was added anew for a target behind a tunnel, and so sent through it.
#[tokio::test]
async fn cve_2023_32681_requests_into_the_tunnel() {
    let call = get("http://a.test/").field("Proxy-Authorization", BASIC);
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// The field was not on the list where no proxy is used.
#[tokio::test]
async fn cve_2024_37891_urllib3_proxy_authorization() {
    let call = get("https://a.test/").field("Proxy-Authorization", BASIC);
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// A lower interface did not remove what the upper one did.
#[tokio::test]
async fn cve_2026_44431_ghsa_qccp_gfcp_xxvc_urllib3_proxied_pool() {
    let mut call = get("http://a.test/").field("Proxy-Authorization", BASIC);
    call = call.field("Authorization", SECRET).field("Cookie", SECRET);
    call.moved(303, "http://b.test/").send().await.is_told_to_the_first_only();
}

/// The field was not on the list.
#[tokio::test]
async fn cve_2024_28849_follow_redirects_proxy_authorization() {
    let call = get("https://a.test/").field("proxy-authorization", BASIC);
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// The field was not on the list of `fetch`.
#[tokio::test]
async fn cve_2024_24758_undici_fetch_proxy_authorization() {
    let call = get("https://a.test/").field("Proxy-Authorization", BASIC);
    call.moved(307, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// `request` kept two fields.
#[tokio::test]
async fn cve_2024_30260_undici_request_both_fields() {
    let call = get("https://a.test/").field("Proxy-Authorization", BASIC);
    let call = call.field("Authorization", "Bearer s3cr3t");
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// Both fields of proxies were not on the list.
#[tokio::test]
async fn cve_2025_4673_go_proxy_fields() {
    let call = get("https://a.test/").field("Proxy-Authorization", BASIC);
    let call = call.field("Proxy-Authenticate", "Basic realm=s3cr3t");
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// A field made for the proxy of the first hop stayed where the next hop needs no proxy.
#[tokio::test]
async fn ghsa_j5f8_grm9_p9fc_axios_stale_proxy_authorization() {
    let call = get("http://a.test/").field("Proxy-Authorization", BASIC);
    let call = call.moved(302, "https://a.test/").moved(302, "/next");
    call.send().await.is_told_to_the_first_only();
}

/// The password for the proxy of `http` went to the proxy of `https`.
#[tokio::test]
async fn cve_2026_6253_curl_second_proxy() {
    let call = get("http://a.test/").field("Proxy-Authorization", BASIC);
    call.moved(301, "https://a.test/").send().await.is_told_to_the_first_only();
}
