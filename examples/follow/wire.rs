//! What happens below the redirect layer: every request that leaves, and what answers it.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::client::legacy::{
    Client,
    connect::{CaptureConnection, capture_connection},
};
use tokio::sync::oneshot;
use tower::{BoxError, Service};
use tower_follow_redirect::ReplayBody;

use crate::{body::Body, connect::Connector, console::Console};

/// hyper's client, watched.
#[derive(Clone)]
pub(crate) struct Wire {
    client: Client<Connector, Metered>,
    log: Log,
    console: Console,
}

impl Wire {
    pub(crate) fn new(client: Client<Connector, Metered>, log: Log, console: Console) -> Self {
        Self { client, log, console }
    }
}

impl Service<Request<ReplayBody<Body>>> for Wire {
    type Response = Response<Incoming>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Incoming>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.client.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<ReplayBody<Body>>) -> Self::Future {
        let Self { mut client, log, console } = self.clone();
        let (number, meter) = log.begin(&request);
        let shown = console.is_on().then(|| heading(&request));
        let metered = console.clone();
        let mut request = request.map(|body| Metered::new(body, meter, metered));
        let connection = capture_connection(&mut request);
        Box::pin(async move {
            let announced = announce(&console, shown, connection);
            let (response, ()) = tokio::join!(client.call(request), announced);
            let response = response?;
            log.answer(number, &response);
            console.response(response.status(), response.version(), response.headers());
            Ok(response)
        })
    }
}

/// The head of a request, with the fields that hyper adds when it writes it.
fn heading<B: HttpBody>(request: &Request<B>) -> Request<()> {
    let mut heading = Request::new(());
    *heading.method_mut() = request.method().clone();
    *heading.uri_mut() = request.uri().clone();
    *heading.headers_mut() = request.headers().clone();
    let framing = match request.body().size_hint().exact() {
        Some(0) => return heading,
        Some(length) => (http::header::CONTENT_LENGTH, length.into()),
        None => (http::header::TRANSFER_ENCODING, http::HeaderValue::from_static("chunked")),
    };
    if !heading.headers().contains_key(http::header::CONTENT_LENGTH) {
        heading.headers_mut().insert(framing.0, framing.1);
    }
    heading
}

/// Shows the head of a request once there is a connection, whose protocol it names.
async fn announce(console: &Console, heading: Option<Request<()>>, mut on: CaptureConnection) {
    let Some(heading) = heading else { return };
    let is_http2 = match &*on.wait_for_connection_metadata().await {
        Some(connected) => connected.is_negotiated_h2(),
        None => return,
    };
    let version = if is_http2 { Version::HTTP_2 } else { Version::HTTP_11 };
    console.request(version, &heading);
}

/// One request, and what answered it.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) answer: Option<Answer>,
    started: Instant,
    sent: Arc<AtomicU64>,
    /// Fails when the transport has dropped the content.
    upload: Option<oneshot::Receiver<Infallible>>,
}

/// The head of a response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    elapsed: Duration,
}

impl Exchange {
    /// Returns how many bytes of content were handed to the transport.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Returns the time until the head of the response, or until now.
    pub(crate) fn elapsed(&self) -> Duration {
        self.answer.as_ref().map_or_else(|| self.started.elapsed(), |answer| answer.elapsed)
    }
}

/// The exchanges of one URL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Exchange>>>);

impl Log {
    /// Returns all exchanges so far, and forgets them.
    pub(crate) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.lock())
    }

    /// Returns what was requested last.
    pub(crate) fn last_uri(&self) -> Option<Uri> {
        self.lock().last().map(|exchange| exchange.uri.clone())
    }

    /// Waits until the content of the last request was sent, or will never be.
    pub(crate) async fn upload_ended(&self) {
        let upload = self.lock().last_mut().and_then(|exchange| exchange.upload.take());
        if let Some(upload) = upload {
            let Err(_) = upload.await;
        }
    }

    fn begin<B>(&self, request: &Request<B>) -> (usize, Meter) {
        let (ended, upload) = oneshot::channel();
        let sent = Arc::<AtomicU64>::default();
        let mut exchanges = self.lock();
        exchanges.push(Exchange {
            method: request.method().clone(),
            uri: request.uri().clone(),
            answer: None,
            started: Instant::now(),
            sent: Arc::clone(&sent),
            upload: Some(upload),
        });
        (exchanges.len() - 1, Meter { sent, _ended: ended })
    }

    fn answer<B>(&self, number: usize, response: &Response<B>) {
        if let Some(exchange) = self.lock().get_mut(number) {
            exchange.answer = Some(Answer {
                status: response.status(),
                version: response.version(),
                headers: response.headers().clone(),
                elapsed: exchange.started.elapsed(),
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Exchange>> {
        // A list that is pushed to is whole at every step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells an [`Exchange`] of its content.
struct Meter {
    sent: Arc<AtomicU64>,
    _ended: oneshot::Sender<Infallible>,
}

/// A request body that counts what is taken from it.
pub(crate) struct Metered {
    body: ReplayBody<Body>,
    meter: Meter,
    total: Option<u64>,
    console: Console,
}

impl Metered {
    fn new(body: ReplayBody<Body>, meter: Meter, console: Console) -> Self {
        let total = body.size_hint().exact();
        Self { body, meter, total, console }
    }
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            let length = data.len() as u64;
            let sent = self.meter.sent.fetch_add(length, Ordering::Relaxed) + length;
            self.console.progress(sent, self.total);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
