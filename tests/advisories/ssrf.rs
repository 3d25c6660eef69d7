//! Redirects into private networks (SSRF): [`DenyPrivateNetworks`] looks at every hop.
//!
//! That the check holds where connections are made is tested in `tests/it/private`.

use http::StatusCode;
use tower_follow_redirect::{RefusalKind, policy::DenyPrivateNetworks};

use crate::stage::{Seen, get};

/// Follows from a public host to `location`, unless it is in a private network.
async fn redirected_to(location: &str) -> Seen {
    let call = get("https://public.test/").policy(DenyPrivateNetworks::new());
    call.moved(302, location).send().await
}

/// Checks that each is refused, and nothing sent there.
async fn are_refused(locations: &[&str]) {
    for location in locations {
        let seen = redirected_to(location).await;
        seen.was_refused(RefusalKind::Policy);
        assert_eq!(seen.end.status, Some(StatusCode::FOUND), "{location}");
    }
}

/// The settings that kept requests from internal hosts counted for the first request only.
#[tokio::test]
async fn cve_2020_28168_axios_only_the_first_request() {
    let call = get("http://public.test/").policy(DenyPrivateNetworks::new());
    let call = call.moved(302, "http://other.test/").moved(302, "http://127.0.0.1/");
    let seen = call.send().await;
    assert_eq!(seen.end.refusal, Some(RefusalKind::Policy), "{seen:#?}");
    assert_eq!(seen.last().origin, "http://other.test");
}

/// The agent that filtered was dropped where the scheme changed.
#[tokio::test]
async fn cve_2023_28155_request_other_scheme() {
    for (from, to) in [("https", "http"), ("http", "https")] {
        let call = get(&format!("{from}://public.test/")).policy(DenyPrivateNetworks::new());
        let call = call.moved(302, &format!("{to}://public.test/"));
        let seen = call.moved(302, &format!("{to}://10.0.0.1/")).send().await;
        assert_eq!(seen.end.refusal, Some(RefusalKind::Policy), "{seen:#?}");
        assert_eq!(seen.requests.len(), 2, "{seen:#?}");
    }
}

/// The error told whether there is an internal host of that name.
#[tokio::test]
async fn cve_2024_50342_symfony_enumeration() {
    are_refused(&["http://192.168.0.1/", "http://172.16.0.1:8080/"]).await;
    let texts = ["exists", "does-not-exist"].map(|name| {
        let refused = DenyPrivateNetworks::new().usable(name, []).unwrap_err();
        let private = std::net::SocketAddr::from(([10, 0, 0, 1], 80));
        let found = DenyPrivateNetworks::new().usable(name, [private]).unwrap_err();
        assert_eq!(refused.to_string(), found.to_string());
        assert_eq!(format!("{refused:?}"), format!("{found:?}"));
        refused.to_string().replace(name, "")
    });
    assert_eq!(texts[0], texts[1]);
}

/// IPv6 addresses that stand for private IPv4 addresses were taken for public.
#[tokio::test]
async fn cve_2026_48736_symfony_embedded_addresses() {
    are_refused(&[
        "http://[2002:7f00:1::]/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://[64:ff9b:1::10.0.0.1]/",
        "http://[2001:0:a01:203:0:0:3f57:fefd]/",
        "http://[::127.0.0.1]/",
        "http://[::ffff:192.168.0.1]/",
        "http://[::ffff:0:10.0.0.1]/",
    ])
    .await;
}

/// A health check was answered with a redirect to an internal service.
#[tokio::test]
async fn cve_2022_29153_consul_health_check() {
    are_refused(&["http://127.0.0.1:8500/v1/agent/self", "http://localhost:8500/"]).await;
}

/// A migration was redirected to an internal host.
#[tokio::test]
async fn cve_2026_58418_gitea_migration() {
    are_refused(&["http://10.1.2.3/repo.git", "http://git.internal/repo.git"]).await;
}

/// A request between servers was.
#[tokio::test]
async fn cve_2024_52594_gomatrixserverlib_federation() {
    are_refused(&["https://172.31.255.255:8448/", "https://[fd00::1]:8448/"]).await;
}

/// A request for media was.
#[tokio::test]
async fn cve_2024_52602_matrix_media_repo() {
    are_refused(&["http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/"]).await;
}

/// A page that was checked redirected to one that was not.
#[tokio::test]
async fn cve_2026_30247_weknora_after_the_check() {
    are_refused(&["http://2130706433/", "http://0x7f.1/", "http://017700000001/"]).await;
}

/// The check was one of the first URL's.
#[tokio::test]
async fn cve_2025_68616_weasyprint_past_the_check() {
    are_refused(&["http://127.1/", "http://[::1]/", "http://0.0.0.0/"]).await;
    redirected_to("FILE:///etc/passwd").await.was_refused(RefusalKind::Scheme);
}

/// A URL that was found to be public redirected to one that is not.
#[tokio::test]
async fn cve_2026_25493_craft_after_the_check() {
    are_refused(&["http://LOCALHOST./", "http://127%2e0%2e0%2e1/", "http://100.64.0.1/"]).await;
}

/// A redirect led to internal hosts, with what was meant for another.
#[tokio::test]
async fn cve_2026_67435_linuxfabrik_internal() {
    are_refused(&["http://224.0.0.1/", "http://[fe80::1]/", "http://metadata.google.internal/"])
        .await;
}

/// A preview was made of an internal page.
#[tokio::test]
async fn ghsa_jqx4_9gpq_rppm_summaly_preview() {
    are_refused(&["http://192.168.1.1/", "http://198.18.0.1/", "http://240.0.0.1/"]).await;
}

/// A host that is denied was reached by a redirect of one that is allowed.
#[tokio::test]
async fn ghsa_5q9x_554g_9jgg_surrealdb_denied_host() {
    let policy = DenyPrivateNetworks::new().deny_net("203.0.114.0/24".parse().unwrap());
    let call = get("http://public.test/").policy(policy);
    call.moved(302, "http://203.0.114.7/").send().await.was_refused(RefusalKind::Policy);
}

/// What was allowed at one port was reached at another.
#[tokio::test]
async fn ghsa_97vg_427p_8hx5_surrealdb_other_port() {
    let policy = DenyPrivateNetworks::new().allow_host("10.0.0.1:8443");
    let call = get("http://public.test/").policy(policy.clone());
    call.moved(302, "http://10.0.0.1:8444/").send().await.was_refused(RefusalKind::Policy);
    let call = get("http://public.test/").policy(policy);
    let seen = call.moved(302, "http://10.0.0.1:8443/").send().await;
    seen.went(&["GET http://public.test/", "GET http://10.0.0.1:8443/"]);
}
