//! Strings that two parsers read differently, line breaks, and lengths.

use http::{HeaderValue, Method, Uri};
use tower_follow_redirect::{RefusalKind, policy};

use crate::stage::{SECRET, get};

/// Checks that what a string leads to is another origin for everybody, and by whose name.
async fn leads_to(location: &str, origin: &str) {
    let seen = get("http://a.test/").field("Authorization", SECRET).moved(302, location);
    let seen = seen.send().await;
    seen.is_told_to_the_first_only();
    assert_eq!(seen.last().origin, origin);
    assert_eq!(seen.last().field("host"), origin.split("://").nth(1));
}

async fn is_refused(location: &str) {
    let call = get("http://a.test/").field("Authorization", SECRET);
    call.moved(302, location).send().await.was_refused(RefusalKind::BadLocation);
}

/// `#` did not end the host for one parser.
#[tokio::test]
async fn cve_2016_8624_curl_fragment_before_at() {
    leads_to("http://example.test#@evil.test/x", "http://example.test").await;
}

/// A slash that was percent-encoded became one, in the host.
#[tokio::test]
async fn cve_2022_27780_curl_encoded_slash_in_host() {
    is_refused("http://example.test%2F127.0.0.1/").await;
    is_refused("http://example.test%2f@evil.test%2f/").await;
}

/// What the strict parser refused was given to a lax one.
#[tokio::test]
async fn cve_2023_26159_follow_redirects_lax_fallback() {
    is_refused("http://[localhost]/").await;
    is_refused("http://[127.0.0.1]:80/").await;
}

/// With two `@` the wrong host was asked.
#[tokio::test]
async fn cve_2020_13956_apache_two_at_signs() {
    leads_to("http://user@good.test:80@evil.test/", "http://evil.test").await;
    leads_to("http://good.test:80@evil.test:81@b.test/", "http://b.test").await;
}

/// An authority was put together again, and then read otherwise.
#[tokio::test]
async fn cve_2026_48998_guzzle_psr7_authority() {
    is_refused("http://good.test:80\\@evil.test/").await;
    is_refused("http://good.test:80:90/").await;
}

/// A line break in a host was sent as one.
#[tokio::test]
async fn cve_2026_49214_guzzle_psr7_line_break_in_host() {
    is_refused("http://good.test%0d%0aX-Injected:1/").await;
    is_refused("http://good.test\tevil.test/").await;
}

/// A URL that is none became another by taking it apart and joining it.
#[tokio::test]
async fn cve_2021_41945_httpx_malformed() {
    is_refused("http://[::1/").await;
    is_refused("//[]/").await;
    is_refused("http:///evil.test/").await;
    // A policy cannot make such a target either.
    assert!("http://[::1/".parse::<Uri>().is_err());
    assert!(tower_follow_redirect::Target::new(Uri::from_static("evil.test:80"), None).is_err());
}

/// A semicolon ended the userinfo for some, so that they saw another host.
#[tokio::test]
async fn cve_2024_38428_wget_semicolon_in_userinfo() {
    leads_to("http://good.test;x@evil.test/", "http://evil.test").await;
    leads_to("http://user:;@evil.test/", "http://evil.test").await;
}

/// `host:port` was taken for a URL, in which it is a scheme.
#[tokio::test]
async fn cve_2024_10524_wget_shorthand() {
    let call = get("http://a.test/").field("Authorization", SECRET);
    call.moved(302, "evil.test:80").send().await.was_refused(RefusalKind::Scheme);
    let call = get("http://a.test/").field("Authorization", SECRET);
    call.moved(302, "evil:80@b.test/x").send().await.was_refused(RefusalKind::Scheme);
}

/// What is encoded in a URL was sent decoded, through a proxy: a request within the request.
#[tokio::test]
async fn cve_2014_8150_curl_line_break_in_url() {
    let seen = get("http://a.test/").moved(302, "/x%0d%0aX-Injected:%201").send().await;
    assert_eq!(seen.last().line(), "GET http://a.test/x%0d%0aX-Injected:%201");
    assert_eq!(seen.last().field("x-injected"), None);
    // Where the server sends it undecoded, it ends the field: what remains leads nowhere else.
    let seen = get("http://a.test/").moved(302, "/x\r\nX-Injected: 1").send().await;
    seen.went(&["GET http://a.test/", "GET http://a.test/x"]);
    assert_eq!(seen.last().field("x-injected"), None);
}

/// The same, without a proxy.
#[tokio::test]
async fn cve_2020_11078_httplib2_line_break_in_url() {
    for location in ["/x?q=%0aHost:%20evil", "/\u{85}x", "/x%20HTTP/1.1%0d%0a"] {
        let seen = get("http://a.test/").moved(302, location).send().await;
        let head = &seen.last().head;
        assert!(head.lines().next().unwrap().ends_with(" HTTP/1.1"), "{head}");
        assert_eq!(head.matches("HTTP/1.1\r\n").count(), 1, "{head}");
        assert_eq!(seen.last().field("host"), Some("a.test"));
    }
}

/// The method was sent as it was given. Ours has a type that holds no line break.
#[tokio::test]
async fn cve_2020_26137_urllib3_line_break_in_method() {
    assert!(Method::from_bytes(b"GET / HTTP/1.1\r\nX: y\r\n").is_err());
    let policy = policy::redirect_fn(|attempt| {
        let method = Method::from_bytes(b"GET\r\n").unwrap_or(Method::HEAD);
        attempt.set_method(method);
        policy::Decision::Follow
    });
    let seen = get("http://a.test/").policy(policy).moved(302, "/x").send().await;
    assert_eq!(seen.last().line(), "HEAD http://a.test/x");
}

/// So was the version. Ours is one of five values, and that of a server leads to none other.
#[tokio::test]
async fn cve_2023_49081_aiohttp_line_break_in_version() {
    let answer = "HTTP/1.1\tX 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n";
    get("http://a.test/").answer(answer).send().await.failed();
    let old = "HTTP/1.0 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n";
    let seen = get("http://a.test/").answer(old).send().await;
    assert!(seen.last().head.starts_with("GET /x HTTP/1.1\r\n"), "{seen:#?}");
}

/// So was the method, again; one that no rule knows is kept, byte by byte.
#[tokio::test]
async fn cve_2023_49082_aiohttp_line_break_in_method() {
    for bad in [&b"GET\n"[..], b"GET /", b"G\0T", b""] {
        assert!(Method::from_bytes(bad).is_err());
    }
    let call = crate::stage::call("WEIRD-METHOD", "http://a.test/", "");
    let seen = call.moved(302, "/x").send().await;
    assert_eq!(seen.last().line(), "WEIRD-METHOD http://a.test/x");
}

/// A header value with a line break was sent as two fields.
#[tokio::test]
async fn rustsec_2017_0002_hyper_line_break_in_value() {
    assert!(HeaderValue::from_bytes(b"x\r\nY: z").is_err());
    // What a server says gets into the next request by `Referer` alone.
    let call = get("http://a.test/").policy(policy::Referer::auto());
    let seen = call.moved(302, "/x%0d%0aY:%20z").moved(302, "/end").send().await;
    assert_eq!(seen.last().field("referer"), Some("http://a.test/x%0d%0aY:%20z"));
    assert_eq!(seen.last().field("y"), None);
}

/// A name in Punycode that needs none was a second name for the same host.
#[tokio::test]
async fn rustsec_2024_0421_idna_second_name() {
    for location in ["http://xn--example-.test/", "http://xn--/", "//a.xn--evil-/x"] {
        is_refused(location).await;
    }
    leads_to("http://m\u{fc}nchen.test/", "http://xn--mnchen-3ya.test").await;
}

/// A `Location` of more than 1024 bytes was cut, and led elsewhere.
#[tokio::test]
async fn cve_2025_1861_php_cut_location() {
    let path = format!("/{}", "x".repeat(8000));
    let seen = get("http://a.test/").moved(302, &path).send().await;
    assert_eq!(seen.last().line(), format!("GET http://a.test{path}"));
}

/// A long host passed the end of a buffer. It goes to the transport whole, as another host.
#[tokio::test]
async fn cve_2023_38545_curl_long_host() {
    let host = format!("http://{}test", "abcdefg.".repeat(60));
    leads_to(&format!("{host}/"), &host).await;
}

/// With a dot at the end the host was another one, which need not be asked by TLS.
#[tokio::test]
async fn cve_2022_30115_curl_hsts_trailing_dot() {
    downgrade("http://a.test./").await;
}

/// With a dot that is none in ASCII the host was another one before it was converted.
#[tokio::test]
async fn cve_2022_42916_curl_hsts_ideographic_dot() {
    downgrade("http://a\u{3002}test/").await;
    leads_to("http://b\u{3002}test/", "http://b.test").await;
}

/// The same, with a dot of full width.
#[tokio::test]
async fn cve_2022_43551_curl_hsts_full_width_dot() {
    downgrade("http://a\u{ff0e}test/").await;
}

/// Checks that it is no way around TLS: neither for credentials nor for the policy.
async fn downgrade(location: &str) {
    let call = || get("https://a.test/").field("Authorization", SECRET).moved(302, location);
    call().send().await.is_told_to_the_first_only();
    call().policy(policy::HttpsOnly).send().await.was_refused(RefusalKind::Scheme);
}
