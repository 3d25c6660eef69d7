//! No `Debug`, no `Display` and no chain of sources shows what is secret: queries, fragments, userinfo, the values
//! of header fields, content and keys. (What `tracing` writes is looked at in `observe`.)

use std::{
    error::Error as StdError,
    fmt::{Debug, Display},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_follow_redirect::{
    BodyFactory, Error, FollowRedirectLayer, Fragment, History, OnRefusal, Origin, Policy, Refusal,
    ReplayBody, Target,
    policy::{
        self, Admission, Answer, Attempt, AttemptBuilder, Decision, DenyPrivateNetworks, Exchange,
        Outgoing, PermanentCache, Recall, Remembered, RequestPolicy, S3, StrictConfirm, Verdict,
        permanent::{
            Entry,
            shared::{Change, NoChanges, SharedCache, SharedStore},
        },
        strict::Consent,
    },
    rules::location,
};

type Body = Full<Bytes>;

/// Each is in its place only.
const SECRETS: [&str; 8] = [
    "hidden-user",
    "hidden-password",
    "hidden-query",
    "hidden-fragment",
    "hidden-token",
    "hidden-cookie",
    "hidden-content",
    "hidden-key",
];

/// Somewhere to go, with all that a URL can hide.
const SECRET_URL: &str =
    "https://hidden-user:hidden-password@b.test/there?hidden-query#hidden-fragment";
const SECRET_URI: &str = "https://hidden-user:hidden-password@a.test/here?hidden-query";

/// What was shown, by everybody who was asked.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<String>>);

impl Shown {
    fn debug(&self, value: &impl Debug) {
        self.note(&format!("{value:?}\n{value:#?}"));
    }

    fn display(&self, value: &impl Display) {
        self.note(&value.to_string());
    }

    fn error(&self, error: &(dyn StdError + 'static)) {
        let mut next = Some(error);
        while let Some(error) = next {
            self.note(&format!("{error}\n{error:?}\n{error:#?}"));
            next = error.source();
        }
    }

    fn note(&self, text: &str) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.push_str(text);
        shown.push('\n');
    }

    #[track_caller]
    fn has_no_secret(&self) {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{secret} in:\n{shown}");
        }
    }

    #[track_caller]
    fn has(&self, word: &str) {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(shown.contains(word), "no {word} in:\n{shown}");
    }
}

/// Shows all that it is shown, and decides the same every time.
struct Shows(Shown, Decision);

impl Policy for Shows {
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        attempt.set_header(header::COOKIE, "hidden-cookie".parse().unwrap());
        self.0.debug(attempt);
        self.0.debug(&attempt.target());
        self.0.debug(&attempt.hops());
        let verdict = Verdict::from(self.1.clone());
        self.0.debug(&verdict);
        verdict
    }

    fn recall(&self, request: &mut Outgoing<'_>) -> Recall {
        self.0.debug(request);
        Recall::Nothing
    }

    fn admit(&self, request: &mut Outgoing<'_>) -> Admission {
        self.0.debug(request);
        Admission::Granted
    }

    fn concluded(&self, exchange: &mut Exchange<'_>) {
        self.0.debug(exchange);
    }
}

fn request() -> Request<Body> {
    let mut request = Request::new(Body::from("hidden-content"));
    *request.method_mut() = Method::PUT;
    *request.uri_mut() = Uri::from_static(SECRET_URI);
    let fields = request.headers_mut();
    fields.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer hidden-token"));
    fields.insert(header::COOKIE, HeaderValue::from_static("hidden-cookie"));
    request.extensions_mut().insert(Fragment::new("hidden-fragment"));
    request
}

/// What the server sends: `to` for all requests, but 200 at `/end`.
fn response(path: &str, to: &str) -> Response<Body> {
    let mut response = Response::new(Body::from("hidden-content"));
    response.headers_mut().insert(header::SET_COOKIE, HeaderValue::from_static("hidden-cookie"));
    if path != "/end" {
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(to).unwrap());
    }
    response
}

/// Makes a call to a server that redirects there, and shows what comes of it.
async fn call<P: Policy>(shown: &Shown, layer: FollowRedirectLayer<P>, to: &'static str) {
    shown.debug(&layer);
    let observed = shown.clone();
    let layer = layer.observe(move |event| {
        observed.debug(event);
        observed.debug(&event.outcome());
    });
    let bodies = shown.clone();
    let mut service = layer.layer(service_fn(move |request: Request<ReplayBody<Body>>| {
        bodies.debug(request.body());
        std::future::ready(Ok::<_, BoxError>(response(request.uri().path(), to)))
    }));
    shown.debug(&service);
    let future = service.ready().await.unwrap().call(request());
    shown.debug(&future);
    match future.await {
        Ok(response) => {
            shown.debug(response.body());
            shown.debug(&Refusal::of(&response));
            shown.debug(&History::of(&response));
            if let Some(refusal) = Refusal::of(&response) {
                shown.error(refusal);
            }
        }
        Err(error) => {
            let error: Error<Body> = error;
            shown.error(&error);
            shown.debug(&error.history());
            shown.debug(&error.refusal());
            shown.debug(&error.not_admitted());
            let boxed: BoxError = error.into();
            shown.error(&*boxed);
        }
    }
}

#[tokio::test]
async fn calls_show_no_secret() {
    let shown = Shown::default();
    let targets = [
        SECRET_URL,
        "https://hidden-user:hidden-password@b.test/end?hidden-query#hidden-fragment",
        "ftp://hidden-user:hidden-password@b.test/?hidden-query#hidden-fragment",
        "https:///hidden-user?hidden-query",
        "https://hidden-user:hidden-password@b.test:port/?hidden-query",
        "https://hidden-user:hidden-password@[::hidden-query/",
        r"\\hidden-user@b.test?hidden-query",
        "?hidden-query#hidden-fragment",
    ];
    for to in targets {
        let decisions = [
            Decision::Pass,
            Decision::Follow,
            Decision::FollowWithCredentials,
            Decision::Stop,
            Decision::stop("the words of a policy"),
            Decision::fail("the words of a policy"),
        ];
        for decision in decisions {
            for on_refusal in [OnRefusal::Error, OnRefusal::Return] {
                let layer = FollowRedirectLayer::new()
                    .limit(3)
                    .on_refusal(on_refusal)
                    .record_header(header::SET_COOKIE);
                let policy = Shows(shown.clone(), decision.clone());
                call(&shown, layer.with_policy(policy), to).await;
            }
        }
        let layer = FollowRedirectLayer::new().limit(3);
        call(&shown, layer.clone().detect_loops(), to).await;
        call(&shown, layer.clone().with_policy(S3::new()), to).await;
        let ask = shown.clone();
        let strict = StrictConfirm::new(move |confirmation| {
            ask.debug(&confirmation);
            ask.display(&confirmation);
            async { Consent::No }
        });
        call(&shown, layer.with_policy(strict), to).await;
    }
    shown.has("https://a.test/here?…");
    shown.has("too-many-redirects");
    shown.has("the words of a policy");
    shown.has_no_secret();
}

/// What a policy, its tests and a store handle outside of a call.
#[test]
fn values_show_no_secret() {
    let shown = Shown::default();
    shown.debug(&Fragment::new("hidden-fragment"));
    shown.debug(&Target::new(Uri::from_static(SECRET_URI), Some("hidden-fragment")));
    shown.debug(&location::resolve(&Uri::from_static(SECRET_URI), None, SECRET_URL.as_bytes()));
    shown.debug(&Origin::of(&Uri::from_static(SECRET_URI)));
    shown.debug(&ReplayBody::new(Body::from("hidden-content")));
    shown.debug(&BodyFactory::new(|| Body::from("hidden-content")));
    shown.debug(&RequestPolicy::new(policy::redirect_fn(|_| Decision::Stop)));
    shown.debug(
        &Answer::from(Decision::Follow)
            .set_header(header::COOKIE, "hidden-cookie".parse().unwrap()),
    );
    let target = Target::new(Uri::from_static(SECRET_URI), Some("hidden-fragment")).unwrap();
    shown.debug(&Recall::Redirect(Remembered::new(StatusCode::PERMANENT_REDIRECT, target)));

    let response = response("/", SECRET_URL).map(drop);
    let mut builder = AttemptBuilder::new(request().map(drop), response).peeked("hidden-content");
    shown.debug(&builder);
    shown.debug(&builder.attempt());
    for error in [Decision::fail("words"), Decision::stop("words")] {
        shown.debug(&error);
    }
    shown.has_no_secret();
}

#[test]
fn addresses_show_no_secret() {
    let shown = Shown::default();
    let policy = DenyPrivateNetworks::new().allow_host("a.test").every_request();
    shown.debug(&policy);
    for uri in [
        "http://hidden-user:hidden-password@127.0.0.1/?hidden-query",
        "http://hidden-user:hidden-password@localhost/?hidden-query",
    ] {
        let (parts, ()) = Request::get(uri).body(()).unwrap().into_parts();
        let mut state = http::Extensions::new();
        let admission = policy.admit(&mut Outgoing::new(&parts, &mut state));
        assert!(matches!(admission, Admission::Refused(_)), "{uri}");
        shown.debug(&admission);
        shown.error(&policy.check(&parts.uri).unwrap_err());
    }
    shown.has("127.0.0.1");
    shown.has_no_secret();
}

#[tokio::test]
async fn what_is_remembered_shows_no_secret() {
    let shown = Shown::default();
    let cache = PermanentCache::new();
    let client = FollowRedirectLayer::new().with_policy(policy::Standard.and(cache.clone())).layer(
        service_fn(|request: Request<ReplayBody<Body>>| async move {
            let mut response =
                response(request.uri().path(), "https://a.test/end?hidden-query#hidden-fragment");
            response.headers_mut().remove(header::SET_COOKIE);
            if response.status() != StatusCode::OK {
                *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
            }
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
            Ok::<_, BoxError>(response)
        }),
    );
    let request = Request::get("https://a.test/here?hidden-query").body(Body::default()).unwrap();
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(cache.len(), 1, "it is remembered");
    shown.debug(&cache);
    shown.debug(&cache.snapshot());
    cache.retain(|source, entry| {
        shown.debug(&source);
        shown.debug(entry);
        true
    });
    let now = SystemTime::now();
    let target = Target::new(Uri::from_static(SECRET_URI), Some("hidden-fragment")).unwrap();
    let vary = [(header::COOKIE, Some(HeaderValue::from_static("hidden-cookie")))];
    shown.debug(&Entry::new(target, now, now + Duration::from_secs(60)).with_vary(vary));
    let (key, value) = ("https://a.test/?hidden-query".to_owned(), b"hidden-key".to_vec());
    shown.debug(&Change::Put { key: key.clone(), value });
    shown.debug(&Change::Removed { key });
    shown.has_no_secret();
}

#[test]
fn a_shared_memory_shows_neither_key_nor_store() {
    let shown = Shown::default();
    let mut key = [0; 32];
    key[..10].copy_from_slice(b"hidden-key");
    let shared =
        SharedCache::new(Store { _url: "redis://hidden-user:hidden-password@b.test" }, key);
    shown.debug(&shared);
    let text = format!("{shared:?}");
    assert!(!text.contains("104, 105, 100, 100, 101, 110"), "the key's bytes, in {text}");
    shown.debug(&PermanentCache::builder().shared(shared));
    shown.has_no_secret();
}

/// A store that is never asked here.
struct Store {
    _url: &'static str,
}

impl SharedStore for Store {
    type Error = std::convert::Infallible;
    type Changes = NoChanges;

    async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(None)
    }

    async fn load(&self, _: usize) -> Result<Vec<(String, Vec<u8>)>, Self::Error> {
        Ok(Vec::new())
    }

    async fn put(&self, _: &str, _: Vec<u8>, _: Duration) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn remove(&self, _: &str) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn clear(&self) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn listen(&self) -> Result<Self::Changes, Self::Error> {
        Ok(NoChanges::new())
    }
}
