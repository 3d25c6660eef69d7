//! Whole calls, against servers that answer anything.
//!
//! The bytes of an input choose the layer's settings and its policy, up to three calls, and each answer
//! of each server. The promises of the design are held against what the servers get
//! ([`promises`]), and against what the caller gets.

mod choices;
mod content;
mod promises;
mod server;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, Uri, header};
use http_body::Body;
use tower::{Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    Error, ExpectContinue, FollowRedirectLayer, History, OnRefusal, Policy, Refusal, ResponseBody,
    policy::{
        Attempt, Decision, HttpsOnly, Limited, S3, SameOrigin, Standard, Verdict,
        permanent::PermanentCache, redirect_fn,
    },
};

use crate::{
    memory::{Clock, NOW},
    s3_host,
};
use choices::Choices;
use content::{Arrived, Content, End, Upload};
use promises::{FIELDS, Promises, SET, Said, add_credentials};
use server::{Server, World};

/// No call takes so long, on a clock that nobody waits for.
const HANGS: Duration = Duration::from_secs(24 * 60 * 60);

/// Plays some calls.
pub fn check(input: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(play(Choices::of(input)));
}

async fn play(mut choices: Choices) {
    let limit = usize::from(choices.below(5));
    let clock = Clock::at(NOW);
    let cache = choices.is().then(|| clock.builder().fallback_min_age(Duration::ZERO).build());
    let settings = settings(&mut choices, limit);
    let kind = choices.below(8);
    let server = Server {
        world: Arc::new(Mutex::new(World {
            choices,
            promises: None,
            readers: Vec::new(),
            last_body: Bytes::new(),
        })),
    };
    let layer = settings.with_policy(policy(kind, cache, &server));
    for second in 0..3 {
        clock.set(NOW + second * 400);
        call(&layer, &server, limit).await;
        if server.lock().choices.below(3) == 0 {
            break;
        }
    }
}

fn settings(choices: &mut Choices, limit: usize) -> FollowRedirectLayer {
    let layer = FollowRedirectLayer::new()
        .limit(limit)
        .sensitive_header(FIELDS[3].clone())
        .replay_limit(choices.one(&[64 * 1024, 0, 8, 50]))
        .on_refusal(choices.one(&[OnRefusal::Error, OnRefusal::Return]))
        .expect_continue(choices.one(&[
            ExpectContinue::default(),
            ExpectContinue::above(0).wait_unreported(),
            ExpectContinue::above(0),
            ExpectContinue::when_asked().wait_unreported(),
            ExpectContinue::off(),
        ]));
    match choices.below(4) {
        1 => layer.detect_loops(),
        2 => layer.total_time(Duration::from_secs(2)),
        _ => layer,
    }
}

/// The kind of policy that has [`S3`] in it.
const WITH_S3: u8 = 4;

/// One that notes what it says, together with one that does not: it sees every redirect.
fn policy(kind: u8, cache: Option<PermanentCache>, server: &Server) -> Box<dyn Policy> {
    let noting = noting(kind, server.clone());
    let policy: Box<dyn Policy> = match kind {
        1 => Box::new(SameOrigin.and(noting)),
        2 => Box::new(noting.and(HttpsOnly)),
        3 => Box::new(Limited::new(1).and(noting)),
        WITH_S3 => Box::new(noting.and(S3::new())),
        5 => Box::new(noting.and(Standard)),
        6 => Box::new(noting.or(Standard)),
        _ => Box::new(noting),
    };
    match cache {
        Some(cache) => Box::new(policy.and(cache)),
        None => policy,
    }
}

fn noting(kind: u8, server: Server) -> impl Policy {
    redirect_fn(move |attempt: &mut Attempt<'_>| {
        let mut world = server.lock();
        let choices = &mut world.choices;
        if attempt.peeked().is_none() && choices.below(16) == 15 {
            return Verdict::Peek(100);
        }
        let decision = match choices.below(10) {
            0..=3 => Decision::Pass,
            4..=6 => Decision::Follow,
            7 => Decision::FollowWithCredentials,
            8 => Decision::Stop,
            _ => Decision::fail("no"),
        };
        let (sets, strips, asks) =
            (choices.below(8) == 7, choices.below(8) == 7, choices.below(8) == 7);
        if sets {
            attempt.set_header(SET, HeaderValue::from_static("secret"));
        }
        if strips {
            attempt.strip_header(FIELDS[0].clone());
        }
        let from = attempt.request().uri.clone();
        let to = attempt.target().ok().map(|target| target.uri().clone());
        let by_s3 = kind == WITH_S3 && to.as_ref().is_some_and(|to| are_of_one_bucket(&from, to));
        let is_from_cache = attempt.is_from_cache();
        let grants = by_s3 || matches!(decision, Decision::FollowWithCredentials);
        world.promises().said(Said { from, to, grants, sets, strips, is_from_cache });
        if !asks {
            return decision.into();
        }
        Verdict::ask(async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            decision
        })
    })
}

/// Whether `S3` lets credentials go from one to the other.
fn are_of_one_bucket(from: &Uri, to: &Uri) -> bool {
    let read = |uri: &Uri| uri.host().and_then(s3_host::read);
    match (read(from), read(to)) {
        (Some(from), Some(to)) => (from.bucket, from.partition) == (to.bucket, to.partition),
        _ => false,
    }
}

async fn call(layer: &FollowRedirectLayer<Box<dyn Policy>>, server: &Server, limit: usize) {
    let alive = Arc::new(());
    let request = {
        let mut world = server.lock();
        let content = Content::of(&mut world.choices);
        let upload = Upload::new(&content, &mut world.choices, &alive);
        let request = request(&mut world.choices, upload);
        let (parts, body) = request.into_parts();
        world.promises = Some(Promises::new(limit, &content, &parts));
        Request::from_parts(parts, body)
    };
    let client = {
        let server = server.clone();
        service_fn(move |request| server.clone().answer(request))
    };
    let answer = layer.layer(client).oneshot(request);
    let answer = tokio::time::timeout(HANGS, answer).await.expect("a call ends");
    let response = match answer {
        Ok(response) => Some(check_response(server, response)),
        Err(error) => check_error(error),
    };
    if let Some(response) = response {
        check_content(server, response).await;
    }
    let readers = std::mem::take(&mut server.lock().readers);
    for reader in readers {
        let end = tokio::time::timeout(HANGS, reader).await.expect("an upload ends");
        end.expect("what has arrived is well");
    }
    assert_eq!(Arc::strong_count(&alive), 1, "a body is left over");
}

fn request(choices: &mut Choices, upload: Upload) -> Request<Upload> {
    let method =
        choices.one(&[Method::GET, Method::POST, Method::PUT, Method::HEAD, Method::DELETE]);
    let uri = choices.one(&[
        "https://a.test/a",
        "http://a.test/a",
        "https://b.test/b",
        "https://a.test/b",
        "https://quotes.s3.amazonaws.com/a",
        "https://u:p@a.test/a",
    ]);
    let mut request = Request::builder().method(method).uri(uri).header("accept", "x");
    if choices.below(4) == 3 {
        request = request.header(header::EXPECT, "100-continue");
    }
    let (mut parts, body) = request.body(upload).expect("a request").into_parts();
    add_credentials(&mut parts);
    Request::from_parts(parts, body)
}

/// Nothing is silent: a 3xx that is handed back says why.
fn check_response<B>(server: &Server, response: Response<B>) -> Response<B> {
    let mut world = server.lock();
    let promises = world.promises();
    assert_eq!(Some(response.status()), promises.last_status());
    let refusal = Refusal::of(&response);
    assert!(!response.status().is_redirection() || refusal.is_some(), "{:?}", response.status());
    if let Some(history) = History::of(&response) {
        assert!(history.hops().len() <= promises.limit(), "{history:?}");
        assert_eq!(history.effective_uri(), promises.last_uri());
    }
    drop(world);
    response
}

/// An error about a redirect has its response, unless that was remembered.
fn check_error<R: Body>(error: Error<R>) -> Option<Response<ResponseBody<R>>> {
    let refusal = error.refusal()?.clone();
    let response = error.into_response();
    assert!(response.is_some() || refusal.is_from_cache(), "{refusal:?}");
    if let Some(response) = &response {
        assert_eq!(response.status(), refusal.status());
    }
    response
}

/// The body is the one that the server has sent.
async fn check_content<B>(server: &Server, response: Response<B>)
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut arrived = Arrived::default();
    let mut body = response.into_body();
    while arrived.read(&mut body).await {}
    assert_eq!(arrived.end, End::Whole);
    assert_eq!(arrived.bytes, server.lock().last_body);
}
