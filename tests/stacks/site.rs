//! The service in the innermost place: a site whose paths redirect.

use std::{
    future::Future,
    io::Write,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, Request, Response, StatusCode, header, response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tokio::time::sleep;
use tower::{BoxError, Service};

pub(crate) type Answer = Response<Full<Bytes>>;

/// | path | answer |
/// |---|---|
/// | `/old` | 307 to `/new` |
/// | `/empty` | 307 to `/new`, without content: there is nothing to drain |
/// | `/away` | 307 to `http://b.test/new` |
/// | `/twice` | 307 to `/old` |
/// | `/zipped` | 307 to `/zipped/new`, which is 200; both with `Content-Encoding: gzip` |
/// | `/busy` | 307 to `/busy/new`, which is 503 once and then 200 |
/// | else | 200, with the content of the request |
///
/// Clones are one site.
#[derive(Clone, Default)]
pub(crate) struct Site {
    seen: Arc<Mutex<Vec<Seen>>>,
    /// How long each answer takes.
    delay: Duration,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
}

impl Site {
    pub(crate) fn slow(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Returns where the requests went, in order.
    pub(crate) fn uris(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.uri).collect()
    }

    /// Returns a field of every request, in order.
    pub(crate) fn field(&self, name: &str) -> Vec<Option<String>> {
        let text = |seen: &Seen| Some(seen.headers.get(name)?.to_str().unwrap().to_owned());
        self.seen().iter().map(text).collect()
    }

    fn answer(&self, path: &str, content: Bytes) -> Answer {
        let location = match path {
            "/old" | "/empty" => "/new",
            "/away" => "http://b.test/new",
            "/twice" => "/old",
            "/zipped" => "/zipped/new",
            "/busy" => "/busy/new",
            "/zipped/new" => return zipped(Response::builder(), "there"),
            "/busy/new" => return self.busy(),
            _ => return Response::new(Full::new(content)),
        };
        let redirect = Response::builder()
            .status(StatusCode::TEMPORARY_REDIRECT)
            .header(header::LOCATION, location);
        match path {
            "/zipped" => zipped(redirect, "moved"),
            "/empty" => redirect.body(Full::default()).unwrap(),
            _ => redirect.body(Full::from("moved")).unwrap(),
        }
    }

    fn busy(&self) -> Answer {
        let calls = self.uris().iter().filter(|uri| uri.ends_with("/busy/new")).count();
        let mut response = Response::new(Full::from("ok"));
        if calls == 1 {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        response
    }
}

fn zipped(response: response::Builder, text: &str) -> Answer {
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    zip.write_all(text.as_bytes()).unwrap();
    let content = zip.finish().unwrap();
    response.header(header::CONTENT_ENCODING, "gzip").body(Full::from(content)).unwrap()
}

impl<B> Service<Request<B>> for Site
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Answer;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let site = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let seen = Seen { uri: head.uri.to_string(), headers: head.headers };
            site.seen.lock().unwrap().push(seen);
            let content = body.collect().await.map_err(Into::into)?.to_bytes();
            sleep(site.delay).await;
            Ok(site.answer(head.uri.path(), content))
        })
    }
}

pub(crate) fn put(uri: &str) -> Request<Full<Bytes>> {
    Request::put(uri).body(Full::from("ha ha\n")).unwrap()
}

/// Reads a whole body.
pub(crate) async fn text<B>(response: Response<B>) -> String
where
    B: Body<Error: std::fmt::Debug>,
{
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.into()).unwrap()
}
