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
    policy::{Action, Attempt, Policy as Theirs, PolicyExt, clone_body_fn},
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
    request: (&str, &str),
    locations: &[(u16, &'static str)],
) -> (Sent, u16) {
    call_with(TowerHttp::new(policy), request, locations).await
}

/// Makes such a call under a policy of tower-http's.
async fn call_with<P: Theirs<Body, Infallible> + Clone>(
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
    let policy = PolicyExt::and::<_, Body, Infallible>(policy, copies);
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

/// Returns which requests have a secret.
fn has(sent: &Sent, name: &str) -> Vec<bool> {
    sent.iter().map(|(_, found)| found.iter().any(|secret| secret == name)).collect()
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
    assert_eq!(has(&sent, "policy's"), [false, true, false]);
    assert_eq!(has(&sent, "caller"), [true, true, true]);
}

/// A policy of tower-http's that removes a credential and the caller from the second request.
#[derive(Clone, Default)]
struct Remover {
    requests: usize,
}

impl<B, E> Theirs<B, E> for Remover {
    fn redirect(&mut self, _: &Attempt<'_>) -> Result<Action, E> {
        Ok(Action::Follow)
    }

    fn on_request(&mut self, request: &mut Request<B>) {
        self.requests += 1;
        if self.requests == 2 {
            request.headers_mut().remove(header::AUTHORIZATION);
            request.extensions_mut().remove::<Caller>();
        }
    }
}

#[tokio::test]
async fn a_policy_sees_the_extensions_of_the_caller() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let policy = Arc::new(policy::redirect_fn(move |attempt| {
        let extensions = &attempt.request().extensions;
        let found = [extensions.get::<Caller>().is_some(), extensions.get::<Policys>().is_some()];
        log.lock().unwrap().push(found);
        attempt.next_extensions().insert(Policys);
        Decision::Follow
    }));
    let hops = &[(302, "/2"), (302, "http://b.test/"), (302, "/2")];
    call(policy, ("GET", "http://a.test/"), hops).await;
    assert_eq!(*seen.lock().unwrap(), [[true, false], [true, false], [false, false]]);
}

/// tower-http takes that of the request along to a path, too.
#[tokio::test]
async fn userinfo_stops_no_redirect_and_goes_along_none() {
    let hops = &[(302, "/2"), (302, "http://u:p@a.test/3"), (302, "4"), (302, "http://u@b.test/")];
    let (sent, status) = call(SameOrigin, ("GET", "http://u:p@a.test/"), hops).await;
    let expected = [
        "GET http://u:p@a.test/",
        "GET http://a.test/2",
        "GET http://a.test/3",
        "GET http://a.test/4",
    ];
    assert_eq!((lines(&sent), status), (expected.to_vec(), 302));
    let (sent, _) = call(Decision::Pass, ("GET", "http://a.test/"), &hops[3..]).await;
    assert_eq!(lines(&sent), ["GET http://a.test/", "GET http://b.test/"]);
    assert_eq!(has(&sent, "authorization"), [true, false]);
}

#[tokio::test]
async fn what_another_policy_removes_does_not_come_back() {
    let plain: Arc<dyn Policy> = Arc::new(Decision::FollowWithCredentials);
    let adding: Arc<dyn Policy> = Arc::new(policy::redirect_fn(|attempt| {
        attempt.next_extensions().insert(Policys);
        Decision::FollowWithCredentials
    }));
    let hops = &[(302, "/2"), (302, "/3"), (302, "http://b.test/"), (302, "/2")];
    for policy in [plain, adding] {
        let (ours, remover) = (TowerHttp::new(policy), Remover::default());
        let first = PolicyExt::and::<_, Body, Infallible>(ours.clone(), remover.clone());
        let second = PolicyExt::and::<_, Body, Infallible>(remover, ours);
        let get = ("GET", "http://a.test/");
        for (sent, _) in [call_with(first, get, hops).await, call_with(second, get, hops).await] {
            for name in ["authorization", "caller"] {
                assert_eq!(has(&sent, name), [true, false, false, false, false], "{name}");
            }
            assert_eq!(has(&sent, "x-api-key"), [true; 5]);
        }
    }
}

#[tokio::test]
async fn credentials_stay_at_home_where_another_policy_follows() {
    let hops = &[(302, "/2"), (302, "http://b.test/"), (302, "http://a.test/")];
    let get = ("GET", "http://a.test/");
    let ours = TowerHttp::new(Decision::FollowWithCredentials);
    let unasked = PolicyExt::or::<_, Body, Infallible>(Action::Follow, ours);
    let ours = TowerHttp::new(Decision::Stop);
    let overruled = PolicyExt::or::<_, Body, Infallible>(ours, Action::Follow);
    for (sent, _) in [call_with(unasked, get, hops).await, call_with(overruled, get, hops).await] {
        for name in ["authorization", "x-api-key", "caller"] {
            assert_eq!(has(&sent, name), [true, true, false, false], "{name}");
        }
    }
}

#[tokio::test]
async fn what_a_policy_sets_stays_in_its_origin_where_another_policy_follows() {
    let ours = TowerHttp::new(Arc::new(policy::redirect_fn(|attempt| {
        attempt.set_header(header::REFERER, HeaderValue::from_static("http://a.test/"));
        attempt.next_extensions().insert(Policys);
        if attempt.hops().is_empty() { Decision::Follow } else { Decision::Stop }
    })));
    let policy = PolicyExt::or::<_, Body, Infallible>(ours, Action::Follow);
    let hops = &[(302, "/2"), (302, "http://b.test/")];
    let (sent, _) = call_with(policy, ("GET", "http://a.test/"), hops).await;
    for name in ["referer", "policy's"] {
        assert_eq!(has(&sent, name), [false, true, false], "{name}");
    }
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
