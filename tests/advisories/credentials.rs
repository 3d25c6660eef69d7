//! Credentials that went to another host.

use http::StatusCode;
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{FollowRedirectLayer, RefusalKind, policy};

use crate::stage::{End, SECRET, Stage, get};

const BEARER: &str = "Bearer s3cr3t";

/// What was given with `-H` went to every host; only what curl itself had made of `-u` did not.
#[tokio::test]
async fn cve_2018_1000007_curl_custom_authorization() {
    let call = get("http://a.test/").field("Authorization", BEARER).field("X-Custom", "kept");
    let seen = call.moved(302, "http://b.test/").send().await;
    seen.is_told_to_the_first_only();
    assert_eq!(seen.last().field("x-custom"), Some("kept"));
}

/// `Authorization` was part of the session, and the session went everywhere.
#[tokio::test]
async fn cve_2014_1829_requests_authorization() {
    let call = get("http://a.test/x").field("Authorization", "Basic s3cr3t");
    call.moved(302, "http://b.test/x").send().await.is_told_to_the_first_only();
}

/// The pool manager handed all fields on to the pool of the other host.
#[tokio::test]
async fn cve_2018_20060_urllib3_authorization() {
    let call = get("http://a.test/").field("Authorization", BEARER);
    call.moved(303, "http://b.test/").send().await.is_told_to_the_first_only();
}

/// The fix before compared the names as they were written.
#[tokio::test]
async fn cve_2018_25091_urllib3_lower_case_names() {
    for name in ["authorization", "AUTHORIZATION", "aUTHORIZATION"] {
        let call = get("http://a.test/").field(name, BEARER);
        call.moved(302, "http://b.test/").send().await.is_told_to_the_first_only();
    }
}

/// `Authorization` went along with every redirect.
#[tokio::test]
async fn cve_2018_8292_dotnet_authorization() {
    let call = get("https://a.test/").field("Authorization", BEARER);
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// `--header` went to every host.
#[tokio::test]
async fn cve_2021_31879_wget_header() {
    let call = get("http://a.test/file").field("Authorization", BEARER);
    call.moved(301, "http://b.test/file").send().await.is_told_to_the_first_only();
}

/// A session's cookies and fields were bound to no host.
#[tokio::test]
async fn cve_2022_24737_httpie_session() {
    let call = get("http://a.test/").field("Cookie", "sid=s3cr3t").field("X-Api-Key", SECRET);
    call.moved(302, "http://b.test/").send().await.is_told_to_the_first_only();
}

/// The middleware added user and password to whatever the spider asked for, redirects too.
#[tokio::test]
async fn cve_2021_41125_scrapy_auth_middleware() {
    let call = get("https://a.test/").field("Authorization", "Basic s3cr3t");
    call.moved(302, "https://cdn.a.test/").send().await.is_told_to_the_first_only();
}

/// The redirect middleware copied the request with its `Authorization`.
#[tokio::test]
async fn cve_2024_3574_scrapy_authorization() {
    let call = get("https://a.test/").field("Authorization", BEARER);
    call.moved(307, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// The redirect agent sent the same fields to every host.
#[tokio::test]
async fn cve_2022_21712_twisted_redirect_agent() {
    let call = get("http://a.test/").field("Authorization", BEARER).field("Cookie", "sid=s3cr3t");
    call.moved(302, "http://b.test/").send().await.is_told_to_the_first_only();
}

/// Cookies given for one request were bound to no host.
#[tokio::test]
async fn cve_2022_23607_treq_cookies() {
    let call = get("https://a.test/").field("Cookie", "a=1; b=s3cr3t");
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// Four fields went along to any host. Subdomains are other origins too.
#[tokio::test]
async fn cve_2022_0235_node_fetch_four_fields() {
    for other in ["https://b.test/", "https://sub.a.test/", "https://test/"] {
        let mut call = get("https://a.test/");
        for name in ["Authorization", "WWW-Authenticate", "Cookie", "Cookie2"] {
            call = call.field(name, SECRET);
        }
        call.moved(302, other).send().await.is_told_to_the_first_only();
    }
}

/// `Authorization` went along in Deno's own `fetch`, which is written in Rust.
#[tokio::test]
async fn cve_2025_21620_ghsa_f27p_cmv8_xhm6_deno_fetch() {
    let call = get("https://a.test/").field("Authorization", BEARER);
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// The client of GitHub's actions sent the token along.
#[tokio::test]
async fn cve_2020_11021_actions_http_client() {
    let call = get("https://api.a.test/").field("Authorization", "token s3cr3t");
    call.moved(302, "https://storage.b.test/").send().await.is_told_to_the_first_only();
}

/// Dart's client copied the fields of the request.
#[tokio::test]
async fn cve_2022_0451_dart_authorization() {
    let call = get("https://a.test/").field("Authorization", BEARER);
    call.moved(308, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// Both fields went along, and from `https` to `http` too.
#[tokio::test]
async fn cve_2026_8368_lwp_authorization_and_cookie() {
    for other in ["https://b.test/", "http://a.test/"] {
        let call = get("https://a.test/").field("Authorization", BEARER).field("Cookie", SECRET);
        call.moved(302, other).send().await.is_told_to_the_first_only();
    }
}

/// Scheme and port were not compared, and the realm's credentials were computed anew.
#[tokio::test]
async fn cve_2026_40490_ghsa_cmxv_58fp_fm3g_async_http_client() {
    for other in ["http://a.test/", "https://a.test:8443/", "https://b.test/"] {
        let call = get("https://a.test/").field("Authorization", BEARER);
        let call = call.field("Proxy-Authorization", "Basic s3cr3t");
        call.moved(302, other).send().await.is_told_to_the_first_only();
    }
}

/// What the first host of a session had redirected to was given the credentials of later requests.
#[tokio::test]
async fn cve_2026_41506_go_git_later_request() {
    let to_b = crate::raw::redirect(302, "https://b.test/info/refs");
    let stage = Stage::start([to_b.clone(), crate::raw::OK.into(), to_b]).await;
    let client = FollowRedirectLayer::new().layer(stage.client());
    for method in ["GET", "POST"] {
        let request = http::Request::builder().method(method).uri("https://a.test/info/refs");
        let request = request.header("authorization", BEARER);
        let request = request.body(http_body_util::Full::<bytes::Bytes>::from("pack")).unwrap();
        let end = End::of(client.clone().oneshot(request).await).await;
        assert_eq!(end.status, Some(StatusCode::OK));
    }
    let told = stage.requests().into_iter().map(|r| (r.field("authorization").is_some(), r.origin));
    let [a, b] = ["https://a.test", "https://b.test"].map(str::to_owned);
    let expected = [(true, a.clone()), (false, b.clone()), (true, a), (false, b)];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

/// The registry's token followed a blob to where the registry keeps it.
#[tokio::test]
async fn ghsa_vh4v_2xq2_g5cg_oras_blob() {
    let call = get("https://registry.test/v2/x/blobs/1").field("Authorization", BEARER);
    call.moved(307, "https://store.test/1").send().await.is_told_to_the_first_only();
}

/// A challenge of any host was answered with the registry's credentials. No challenge is answered here.
#[tokio::test]
async fn cve_2020_15157_containerd_foreign_challenge() {
    let challenge = "HTTP/1.1 401 Who\r\nwww-authenticate: Bearer realm=\"http://evil.test/\"\r\n\
                     content-length: 0\r\n\r\n";
    let call = get("https://registry.test/").field("Authorization", BEARER);
    let seen = call.moved(307, "https://layer.test/").answer(challenge).send().await;
    assert_eq!(seen.end.status, Some(StatusCode::UNAUTHORIZED));
    assert_eq!(seen.requests.len(), 2);
    assert_eq!(seen.last().field("authorization"), None);
}

/// The library's token was sent to S3, which was given a presigned URL.
#[tokio::test]
async fn cve_2022_23538_scs_library_client() {
    let call = get("https://library.test/image").field("Authorization", BEARER);
    let seen = call.moved(302, "https://s3.test/image?X-Amz-Signature=1").send().await;
    seen.is_told_to_the_first_only();
    assert_eq!(seen.last().line(), "GET https://s3.test/image?X-Amz-Signature=1");
}

/// The list of what is secret was too short for a guard. A policy may keep to the origin altogether.
#[tokio::test]
async fn cve_2026_32913_openclaw_custom_fields() {
    let call = get("https://a.test/").marked("X-Own", SECRET);
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
    let call = get("https://a.test/").field("X-Own", SECRET).policy(policy::SameOrigin);
    call.moved(302, "https://b.test/").send().await.was_refused(RefusalKind::Policy);
}

/// Fields were removed on 301, 302 and 303, and not on 307 and 308.
#[tokio::test]
async fn superagent_1844_every_status() {
    for status in [301, 302, 303, 307, 308] {
        for method in ["GET", "POST", "PUT"] {
            let call = crate::stage::call(method, "https://a.test/", "content");
            let call = call.field("Authorization", BEARER).field("Cookie", "sid=s3cr3t");
            call.moved(status, "https://b.test/").send().await.is_told_to_the_first_only();
        }
    }
}

/// Both fields went along; `//b/` names another host too.
#[tokio::test]
async fn ghsa_r98x_p6m8_xcrv_http_rb() {
    let call = get("https://a.test/").field("Authorization", BEARER).field("Cookie", SECRET);
    call.moved(302, "//b.test/").send().await.is_told_to_the_first_only();
}

/// User and password, and all fields, were options of the request that was made anew.
#[tokio::test]
async fn rest_client_832_options_copied() {
    let call = get("http://user:s3cr3t@a.test/").field("Authorization", BEARER);
    let seen = call.moved(302, "http://b.test/").send().await;
    seen.is_told_to_the_first_only();
}

/// The filter compared with a name in lower case.
#[tokio::test]
async fn cve_2026_48595_tesla_mixed_case() {
    let call = get("https://a.test/").field("AuThOrIzAtIoN", BEARER);
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// What was removed for the second host came back for the third.
#[tokio::test]
async fn cve_2025_22227_reactor_netty_chain() {
    let call = get("https://a.test/").field("Authorization", BEARER).field("Cookie", SECRET);
    let call = call.moved(302, "https://b.test/").moved(302, "https://c.test/");
    call.send().await.is_told_to_the_first_only();
}

/// What was removed came back with the second redirect within the other host; nor does it come back at
/// home.
#[tokio::test]
async fn cve_2024_45336_go_removed_and_restored() {
    for third in ["/2", "https://a.test/2", "https://b.test/2"] {
        let call = get("https://a.test/").field("Authorization", BEARER).field("Cookie", SECRET);
        let call = call.moved(302, "https://b.test/1").moved(302, third);
        let seen = call.send().await;
        seen.is_told_to_the_first_only();
        assert_eq!(seen.requests.len(), 3);
    }
}

/// The zone of an IPv6 address ended like the domain.
#[tokio::test]
async fn cve_2023_45289_go_ipv6_zone() {
    let call = get("http://foo.test/").field("Authorization", BEARER);
    let seen = call.moved(302, "http://[::1%25.foo.test]/").send().await;
    seen.was_refused(RefusalKind::BadLocation);
    let call = get("http://foo.test/").field("Authorization", BEARER);
    call.moved(302, "http://evilfoo.test/").send().await.is_told_to_the_first_only();
}

/// The URL was compared as text, by what it begins with.
#[tokio::test]
async fn cve_2026_34359_hapi_fhir_prefix() {
    for other in ["https://good.test.evil.test/", "https://good.test@evil.test/"] {
        let call = get("https://good.test/").field("Authorization", BEARER);
        call.moved(302, other).send().await.is_told_to_the_first_only();
    }
}
