//! The clients: ours, its peers, and one that follows nothing.

use std::{
    convert::Infallible,
    pin::Pin,
    process::Stdio,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Request};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Hyper, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;
use tower::{BoxError, Layer, Service, ServiceExt};
use tower_follow_redirect::{FollowRedirect, FollowRedirectLayer, ReplayBody};
use tower_http::follow_redirect::{
    FollowRedirect as Theirs, FollowRedirectLayer as TheirLayer,
    policy::{And, CloneBodyFn, PolicyExt, Standard, clone_body_fn},
};

use crate::tls::Tls;

/// The frames of an upload, as a file is read.
const FRAME: usize = 64 * 1024;

/// An upload that can be sent once.
#[derive(Debug)]
pub struct Upload {
    left: u64,
}

impl Upload {
    /// Makes one of so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self { left: bytes }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static ZEROS: [u8; FRAME] = [0; FRAME];
        let length = self.left.min(FRAME as u64);
        self.left -= length;
        let frame = Frame::data(Bytes::from_static(&ZEROS[..length as usize]));
        Poll::Ready((length > 0).then_some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

type Connector = HttpsConnector<HttpConnector>;

type Cloning = CloneBodyFn<fn(&Full<Bytes>) -> Option<Full<Bytes>>>;

/// A client that fetches and uploads.
#[derive(Clone, Debug)]
pub enum Client {
    /// hyper-util's client, without any layer. It follows nothing.
    Bare(Hyper<Connector, Full<Bytes>>, Hyper<Connector, Upload>),
    /// Ours around it.
    Ours(
        FollowRedirect<Hyper<Connector, ReplayBody<Full<Bytes>>>>,
        FollowRedirect<Hyper<Connector, ReplayBody<Upload>>>,
    ),
    /// tower-http's around it. It can only send again what it can clone.
    TowerHttp(Theirs<Hyper<Connector, Full<Bytes>>, And<Cloning, Standard>>),
    /// reqwest, with its own redirects.
    Reqwest(reqwest::Client),
}

impl Client {
    /// Returns all of them, each with connections of its own.
    pub fn all(tls: &ClientConfig) -> Vec<Self> {
        vec![Self::bare(tls), Self::ours(tls), Self::tower_http(tls), Self::reqwest(tls)]
    }

    /// Makes a client without any layer.
    pub fn bare(tls: &ClientConfig) -> Self {
        Self::Bare(hyper(tls), hyper(tls))
    }

    /// Makes ours.
    pub fn ours(tls: &ClientConfig) -> Self {
        let layer = FollowRedirectLayer::new();
        Self::Ours(layer.layer(hyper(tls)), layer.layer(hyper(tls)))
    }

    /// Makes tower-http's.
    pub fn tower_http(tls: &ClientConfig) -> Self {
        let clone: fn(&Full<Bytes>) -> Option<Full<Bytes>> = |body| Some(body.clone());
        let policy = clone_body_fn(clone).and::<_, Full<Bytes>, BoxError>(Standard::default());
        Self::TowerHttp(TheirLayer::with_policy(policy).layer(hyper(tls)))
    }

    /// Makes reqwest's.
    pub fn reqwest(tls: &ClientConfig) -> Self {
        let builder = reqwest::Client::builder().tls_backend_preconfigured(tls.clone());
        Self::Reqwest(builder.no_proxy().build().expect("a client"))
    }

    /// Returns its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bare(..) => "bare hyper-util",
            Self::Ours(..) => "ours",
            Self::TowerHttp(_) => "tower-http",
            Self::Reqwest(_) => "reqwest",
        }
    }

    /// Fetches a URL, and reads the response.
    ///
    /// # Errors
    ///
    /// Fails if the client does, or the status is not 200.
    pub async fn get(&self, url: &str) -> Result<(), BoxError> {
        self.small(Method::GET, url, Bytes::new()).await
    }

    /// Uploads so many bytes, as well as the client can: from a stream, or from memory where it has to.
    ///
    /// # Errors
    ///
    /// Fails if the client does, or the status is not 200.
    pub async fn put(&self, url: &str, bytes: u64) -> Result<(), BoxError> {
        let request = |body| Request::put(url).body(body);
        match self {
            Self::Bare(_, client) => call(client.clone(), request(Upload::new(bytes))?).await,
            Self::Ours(_, client) => {
                call(client.clone(), Request::put(url).body(Upload::new(bytes))?).await
            }
            Self::TowerHttp(_) | Self::Reqwest(_) => {
                self.small(Method::PUT, url, Bytes::from(vec![0; bytes as usize])).await
            }
        }
    }

    async fn small(&self, method: Method, url: &str, body: Bytes) -> Result<(), BoxError> {
        if let Self::Reqwest(client) = self {
            let response = client.request(method, url).body(body).send().await?;
            return is_ok(response.error_for_status()?.bytes().await?.len());
        }
        let request = Request::builder().method(method).uri(url).body(Full::new(body))?;
        match self {
            Self::Bare(client, _) => call(client.clone(), request).await,
            Self::Ours(client, _) => call(client.clone(), request).await,
            Self::TowerHttp(client) => call(client.clone(), request).await,
            Self::Reqwest(_) => unreachable!("it is above"),
        }
    }
}

fn hyper<B>(tls: &ClientConfig) -> Hyper<Connector, B>
where
    B: Body<Data: Send> + Send,
{
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls.clone())
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Hyper::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector)
}

async fn call<S, B, R>(client: S, request: Request<B>) -> Result<(), BoxError>
where
    S: Service<Request<B>, Response = http::Response<R>, Error: Into<BoxError>>,
    R: Body<Data: Send, Error: Into<BoxError>>,
{
    let response = client.oneshot(request).await.map_err(Into::into)?;
    if response.status() != 200 {
        return Err(format!("{}", response.status()).into());
    }
    let body = response.into_body().collect().await.map_err(Into::into)?;
    is_ok(body.to_bytes().len())
}

fn is_ok(length: usize) -> Result<(), BoxError> {
    if length == 2 { Ok(()) } else { Err("another response than the server's".into()) }
}

/// Runs curl with `-L` for the same URL so many times, one after the other, and returns what it says each
/// has taken, the first aside, which connects; `None` where there is no curl.
///
/// # Errors
///
/// Fails if curl does.
pub async fn curl(
    tls: &Tls,
    args: &[&str],
    url: &str,
    times: usize,
) -> Result<Option<Vec<Duration>>, BoxError> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &tls.pem)?;
    let mut command = tokio::process::Command::new("curl");
    command.args(["-sSfL", "-w", "%{time_total}\n", "--cacert"]).arg(file.path());
    for _ in 0..times {
        // What is about an upload is about one URL.
        command.args(args).args(["-o", "/dev/null", url]);
    }
    let output = match command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        output => output?,
    };
    if !output.status.success() {
        return Err(format!("curl: {}", output.status).into());
    }
    let lines = std::str::from_utf8(&output.stdout)?.lines();
    let times: Result<Vec<f64>, _> = lines.map(str::parse).collect();
    Ok(Some(times?.into_iter().skip(1).map(Duration::from_secs_f64).collect()))
}

/// Measures how long a future takes.
///
/// # Errors
///
/// Fails if the future does.
pub async fn timed(
    future: impl Future<Output = Result<(), BoxError>>,
) -> Result<Duration, BoxError> {
    let began = Instant::now();
    future.await?;
    Ok(began.elapsed())
}
