//! Cookies: those that the caller sets, and those of a jar inside of the layer, which sees every hop.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::Empty;
use tower::{Layer, ServiceExt, service_fn};
use tower_follow_redirect::{FollowRedirectLayer, History};

use crate::{
    raw,
    stage::{SECRET, Stage, get},
};

/// The field `Cookie` went along.
#[tokio::test]
async fn cve_2023_43804_urllib3_cookie() {
    let call = get("http://a.test/").field("Cookie", "sid=s3cr3t");
    call.moved(302, "http://b.test/").send().await.is_told_to_the_first_only();
}

/// `cookie` was not on the list.
#[tokio::test]
async fn cve_2022_31151_undici_cookie() {
    let call = get("https://a.test/").field("cookie", "sid=s3cr3t");
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// Neither was it in `fetch`, where browsers forbid to set it.
#[tokio::test]
async fn cve_2023_45143_undici_fetch_cookie() {
    let call = get("https://a.test/").field("Cookie", "sid=s3cr3t");
    call.moved(307, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// Only `Authorization` was removed.
#[tokio::test]
async fn cve_2022_1365_cross_fetch_cookie() {
    let call = get("https://a.test/").field("Cookie", "sid=s3cr3t").field("Authorization", SECRET);
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// A stream of events that was redirected took both along, each time it was opened.
#[tokio::test]
async fn cve_2022_1650_eventsource_cookie_and_authorization() {
    let call = get("https://a.test/events").field("Cookie", SECRET).field("Authorization", SECRET);
    let call = call.field("Accept", "text/event-stream");
    call.moved(301, "https://b.test/events").send().await.is_told_to_the_first_only();
}

/// The field went along.
#[tokio::test]
async fn cve_2022_0355_simple_get_cookie() {
    let call = get("https://a.test/").field("cookie", "sid=s3cr3t");
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// The field went along.
#[tokio::test]
async fn cve_2022_0155_follow_redirects_cookie() {
    let call = get("https://a.test/").field("Cookie", "sid=s3cr3t");
    call.moved(301, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// It went along to another host, and from `https` to `http`.
#[tokio::test]
async fn cve_2022_31042_guzzle_cookie() {
    for other in ["https://b.test/", "http://a.test/"] {
        let call = get("https://a.test/").field("Cookie", "sid=s3cr3t");
        call.moved(302, other).send().await.is_told_to_the_first_only();
    }
}

/// Cookies of a request were sent to other domains, a parent domain among them.
#[tokio::test]
async fn cve_2022_0577_scrapy_cookie() {
    for other in ["https://b.test/", "https://test/", "https://x.a.test/"] {
        let call = get("https://a.test/").field("Cookie", "sid=s3cr3t");
        call.moved(302, other).send().await.is_told_to_the_first_only();
    }
}

/// One of three fields was removed.
#[tokio::test]
async fn cve_2026_44503_kiota_three_fields() {
    let mut call = get("https://a.test/");
    for name in ["Authorization", "Cookie", "Proxy-Authorization"] {
        call = call.field(name, SECRET);
    }
    call.moved(302, "https://b.test/").send().await.is_told_to_the_first_only();
}

/// A cookie was sent to another port of the host.
#[tokio::test]
async fn cve_2026_45300_async_http_client_cookie() {
    let call = get("https://a.test/").field("Cookie", "sid=s3cr3t");
    call.moved(302, "https://a.test:8443/").send().await.is_told_to_the_first_only();
}

/// Each hop added another `Cookie`, and the old one stayed.
#[tokio::test]
async fn ureq_608_one_cookie_field_per_hop() {
    let sets = |value: &str, location: &str| {
        let moved = raw::redirect(302, location);
        moved.replacen("\r\n", &format!("\r\nset-cookie: {value}\r\n"), 1)
    };
    let answers = [sets("x=1", "/1"), sets("x=2", "/2"), sets("x=3", "http://b.test/")];
    let stage = Stage::start(answers).await;
    send_with_jar(&stage).await;
    let cookies: Vec<_> = stage.requests().iter().map(|r| cookies(&r.head)).collect();
    assert_eq!(cookies, [vec![], vec!["x=1".to_owned()], vec!["x=2".to_owned()], vec![]]);
}

/// A cookie that the redirect set without a domain went to where it led.
#[tokio::test]
async fn cve_2015_2296_requests_cookie_of_the_redirect() {
    cookie_of_a_redirect("https://b.test/").await;
}

/// The same: `Set-Cookie` of a redirect is for the host that says it.
#[tokio::test]
async fn cve_2015_1820_rest_client_cookie_of_the_redirect() {
    cookie_of_a_redirect("http://b.test/x").await;
}

async fn cookie_of_a_redirect(location: &str) {
    let moved = raw::redirect(302, location);
    let moved = moved.replacen("\r\n", "\r\nset-cookie: sid=s3cr3t\r\n", 1);
    let stage = Stage::start([moved]).await;
    send_with_jar(&stage).await;
    let requests = stage.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|request| cookies(&request.head).is_empty()), "{requests:#?}");
}

/// Cookies were chosen by the `Host` that was set for the first request.
#[tokio::test]
async fn cve_2026_6276_curl_stale_host() {
    let call = get("http://a.test/").field("Host", "victim.test").field("Cookie", "sid=s3cr3t");
    let seen = call.moved(302, "http://b.test/").send().await;
    seen.is_told_to_the_first_only();
    assert_eq!(seen.requests[0].field("host"), Some("victim.test"));
    assert_eq!(seen.last().field("host"), Some("b.test"));
}

/// A redirect set thousands of cookies, so that every later request was too large.
#[tokio::test]
async fn cve_2022_32205_curl_flood_of_cookies() {
    let value = format!("set-cookie: x={}\r\n", "x".repeat(3000));
    let moved = |location: &str| {
        raw::redirect(302, location).replacen("\r\n", &format!("\r\n{}", value.repeat(90)), 1)
    };
    let layer = FollowRedirectLayer::new().record_header(header::SET_COOKIE);
    let call = get("http://a.test/").layer(layer).moved(302, "/0");
    let call = call.answer(moved("/1")).answer(moved("/2"));
    let seen = call.send().await;
    seen.went(&[
        "GET http://a.test/",
        "GET http://a.test/0",
        "GET http://a.test/1",
        "GET http://a.test/2",
    ]);
    assert!(seen.requests.iter().all(|request| request.head.len() < 100), "{seen:#?}");
}

/// What the history keeps of such a flood has an end, too.
#[tokio::test]
async fn what_is_recorded_of_a_flood_has_an_end() {
    let field = format!("set-cookie: x={}\r\n", "x".repeat(3000));
    let moved = raw::redirect(302, "/").replacen("\r\n", &format!("\r\n{}", field.repeat(10)), 1);
    let stage = Stage::start(vec![moved; 5]).await;
    let layer = FollowRedirectLayer::new().record_header(header::SET_COOKIE);
    let request = Request::get("http://a.test/").body(Empty::<bytes::Bytes>::new()).unwrap();
    let response = layer.layer(stage.client()).oneshot(request).await.unwrap();
    let hops = History::of(&response).unwrap().hops();
    let kept: usize = hops.iter().flat_map(|hop| hop.headers().values()).map(|v| v.len()).sum();
    assert!(kept > 60_000 && kept <= 64 * 1024, "{kept}");
    let left_out: Vec<_> = hops.iter().map(|hop| hop.headers_left_out()).collect();
    assert_eq!(left_out, [0, 0, 9, 10, 10]);
}

fn cookies(head: &str) -> Vec<String> {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let cookies = lines.filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
    cookies.map(|(_, value)| value.to_owned()).collect()
}

/// Makes a call through the layer with a jar inside of it: the jar sees the URI of every hop, and what
/// its server has set.
async fn send_with_jar(stage: &Stage) {
    let client = stage.client();
    let jar = Arc::new(Mutex::new(HashMap::<String, HeaderValue>::new()));
    let with_jar = service_fn(move |mut request: Request<_>| {
        let (client, jar) = (client.clone(), Arc::clone(&jar));
        async move {
            let host = request.uri().host().unwrap().to_owned();
            request.headers_mut().remove(header::COOKIE);
            if let Some(cookie) = jar.lock().unwrap().get(&host) {
                request.headers_mut().insert(header::COOKIE, cookie.clone());
            }
            let response = client.oneshot(request).await?;
            if let Some(cookie) = response.headers().get(header::SET_COOKIE) {
                jar.lock().unwrap().insert(host, cookie.clone());
            }
            Ok::<_, hyper_util::client::legacy::Error>(response)
        }
    });
    let client = FollowRedirectLayer::new().layer(with_jar);
    let request = Request::get("http://a.test/").body(Empty::<bytes::Bytes>::new()).unwrap();
    assert_eq!(client.oneshot(request).await.unwrap().status(), StatusCode::OK);
}
