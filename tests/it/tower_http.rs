//! Our policies in tower-http's layer.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_follow_redirect::policy::{
    self, Decision, HttpsOnly, Limited, Policy, Referer, S3, SameOrigin, StrictConfirm, TowerHttp,
    strict::Consent,
};
use tower_http::follow_redirect::{
    FollowRedirectLayer,
    policy::{PolicyExt, clone_body_fn},
};

type Body = Full<Bytes>;

/// A request extension that tells who the caller is.
#[derive(Clone)]
struct Caller;

/// An extension of a policy's.
#[derive(Clone)]
struct Policys;

/// What a call has sent: method, URI and the names of what is secret, `Caller` among it.
type Sent = Vec<(String, Vec<String>)>;

const SECRETS: [&str; 3] = ["authorization", "x-api-key", "referer"];

/// Makes a call that is redirected to each of the locations.
async fn call<P: Policy + Clone>(
    policy: P,
    (method, uri): (&str, &str),
    locations: &[(u16, &'static str)],
) -> (Sent, u16) {
    let sent = Arc::new(Mutex::new(Sent::new()));
    let (log, locations) = (Arc::clone(&sent), locations.to_vec());
    let server = service_fn(move |request: Request<Body>| {
        let mut log = log.lock().unwrap();
        let location = locations.get(log.len()).copied();
        let secret = SECRETS.iter().filter(|name| request.headers().contains_key(**name));
        let line = format!("{} {}", request.method(), request.uri());
        let caller = request.extensions().get().map(|Caller| "caller");
        let policys = request.extensions().get().map(|Policys| "policy's");
        let found = secret.copied().chain(caller).chain(policys);
        log.push((line, found.map(str::to_owned).collect()));
        let mut response = Response::new(Body::default());
        if let Some((status, location)) = location {
            *response.status_mut() = status.try_into().unwrap();
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_static(location));
        }
        async { Ok::<_, Infallible>(response) }
    });
    let copies = clone_body_fn(|body: &Body| Some(body.clone()));
    let policy = PolicyExt::and::<_, Body, Infallible>(TowerHttp::new(policy), copies);
    let client = FollowRedirectLayer::with_policy(policy).layer(server);
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header(header::AUTHORIZATION, "AWS AK:signature")
        .header(HeaderName::from_static("x-api-key"), "secret")
        .extension(Caller);
    let response = client.oneshot(request.body(Body::from("ha ha")).unwrap()).await.unwrap();
    let sent = sent.lock().unwrap().clone();
    (sent, response.status().as_u16())
}

fn lines(sent: &Sent) -> Vec<&str> {
    sent.iter().map(|(line, _)| &**line).collect()
}

#[tokio::test]
async fn synchronous_policies_decide_as_in_our_layer() {
    let (sent, status) = call(SameOrigin, ("GET", "http://a.test/"), &[(302, "/2")]).await;
    assert_eq!((lines(&sent), status), (vec!["GET http://a.test/", "GET http://a.test/2"], 200));
    for (name, stopped) in [
        (
            "SameOrigin",
            call(SameOrigin, ("GET", "http://a.test/"), &[(302, "http://b.test/")]).await,
        ),
        (
            "HttpsOnly",
            call(HttpsOnly, ("GET", "https://a.test/"), &[(302, "http://a.test/")]).await,
        ),
        ("Limited", call(Limited::new(0), ("GET", "http://a.test/"), &[(302, "/2")]).await),
    ] {
        assert_eq!((stopped.0.len(), stopped.1), (1, 302), "{name}");
    }
    let twice = &[(302, "/2"), (302, "/3")];
    let (sent, status) = call(Limited::new(1), ("GET", "http://a.test/"), twice).await;
    assert_eq!((sent.len(), status), (2, 302), "it counts the hops");
}

#[tokio::test]
async fn credentials_stay_in_their_origin_unless_a_policy_grants_them() {
    let away = &[(307, "http://b.test/"), (307, "http://a.test/")];
    let (sent, _) = call(Decision::Pass, ("PUT", "http://a.test/"), away).await;
    let secrets: Vec<_> = sent.iter().map(|(_, secret)| secret.len()).collect();
    assert_eq!(secrets, [3, 0, 0], "what was removed does not come back");
    let (sent, _) = call(Decision::FollowWithCredentials, ("PUT", "http://a.test/"), away).await;
    assert!(sent.iter().all(|(_, secret)| secret.len() == 3), "{sent:?}");
}

#[tokio::test]
async fn what_a_policy_sets_goes_to_its_origin_only() {
    let policy = Referer::auto();
    let hops = &[(302, "http://b.test/"), (302, "http://b.test/2")];
    let (sent, _) = call(policy, ("GET", "http://a.test/"), hops).await;
    assert!(sent[1].1.contains(&"referer".to_owned()), "{sent:?}");
}

#[tokio::test]
async fn s3_redirects_are_followed_with_their_signature() {
    let here = "http://quotes.s3.amazonaws.com/nelson.txt";
    let there = "http://quotes.s3-4c25d83b.amazonaws.com/nelson.txt?rk=8d47490b";
    let (sent, status) = call(S3::new(), ("PUT", here), &[(307, there)]).await;
    assert_eq!(status, 200);
    assert_eq!(sent[1].0, format!("PUT {there}"));
    assert!(sent[1].1.contains(&"authorization".to_owned()), "{sent:?}");
    let evil = &[(307, "http://evil.example.com/nelson.txt")];
    let (sent, status) = call(S3::new(), ("PUT", here), evil).await;
    assert_eq!((sent.len(), status), (1, 307));
}

/// Its extensions too, even where the next origin is granted the caller's credentials.
#[tokio::test]
async fn the_extensions_of_a_policy_do_not_leave_their_origin() {
    let policy = Arc::new(policy::redirect_fn(|attempt| match attempt.hops() {
        [] => {
            attempt.next_extensions().insert(Policys);
            Decision::Follow
        }
        _ => Decision::FollowWithCredentials,
    }));
    let hops = &[(302, "/2"), (302, "http://b.test/")];
    let (sent, _) = call(policy, ("GET", "http://a.test/"), hops).await;
    let has = |name: &str| -> Vec<bool> {
        sent.iter().map(|(_, secret)| secret.iter().any(|secret| secret == name)).collect()
    };
    assert_eq!(has("policy's"), [false, true, false]);
    assert_eq!(has("caller"), [true, true, true]);
}

#[tokio::test]
async fn the_limit_of_our_layer_holds_there_too() {
    let circle = &[(302, "/"); 30];
    let (sent, status) = call(Decision::Follow, ("GET", "http://a.test/"), circle).await;
    assert_eq!((sent.len(), status), (21, 302));
}

/// tower-http makes a GET of a POST, and waits for nobody.
#[tokio::test]
async fn what_cannot_be_carried_out_is_handed_back() {
    let asking = StrictConfirm::new(|_| async { Consent::Yes });
    let (sent, status) = call(asking, ("PUT", "http://a.test/"), &[(307, "/2")]).await;
    assert_eq!((sent.len(), status), (1, 307));
    let keeping = Arc::new(policy::redirect_fn(|attempt| {
        attempt.keep_method();
        Decision::Follow
    }));
    let (sent, status) = call(keeping, ("POST", "http://a.test/"), &[(302, "/2")]).await;
    assert_eq!((sent.len(), status), (1, 302));
}
