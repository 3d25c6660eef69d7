//! Who decides, and what the caller learns: B17, B18, B19, B20, B23.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{Empty, Full};
use tokio::{sync::oneshot, time::Instant};
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn, timeout::error::Elapsed};
use tower_follow_redirect::{
    FollowRedirectLayer, History, Policy, RefusalKind, ReplayBody, Target,
    policy::{self, Answer, Attempt, Decision, Verdict},
    rules::location::LocationError,
};

use crate::support::{
    get,
    step::{Call, reason, redirect, refused, status},
    text,
};

/// Finds the bucket's endpoint where the server has named only its region, as S3 does.
struct Regions;

impl Policy for Regions {
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        let region = attempt.response().headers.get("x-amz-bucket-region");
        if let Some(region) = region.and_then(|region| region.to_str().ok()) {
            let path = attempt.request().uri.path();
            let uri = format!("https://s3.{region}.test{path}").parse().unwrap();
            attempt.set_target(Target::new(uri, None).unwrap());
            return Decision::Follow.into();
        }
        Decision::Pass.into()
    }

    fn claims(&self, status: StatusCode) -> bool {
        status == StatusCode::BAD_REQUEST
    }
}

/// Neither asks its policy where `Location` is missing: S3's 301 cannot be handled, and reqwest's
/// `error_for_status` takes it for success.
#[tokio::test]
async fn b17_a_policy_names_the_target_where_location_does_not() {
    let table = [
        (301, None),
        (307, Some("")),
        (302, Some("http:///")),
        (302, Some("ftp://b.test/")),
        (400, None),
    ];
    for (code, location) in table {
        let layer = FollowRedirectLayer::new().with_policy(Regions);
        let mut call = Call::start(layer, get("https://s3.test/bucket/key"));
        let mut response = location.map_or_else(|| status(code), |to| redirect(code, to));
        response.headers_mut().insert("x-amz-bucket-region", HeaderValue::from_static("eu"));
        call.next().await.answer(response);
        let second = call.next().await;
        assert_eq!(second.uri(), "https://s3.eu.test/bucket/key", "{code} {location:?}");
    }
}

/// Where such a policy has no opinion, all is as without it.
#[tokio::test]
async fn b17_a_response_that_nobody_claims_is_handed_over() {
    for (code, expected) in [(301, Some(RefusalKind::MissingLocation)), (400, None), (404, None)] {
        let layer = FollowRedirectLayer::new().with_policy(Regions);
        let mut call = Call::start(layer, get("https://s3.test/bucket/key"));
        call.next().await.answer(status(code));
        let response = call.end().await.unwrap();
        assert_eq!((response.status().as_u16(), reason(&response)), (code, expected));
    }
}

#[tokio::test]
async fn b17_a_policy_sees_what_is_wrong_with_a_location() {
    let policy = policy::redirect_fn(|attempt| match attempt.target() {
        Err(LocationError::Bad(_)) => Decision::Stop,
        other => Decision::fail(format!("{other:?}")),
    });
    let layer = FollowRedirectLayer::new().with_policy(policy);
    let mut call = Call::start(layer, get("http://a.test/"));
    call.next().await.redirect(302, "http://b.test:99999/");
    assert_eq!(reason(&call.end().await.unwrap()), Some(RefusalKind::Policy));
}

/// At its limit tower-http returns `Ok(302)` as if nothing were; reqwest returns an error without
/// the response.
#[tokio::test]
async fn b18_the_error_at_the_limit_owns_the_last_response() {
    let mut call = Call::start(FollowRedirectLayer::new().limit(2), get("http://a.test/0"));
    call.next().await.redirect(302, "/1");
    call.next().await.redirect(302, "/2");
    call.next().await.redirect(307, "/3");
    let error = call.end().await.unwrap_err();
    assert_eq!(refused(&error), Some(RefusalKind::TooManyRedirects));
    assert_eq!(error.refusal().unwrap().status(), 307);
    let response = error.into_response().unwrap();
    assert_eq!(response.status(), 307);
    assert_eq!(response.headers()[header::LOCATION], "/3");
    let history = History::of(&response).unwrap();
    assert_eq!((history.hops().len(), history.effective_uri().path()), (2, "/2"));
    assert_eq!(text(response).await, "see there");
}

/// By default 20 redirects are followed, no more and no fewer.
#[tokio::test]
async fn b18_the_default_limit_is_20() {
    let mut call = Call::start(FollowRedirectLayer::new(), get("http://a.test/0"));
    for _ in 0..=20 {
        call.next().await.redirect(302, "/again");
    }
    assert_eq!(refused(&call.end().await.unwrap_err()), Some(RefusalKind::TooManyRedirects));
}

/// In tower-http a policy's error takes the response along.
#[tokio::test]
async fn b18_the_error_of_a_policy_owns_the_response() {
    let policy = policy::redirect_fn(|_| Decision::fail("the certificate has expired"));
    let layer = FollowRedirectLayer::new().with_policy(policy);
    let mut call = Call::start(layer, get("http://a.test/"));
    call.next().await.redirect(302, "/x");
    let error: BoxError = call.end().await.unwrap_err().into();
    let refusal = error.source().unwrap();
    assert_eq!(refusal.source().unwrap().to_string(), "the certificate has expired");
    let error: Box<tower_follow_redirect::Error<Full<Bytes>>> = error.downcast().unwrap();
    assert_eq!(text(error.into_response().unwrap()).await, "see there");
}

/// Both tell the final URI at most, never the way to it.
#[tokio::test]
async fn b19_the_response_tells_its_history() {
    let layer = FollowRedirectLayer::new().record_header(header::SET_COOKIE);
    let request = Request::post("http://a.test/form").body(Full::<Bytes>::from("x")).unwrap();
    let mut call = Call::start(layer, request);
    let mut response = redirect(303, "/seen#top");
    response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static("a=1"));
    response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static("b=2"));
    call.next().await.answer(response);
    call.next().await.redirect(308, "http://b.test/seen");
    let response = call.end_with_ok().await;
    let history = History::of(&response).unwrap();
    let hops: Vec<_> = history
        .hops()
        .iter()
        .map(|hop| format!("{} {} {}", hop.method(), hop.uri(), hop.status().as_u16()))
        .collect();
    assert_eq!(hops, ["POST http://a.test/form 303", "GET http://a.test/seen 308"]);
    assert_eq!(history.hops()[0].headers().get_all(header::SET_COOKIE).iter().count(), 2);
    assert!(history.hops()[1].headers().is_empty());
    assert_eq!(history.effective_url(), "http://b.test/seen#top");
}

/// In both, what a policy counts is forgotten with the call's clone of it, so that nothing is known
/// across calls.
#[tokio::test]
async fn b19_a_policy_is_one_for_all_calls() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let policy = policy::redirect_fn(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        Decision::Follow
    });
    let layer = FollowRedirectLayer::new().with_policy(policy);
    for _ in 0..3 {
        let mut call = Call::start(layer.clone(), get("http://a.test/"));
        call.next().await.redirect(302, "/x");
        call.end_with_ok().await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

/// In both a policy must answer at once, from a status and two URIs: a DNS check blocks the
/// executor.
#[tokio::test]
async fn b20_a_policy_sees_the_response_and_may_take_its_time() {
    let (answer, asked) = oneshot::channel();
    let asked = std::sync::Mutex::new(Some(asked));
    let policy = policy::redirect_fn(move |attempt| {
        assert_eq!(attempt.response().headers["x-reason"], "moved");
        assert_eq!(attempt.request().headers["accept"], "*/*");
        let asked = asked.lock().unwrap().take().unwrap();
        Verdict::ask(async move {
            let token: HeaderValue = asked.await.unwrap();
            Answer::from(Decision::Follow).set_header(header::AUTHORIZATION, token)
        })
    });
    let mut request = get("https://a.test/");
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    let mut call = Call::start(FollowRedirectLayer::new().with_policy(policy), request);
    let mut response = redirect(302, "https://b.test/");
    response.headers_mut().insert("x-reason", HeaderValue::from_static("moved"));
    call.next().await.answer(response);
    answer.send(HeaderValue::from_static("for-b")).unwrap();
    assert_eq!(call.next().await.field("authorization"), Some("for-b"));
}

type NoBody = Empty<Bytes>;

/// A server that takes 150 ms for each of four requests.
async fn slow(request: Request<ReplayBody<NoBody>>) -> Result<Response<NoBody>, BoxError> {
    tokio::time::sleep(Duration::from_millis(150)).await;
    let next = match request.uri().path() {
        "/1" => "/2",
        "/2" => "/3",
        "/3" => "/4",
        _ => return Ok(Response::new(NoBody::new())),
    };
    Ok(Response::builder().status(302).header(header::LOCATION, next).body(NoBody::new())?)
}

/// reqwest's `read_timeout` is one timer for the whole chain: 400 ms are over after four hops of
/// 150 ms, none of which was slow. Here the order of the layers says what is meant: a timeout
/// inside is that of each hop.
#[tokio::test(start_paused = true)]
async fn b23_a_timeout_inside_is_that_of_each_hop() {
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .timeout(Duration::from_millis(400))
        .service(service_fn(slow));
    let begun = Instant::now();
    let response = client.oneshot(get("http://a.test/1")).await.unwrap();
    assert_eq!(History::of(&response).unwrap().hops().len(), 3);
    assert_eq!(begun.elapsed().as_millis(), 600);
}

/// A timeout outside is that of the call with all its hops.
#[tokio::test(start_paused = true)]
async fn b23_a_timeout_outside_is_that_of_the_whole_call() {
    let client = ServiceBuilder::new()
        .timeout(Duration::from_millis(400))
        .layer(FollowRedirectLayer::new())
        .service(service_fn(slow));
    let begun = Instant::now();
    let error = client.oneshot(get("http://a.test/1")).await.unwrap_err();
    assert!(error.is::<Elapsed>(), "{error}");
    assert_eq!(begun.elapsed().as_millis(), 400);
}

/// A hop that is too slow names itself, and its cause.
#[tokio::test(start_paused = true)]
async fn b23_a_hop_that_times_out_is_named() {
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .timeout(Duration::from_millis(100))
        .service(service_fn(slow));
    let error: BoxError = client.oneshot(get("http://a.test/1")).await.unwrap_err().into();
    assert_eq!(error.to_string(), "GET http://a.test/1 failed");
    assert!(error.source().unwrap().is::<Elapsed>());
}
