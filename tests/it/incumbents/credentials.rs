//! What another origin must not learn: B4, B5, B8, B9, B24, B25, B30.

use http::{HeaderName, HeaderValue, Request, Version, header};
use http_body_util::Empty;
use tower_follow_redirect::{
    FollowRedirectLayer, Policy, RefusalKind,
    policy::{self, Decision, HttpsOnly, Limited, Referer, SameOrigin, Standard},
};

use crate::support::{
    get,
    step::{Call, Hop, reason, refused},
};

type NoBody = Empty<bytes::Bytes>;

/// A request with these header fields.
fn with(uri: &str, fields: &[(&str, &str)]) -> Request<NoBody> {
    let mut request = get(uri);
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

/// Follows one redirect and returns the request that comes of it.
async fn second<P: Policy + 'static>(
    layer: FollowRedirectLayer<P>,
    request: Request<NoBody>,
    location: &str,
) -> Hop<NoBody> {
    let mut call = Call::start(layer, request);
    call.next().await.redirect(302, location);
    call.next().await
}

/// Both send the caller's `Host` to the other authority, which then serves the wrong site or none.
#[tokio::test]
async fn b04_host_does_not_name_the_old_authority() {
    let table = [
        ("/y", Some("virtual.test")),
        ("http://b.test/", None),
        ("http://a.test:8080/", None),
        ("https://a.test/", None),
    ];
    for (location, expected) in table {
        let request = with("http://a.test/", &[("host", "virtual.test")]);
        let second = second(FollowRedirectLayer::new(), request, location).await;
        assert_eq!(second.field("host"), expected, "{location}");
    }
}

/// Both know three names of secrets; an API key, a session token and a cookie of the old kind go to
/// the other host.
#[tokio::test]
async fn b05_secret_headers_do_not_cross_origins() {
    let secrets = [
        ("authorization", "Bearer secret"),
        ("cookie", "session=secret"),
        ("cookie2", "session=secret"),
        ("proxy-authorization", "Basic secret"),
        ("x-api-key", "secret"),
        ("x-auth-token", "secret"),
        ("x-csrf-token", "secret"),
        ("private-token", "secret"),
        ("x-amz-security-token", "secret"),
        ("x-amz-server-side-encryption-customer-key", "secret"),
    ];
    let mut request = with("https://a.test/", &secrets);
    request.headers_mut().insert("accept", HeaderValue::from_static("*/*"));
    let mut call = Call::start(FollowRedirectLayer::new(), request);
    call.next().await.redirect(302, "/within");
    let within = call.next().await;
    assert_eq!(within.fields().len(), secrets.len() + 1);
    within.redirect(302, "https://b.test/");
    let across = call.next().await;
    assert_eq!(across.fields(), ["accept"]);
    // What was removed does not come back at home.
    across.redirect(302, "https://a.test/");
    assert_eq!(call.next().await.fields(), ["accept"]);
}

/// In both, a name that is not in the list cannot be protected.
#[tokio::test]
async fn b05_a_value_marked_sensitive_and_a_name_the_user_adds_do_not_cross_origins() {
    let mut request = with("https://a.test/", &[("x-tenant", "plain"), ("x-mine", "plain")]);
    let mut secret = HeaderValue::from_static("secret");
    secret.set_sensitive(true);
    request.headers_mut().append("x-mine", secret);
    let layer = FollowRedirectLayer::new().sensitive_header(HeaderName::from_static("x-tenant"));
    assert_eq!(second(layer, request, "https://b.test/").await.fields(), [""; 0]);
}

/// In tower-http, `x.or(FilterCredentials)` follows as `x` says, and filters nothing:
/// `Authorization` reaches the other host.
#[tokio::test]
async fn b08_no_order_of_policies_lets_a_credential_out() {
    let follow = || Box::new(Standard) as Box<dyn Policy>;
    let pass = || Box::new(Decision::Pass) as Box<dyn Policy>;
    let limited = || Box::new(Limited::new(9)) as Box<dyn Policy>;
    let grant = || Box::new(Decision::FollowWithCredentials) as Box<dyn Policy>;
    // (the policy, whether it grants credentials)
    let table: Vec<(&str, Box<dyn Policy>, bool)> = vec![
        ("follow or pass", Box::new(follow().or(pass())), false),
        ("pass or follow", Box::new(pass().or(follow())), false),
        ("follow or grant", Box::new(follow().or(grant())), false),
        ("grant and follow", Box::new(grant().and(follow())), false),
        ("follow and grant", Box::new(follow().and(grant())), false),
        ("(pass or follow) and grant", Box::new(pass().or(follow()).and(grant())), false),
        ("nobody has an opinion", Box::new(pass().and(limited())), false),
        ("grant and limited", Box::new(grant().and(limited())), true),
        ("limited or grant", Box::new(limited().or(grant())), true),
        ("grant or follow", Box::new(grant().or(follow())), true),
    ];
    for (name, policy, granted) in table {
        let request = with("https://a.test/", &[("authorization", "secret")]);
        let layer = FollowRedirectLayer::new().with_policy(policy);
        let second = second(layer, request, "https://b.test/").await;
        assert_eq!(second.field("authorization").is_some(), granted, "{name}");
    }
}

/// In tower-http, a policy's filter is forgotten where another policy decides.
#[tokio::test]
async fn b08_what_one_policy_strips_no_other_brings_back() {
    let name = || HeaderName::from_static("x-mine");
    let strip = move || {
        policy::redirect_fn(move |attempt| {
            attempt.strip_header(name());
            Decision::Pass
        })
    };
    let set = move || {
        policy::redirect_fn(move |attempt| {
            attempt.set_header(name(), HeaderValue::from_static("set"));
            Decision::Follow
        })
    };
    let table: Vec<(&str, Box<dyn Policy>)> = vec![
        ("strip and set", Box::new(strip().and(set()))),
        ("set and strip", Box::new(set().and(strip()))),
        ("strip or set", Box::new(strip().or(set()))),
        ("strip and grant", Box::new(strip().and(Decision::FollowWithCredentials))),
        ("strip or grant", Box::new(strip().or(Decision::FollowWithCredentials))),
    ];
    for (name, policy) in table {
        let request = with("https://a.test/", &[("x-mine", "v")]);
        let layer = FollowRedirectLayer::new().with_policy(policy);
        assert_eq!(second(layer, request, "/within").await.field("x-mine"), None, "{name}");
    }
}

/// tower-http compares hosts as they are written: `API.a.test` and `/b` are two origins, and
/// `Authorization` and all extensions are gone.
#[tokio::test]
async fn b09_one_host_written_in_two_ways_is_one_origin() {
    #[derive(Clone)]
    struct Kept;

    let table = [
        ("http://API.a.test/x", "/y"),
        ("http://API.a.test/x", "http://api.A.test/y"),
        ("http://a.test/x", "http://a.test:80/y"),
        ("https://a.test:443/x", "https://a.test/y"),
        ("http://[0:0:0:0:0:0:0:1]/x", "/y"),
        ("http://[::1]/x", "http://[0:0:0:0:0:0:0:1]/y"),
    ];
    for (from, location) in table {
        let mut request = with(from, &[("authorization", "secret")]);
        request.extensions_mut().insert(Kept);
        let layer = FollowRedirectLayer::new().with_policy(SameOrigin);
        let second = second(layer, request, location).await;
        assert_eq!(second.field("authorization"), Some("secret"), "{from} to {location}");
        assert!(second.head.extensions.get::<Kept>().is_some(), "{from} to {location}");
    }
}

/// reqwest sends the whole URL of the redirect to the next host, with the token in its query.
#[tokio::test]
async fn b24_no_referer_is_made_up() {
    for location in ["/y", "https://b.test/"] {
        let request = get("https://a.test/s?token=secret");
        let second = second(FollowRedirectLayer::new(), request, location).await;
        assert_eq!(second.field("referer"), None, "{location}");
    }
}

#[tokio::test]
async fn b24_the_callers_referer_stays_within_the_origin() {
    for (location, expected) in [("/y", Some("https://a.test/?secret")), ("https://b.test/", None)]
    {
        let request = with("https://a.test/", &[("referer", "https://a.test/?secret")]);
        let second = second(FollowRedirectLayer::new(), request, location).await;
        assert_eq!(second.field("referer"), expected, "{location}");
    }
}

#[tokio::test]
async fn b24_the_referer_policy_tells_another_origin_the_origin_only() {
    let table = [
        ("/y", Some("https://a.test/s?token=secret")),
        ("https://b.test/", Some("https://a.test/")),
        ("http://a.test/", None),
        ("http://b.test/", None),
    ];
    for (location, expected) in table {
        let policy = Standard.and(Referer::strict_origin_when_cross_origin());
        let request = get("https://a.test/s?token=secret");
        let layer = FollowRedirectLayer::new().with_policy(policy);
        assert_eq!(second(layer, request, location).await.field("referer"), expected, "{location}");
    }
}

/// reqwest's policy only ever inserts a `Referer`: over headers that carry over from hop to hop,
/// that of an `https` page survives the way to `http`.
#[tokio::test]
async fn b25_a_referer_of_https_does_not_survive_to_http() {
    for referer in [Referer::strict_origin_when_cross_origin(), Referer::auto()] {
        for last in ["http://a.test/", "http://b.test/"] {
            let layer = FollowRedirectLayer::new().with_policy(Standard.and(referer));
            let request = with("https://a.test/1", &[("referer", "https://a.test/0")]);
            let mut call = Call::start(layer, request);
            call.next().await.redirect(302, "/2");
            let within = call.next().await;
            assert_eq!(within.field("referer"), Some("https://a.test/1"));
            within.redirect(302, last);
            assert_eq!(call.next().await.field("referer"), None, "{referer:?} to {last}");
        }
    }
}

/// Both go from `https` to `http`. So do we, as browsers do for a navigation, but no credential
/// goes along.
#[tokio::test]
async fn b30_a_downgrade_is_followed_without_credentials() {
    let mut request = with("https://a.test/", &[("authorization", "secret"), ("accept", "*/*")]);
    *request.version_mut() = Version::HTTP_11;
    let second = second(FollowRedirectLayer::new(), request, "http://a.test/").await;
    assert_eq!(second.uri(), "http://a.test/");
    assert_eq!(second.fields(), ["accept"]);
}

#[tokio::test]
async fn b30_https_only_refuses_a_downgrade() {
    let layer = FollowRedirectLayer::new().with_policy(HttpsOnly);
    let mut call = Call::start(layer, get("https://a.test/"));
    call.next().await.redirect(302, "https://b.test/");
    call.next().await.redirect(302, "http://b.test/");
    let error = call.end().await.unwrap_err();
    assert_eq!(refused(&error), Some(RefusalKind::Scheme));
    let response = error.into_response().unwrap();
    assert_eq!(response.headers()[header::LOCATION], "http://b.test/");
    assert_eq!(reason(&response), Some(RefusalKind::Scheme));
}
