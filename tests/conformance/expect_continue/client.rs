//! The client: the layer around hyper-util's, which leads every origin to one server.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::{HeaderName, HeaderValue, Method, Request, Response, Uri, Version, header};
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioIo};
use tokio::time::sleep;
use tower::{
    Layer, service_fn,
    util::{BoxService, MapRequest},
};
use tower_follow_redirect::{
    Error, ExpectContinue, FollowRedirectLayer, OnInformational, Policy, ReplayBody, Resend,
    ResponseBody,
    policy::{self, Decision},
};

use super::{
    body::{Log, Measured, Source, TRAILER},
    tasks::Tasks,
    vectors::{self, CallerOverride, Config, Content, Kind},
};
use crate::network::Network;

pub type Service = BoxService<Request<Source>, Response<ResponseBody<Incoming>>, Error<Incoming>>;

/// What is seen of a client from outside.
#[derive(Clone, Default)]
pub struct Watch {
    pub body: Arc<Log>,
    pub told: Arc<Told>,
    pub tasks: Tasks,
    /// How many milliseconds it takes to connect.
    connecting: Arc<AtomicU64>,
}

/// What the layer tells its caller during a call.
#[derive(Default)]
pub struct Told {
    pub informational: Mutex<Vec<u16>>,
    /// Whether the content could be sent again, at every redirect.
    pub resend: Mutex<Vec<Resend>>,
    /// When the response was there, and how often the caller's body was polled before.
    pub answered: Mutex<Option<(Instant, usize)>>,
}

impl Watch {
    /// Sets how long it takes to connect.
    pub fn connect_after(&self, delay: Duration) {
        self.connecting.store(delay.as_millis() as u64, Ordering::SeqCst);
    }
}

/// Makes the client that a vector asks for.
pub fn client(
    version: vectors::Version,
    config: &Config,
    network: &Network,
    watch: &Watch,
) -> Service {
    let (network, connecting) = (network.clone(), Arc::clone(&watch.connecting));
    let connector = service_fn(move |uri: Uri| {
        let network = network.clone();
        let delay = Duration::from_millis(connecting.load(Ordering::SeqCst));
        Box::pin(async move {
            sleep(delay).await;
            network.connect(&uri).await.map(TokioIo::new)
        })
    });
    let client = Client::builder(watch.tasks.clone())
        .http2_only(version == vectors::Version::Http2)
        .build(connector);
    let body = Arc::clone(&watch.body);
    let measured = MapRequest::new(client, move |request: Request<ReplayBody<Source>>| {
        request.map(|hop| Measured::new(hop, &body))
    });
    let mut layer = FollowRedirectLayer::new().expect_continue(expectation(version, config));
    if let Some(limit) = config.max_redirects {
        layer = layer.limit(limit);
    }
    BoxService::new(layer.with_policy(policy(config, watch)).layer(measured))
}

fn expectation(version: vectors::Version, config: &Config) -> ExpectContinue {
    let mut expect = match config.expect {
        Some(false) => ExpectContinue::off(),
        Some(true) | None => ExpectContinue::above(config.threshold.unwrap_or(0)),
    };
    if let Some(wait) = config.expect_timeout_ms {
        expect = expect.wait(wait.map_or(Duration::MAX, Duration::from_millis));
    }
    match version {
        // hyper's HTTP/2 client reports no `100 Continue`.
        vectors::Version::Http2 => expect.wait_unreported(),
        vectors::Version::Http10 | vectors::Version::Http11 => expect,
    }
}

fn policy(config: &Config, watch: &Watch) -> impl Policy + use<> {
    let (follow, told) = (config.follow, Arc::clone(&watch.told));
    policy::redirect_fn(move |attempt| {
        told.resend.lock().unwrap().push(attempt.resend());
        if follow { Decision::Follow } else { Decision::Stop }
    })
}

/// Makes the request of a vector.
///
/// # Errors
///
/// Fails if it cannot be expressed.
pub fn request(
    described: &vectors::Request,
    config: &Config,
    watch: &Watch,
) -> Result<Request<Source>, http::Error> {
    let mut request = bare(&described.method, &described.url, described.body, watch)?;
    *request.version_mut() = match described.version {
        vectors::Version::Http10 => Version::HTTP_10,
        vectors::Version::Http11 => Version::HTTP_11,
        vectors::Version::Http2 => Version::HTTP_2,
    };
    let headers = request.headers_mut();
    for (name, value) in &described.headers {
        headers.append(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
    }
    if config.caller_override == Some(CallerOverride::Empty) {
        headers.insert(header::EXPECT, HeaderValue::from_static(""));
    }
    if described.body.kind == Kind::UnknownWithTrailers {
        // hyper sends no trailer that is not announced.
        headers.append(header::TRAILER, TRAILER.0.into());
    }
    let told = Arc::clone(&watch.told);
    request.extensions_mut().insert(OnInformational::new(move |response| {
        told.informational.lock().unwrap().push(response.status().as_u16());
    }));
    Ok(request)
}

/// Makes a request without header fields.
///
/// # Errors
///
/// Fails if it cannot be expressed.
pub fn bare(
    method: &str,
    url: &str,
    content: Content,
    watch: &Watch,
) -> Result<Request<Source>, http::Error> {
    let method = Method::from_bytes(method.as_bytes())?;
    Request::builder().method(method).uri(url).body(Source::new(content, &watch.body))
}
