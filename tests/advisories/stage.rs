//! A call through the layer, what its servers answer, and what each of them has seen.
//!
//! All origins lead to one listener on loopback, which knows by the client's port whom it stands for.
//! `https` has no TLS here: what is sent, and to whom, is the same without.

use std::{
    collections::{HashMap, VecDeque},
    error::Error as _,
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri, request};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::TcpStream;
use tower::{BoxError, Layer, Service, ServiceExt};
use tower_follow_redirect::{
    Error, FollowRedirectLayer, Policy, Refusal, RefusalKind, ReplayBody, ResponseBody,
    policy::Standard,
};

use crate::raw::{self, Connection, OK, Server};

/// What only the first origin may see.
pub const SECRET: &str = "s3cr3t";

/// A call, and what is answered to its requests; after the last answer it is 200.
pub struct Call<P = Standard> {
    request: request::Builder,
    content: Full<Bytes>,
    layer: FollowRedirectLayer<P>,
    answers: VecDeque<String>,
}

pub fn get(url: &str) -> Call {
    call("GET", url, "")
}

pub fn call(method: &str, url: &str, content: &'static str) -> Call {
    Call {
        request: Request::builder().method(method).uri(url),
        content: Full::from(content),
        layer: FollowRedirectLayer::new(),
        answers: VecDeque::new(),
    }
}

impl<P: Policy + 'static> Call<P> {
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Sets a field whose value is marked as sensitive.
    pub fn marked(mut self, name: &str, value: &str) -> Self {
        let mut value = HeaderValue::from_str(value).unwrap();
        value.set_sensitive(true);
        self.request = self.request.header(name, value);
        self
    }

    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, extension: T) -> Self {
        self.request = self.request.extension(extension);
        self
    }

    pub fn layer<Q: Policy>(self, layer: FollowRedirectLayer<Q>) -> Call<Q> {
        let Self { request, content, answers, .. } = self;
        Call { request, content, layer, answers }
    }

    pub fn policy<Q: Policy>(self, policy: Q) -> Call<Q> {
        let layer = self.layer.clone().with_policy(policy);
        self.layer(layer)
    }

    pub fn sensitive(mut self, name: &'static str) -> Self {
        self.layer = self.layer.sensitive_header(HeaderName::from_static(name));
        self
    }

    /// Answers with a redirect.
    pub fn moved(self, status: u16, location: &str) -> Self {
        self.answer(raw::redirect(status, location))
    }

    /// Answers with exactly this.
    pub fn answer(mut self, text: impl Into<String>) -> Self {
        self.answers.push_back(text.into());
        self
    }

    pub async fn send(self) -> Seen {
        let stage = Stage::start(self.answers).await;
        let request = self.request.body(self.content).unwrap();
        let end = End::of(self.layer.layer(stage.client()).oneshot(request).await).await;
        Seen { requests: stage.requests(), end }
    }
}

/// The network of a test.
pub struct Stage {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<VecDeque<String>>,
    /// Whom a client's port was connected for.
    origins: Mutex<HashMap<u16, String>>,
    requests: Mutex<Vec<Received>>,
}

impl Stage {
    pub async fn start(answers: impl Into<VecDeque<String>>) -> Self {
        let shared = Arc::new(Shared { answers: Mutex::new(answers.into()), ..Shared::default() });
        let serving = Arc::clone(&shared);
        let server = Server::start(move |mut connection, number| {
            let shared = Arc::clone(&serving);
            async move {
                while let Some(received) = receive(&mut connection, &shared, number).await {
                    shared.requests.lock().unwrap().push(received);
                    let answer = shared.answers.lock().unwrap().pop_front();
                    connection.say(answer.as_deref().unwrap_or(OK)).await;
                }
            }
        })
        .await;
        Self { server, shared }
    }

    /// Makes a client for which this is the internet.
    pub fn client<B>(&self) -> Client<Internet, ReplayBody<B>>
    where
        B: Body + Send + 'static,
        B::Error: Into<BoxError>,
        B::Data: Send,
    {
        let internet = Internet { addr: self.server.addr, shared: Arc::clone(&self.shared) };
        Client::builder(TokioExecutor::new()).build(internet)
    }

    /// Returns what has arrived so far.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.requests.lock().unwrap().clone()
    }
}

/// Connects every origin to the one server there is, and notes which was meant.
#[derive(Clone)]
pub struct Internet {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

impl Service<Uri> for Internet {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<TcpStream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Self { addr, shared } = self.clone();
        Box::pin(async move {
            let stream = TcpStream::connect(addr).await?;
            let origin = format!("{}://{}", uri.scheme_str().unwrap(), uri.authority().unwrap());
            shared.origins.lock().unwrap().insert(stream.local_addr()?.port(), origin);
            Ok(TokioIo::new(stream))
        })
    }
}

/// Reads a request with its content.
async fn receive(connection: &mut Connection, shared: &Shared, number: usize) -> Option<Received> {
    let head = connection.head().await?;
    if raw::field(&head, "expect") == Some("100-continue") {
        connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
    }
    let mut content = Vec::new();
    if let Some(length) = raw::field(&head, "content-length") {
        content = connection.bytes(length.parse().unwrap()).await;
    } else if raw::field(&head, "transfer-encoding").is_some() {
        while let Some(chunk) = connection.chunk().await {
            content.extend(chunk);
        }
    }
    let port = connection.stream.peer_addr().unwrap().port();
    let origin = shared.origins.lock().unwrap()[&port].clone();
    let content = String::from_utf8_lossy(&content).into_owned();
    Some(Received { origin, head, content, connection: number })
}

/// A request as an origin has seen it.
#[derive(Clone, Debug)]
pub struct Received {
    pub origin: String,
    pub head: String,
    pub content: String,
    /// The number of its connection, from 0.
    pub connection: usize,
}

impl Received {
    pub fn field(&self, name: &str) -> Option<&str> {
        raw::field(&self.head, name)
    }

    /// Returns method and URL.
    pub fn line(&self) -> String {
        let mut words = self.head.split(' ');
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        format!("{method} {}{path}", self.origin)
    }

    fn knows(&self, what: &str) -> bool {
        self.head.contains(what) || self.content.contains(what)
    }
}

/// How a call ended.
#[derive(Debug)]
pub struct End {
    pub status: Option<StatusCode>,
    pub refusal: Option<RefusalKind>,
    pub content: String,
    /// All that an error says, to users and in logs.
    pub error: Option<String>,
}

impl End {
    pub async fn of<R>(result: Result<Response<ResponseBody<R>>, Error<R>>) -> Self
    where
        R: Body + 'static,
        R::Error: fmt::Debug,
    {
        let (error, response) = match result {
            Ok(response) => (None, Some(response)),
            Err(error) => (Some(describe(&error)), error.into_response()),
        };
        let status = response.as_ref().map(Response::status);
        let refusal = response.as_ref().and_then(Refusal::of).map(Refusal::kind);
        let content = match response {
            Some(response) => response.into_body().collect().await.unwrap().to_bytes(),
            None => Bytes::new(),
        };
        let content = String::from_utf8(content.into()).unwrap();
        Self { status, refusal, content, error }
    }
}

fn describe<R: Body + 'static>(error: &Error<R>) -> String {
    let mut text = format!("{error:?} {error}");
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(" {error:?} {error}");
        source = error.source();
    }
    text
}

/// What was seen of a call.
#[derive(Debug)]
pub struct Seen {
    pub requests: Vec<Received>,
    pub end: End,
}

impl Seen {
    /// Checks that the call has ended well, and that of all who were asked only the first, which was
    /// told the secret, has seen it.
    #[track_caller]
    pub fn is_told_to_the_first_only(&self) {
        assert_eq!(self.end.status, Some(StatusCode::OK), "{self:#?}");
        let [first, others @ ..] = &*self.requests else { panic!("nothing was sent") };
        assert!(first.knows(SECRET), "{first:#?}");
        assert!(!others.is_empty(), "it was not followed");
        for other in others {
            assert!(!other.knows(SECRET), "{other:#?}");
        }
    }

    /// Checks method and URL of every request; the call has ended well.
    #[track_caller]
    pub fn went(&self, lines: &[&str]) -> &Self {
        assert_eq!(self.end.status, Some(StatusCode::OK), "{self:#?}");
        let found: Vec<_> = self.requests.iter().map(Received::line).collect();
        assert_eq!(found, lines, "{self:#?}");
        self
    }

    /// Checks that the first redirect was refused for this reason, and that no secret was told.
    #[track_caller]
    pub fn was_refused(&self, kind: RefusalKind) {
        assert_eq!(self.end.refusal, Some(kind), "{self:#?}");
        assert_eq!(self.requests.len(), 1, "{self:#?}");
        assert!(!self.end.error.iter().any(|text| text.contains(SECRET)), "{self:#?}");
    }

    /// Checks that the transport has refused the answer: nothing was asked after it.
    #[track_caller]
    pub fn failed(&self) {
        assert!(self.end.error.is_some() && self.end.refusal.is_none(), "{self:#?}");
        assert_eq!(self.requests.len(), 1, "{self:#?}");
    }

    /// Returns the last request.
    pub fn last(&self) -> &Received {
        self.requests.last().unwrap()
    }
}
