//! Makes the call that a vector describes, and notes all that can be seen of it.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use tower::{Layer as _, ServiceExt, service_fn};
use tower_follow_redirect::{Error, Fragment, History, Refusal, RefusalKind};

use super::{
    config::Layer,
    server::{Received, Server},
    vectors::{self, Outcome, Vector},
};
use crate::{url::Url, words::describe};

/// What came of a call.
pub struct Found {
    pub outcome: Outcome,
    pub status: Option<StatusCode>,
    /// Why the last redirect was not followed.
    pub refusal: Option<RefusalKind>,
    /// How many redirects the response knows of; `None` where there is no response.
    pub hops: Option<usize>,
    pub effective_url: Option<String>,
    pub requests: Vec<Received>,
    /// The text of an error, and what went wrong otherwise.
    pub error: Option<String>,
}

type RequestBody = UnsyncBoxBody<Bytes, Infallible>;

/// Makes the call.
///
/// # Errors
///
/// Fails if the request cannot be expressed, or the loopback network fails.
pub async fn call(vector: &Vector, layer: &Layer) -> Result<Found, String> {
    let request = request(&vector.request).map_err(|error| format!("request: {error}"))?;
    let server = Server::start(vector).await.map_err(|error| format!("server: {error}"))?;
    let network = server.network().clone();
    let connector = service_fn(move |uri: Uri| {
        let network = network.clone();
        Box::pin(async move { network.connect(&uri).await.map(TokioIo::new) })
    });
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let requested = requested_url(&vector.request);
    let result = layer.layer(client).oneshot(request).await;
    let mut found = match result {
        Ok(response) => Found::of(response, requested).await,
        Err(error) => Found::of_error(error, requested).await,
    };
    found.requests = server.received();
    Ok(found)
}

impl Found {
    /// Notes what a response says, and reads it to its end.
    async fn of<B>(response: Response<B>, requested: String) -> Self
    where
        B: Body,
        B::Error: std::fmt::Display,
    {
        let history = History::of(&response);
        let status = response.status();
        let outcome = if status.is_redirection() { Outcome::Stop } else { Outcome::Response };
        Self {
            outcome,
            status: Some(status),
            refusal: response.extensions().get().map(Refusal::kind),
            hops: Some(history.map_or(0, |history| history.hops().len())),
            effective_url: Some(history.map_or(requested, History::effective_url)),
            requests: Vec::new(),
            error: response.into_body().collect().await.err().map(|error| error.to_string()),
        }
    }

    /// Notes what an error says, and the response that it owns.
    async fn of_error<R>(error: Error<R>, requested: String) -> Self
    where
        R: Body,
        R::Error: std::fmt::Display,
    {
        let text = describe(&error);
        let refusal = error.refusal().map(Refusal::kind);
        let response = match error.into_response() {
            Some(response) => Self::of(response, requested).await,
            None => Self {
                outcome: Outcome::Error,
                status: None,
                refusal,
                hops: None,
                effective_url: None,
                requests: Vec::new(),
                error: None,
            },
        };
        Self { outcome: Outcome::Error, refusal, error: Some(text), ..response }
    }
}

/// The effective URL where nothing is redirected.
fn requested_url(request: &vectors::Request) -> String {
    let (url, fragment) = Url::parse(&request.url);
    match fragment {
        Some(fragment) => format!("{url}#{fragment}"),
        None => url.to_string(),
    }
}

fn request(request: &vectors::Request) -> Result<http::Request<RequestBody>, http::Error> {
    let (url, fragment) = match request.url.split_once('#') {
        Some((url, fragment)) => (url, Some(fragment)),
        None => (&*request.url, None),
    };
    let method = Method::from_bytes(request.method.as_bytes())?;
    let mut builder = http::Request::builder().method(method).uri(url);
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes())?;
        builder = builder.header(name, HeaderValue::from_bytes(&value.0)?);
    }
    if let Some(fragment) = fragment {
        builder = builder.extension(Fragment::new(fragment));
    }
    builder.body(body(request))
}

fn body(request: &vectors::Request) -> RequestBody {
    let Some(content) = &request.body else { return Empty::new().boxed_unsync() };
    let content = Bytes::from(content.0.clone());
    match request.body_replayable {
        Some(false) => OneShot::new(content).boxed_unsync(),
        Some(true) | None => Full::new(content).boxed_unsync(),
    }
}

/// A body of unknown length that comes in several frames and cannot be had again.
struct OneShot {
    frames: VecDeque<Bytes>,
}

impl OneShot {
    fn new(mut content: Bytes) -> Self {
        let size = (content.len() / 3).max(1);
        let mut frames = VecDeque::new();
        while !content.is_empty() {
            frames.push_back(content.split_to(size.min(content.len())));
        }
        Self { frames }
    }
}

impl Body for OneShot {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.frames.pop_front().map(|frame| Ok(Frame::data(frame))))
    }
}
