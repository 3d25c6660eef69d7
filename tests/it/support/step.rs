//! A call whose inner service the test plays itself, step by step.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header, request};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tokio::{task::JoinHandle, time::timeout};
use tower::{BoxError, Layer, ServiceExt};
use tower_follow_redirect::{
    Error, FollowRedirectLayer, Policy, Refusal, RefusalKind, ReplayBody, ResponseBody,
};
use tower_test::mock;

/// What the inner service answers with.
pub type Answer = Response<Full<Bytes>>;

/// How a call ends.
pub type End = Result<Response<ResponseBody<Full<Bytes>>>, Error<Full<Bytes>>>;

/// Nothing here waits for a clock: what takes longer never comes.
const NEVER: Duration = Duration::from_secs(20);

/// A call on its way through the layer.
pub struct Call<B> {
    handle: mock::Handle<Request<ReplayBody<B>>, Answer>,
    task: JoinHandle<End>,
}

impl<B> Call<B>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    pub fn start<P: Policy + 'static>(layer: FollowRedirectLayer<P>, request: Request<B>) -> Self {
        let (inner, handle) = mock::pair();
        let task = tokio::spawn(layer.layer(inner).oneshot(request));
        Self { handle, task }
    }

    /// Returns the request that the inner service gets next.
    pub async fn next(&mut self) -> Hop<B> {
        let next = timeout(NEVER, self.handle.next_request()).await.expect("a request comes");
        let (request, send) = next.expect("the call goes on");
        let (head, body) = request.into_parts();
        Hop { head, body, send }
    }

    /// Returns how the call ends, without another request.
    pub async fn end(mut self) -> End {
        let ended = timeout(NEVER, &mut self.task).await;
        let ended = ended.expect("the call ends").expect("the call does not panic");
        drop(self.task);
        let request = self.handle.next_request().await;
        assert!(request.is_none(), "no request is left");
        ended
    }

    /// Ends the call with 200 and returns its response.
    pub async fn end_with_ok(mut self) -> Response<ResponseBody<Full<Bytes>>> {
        self.next().await.answer(ok());
        self.end().await.unwrap()
    }
}

/// One request as the inner service sees it.
pub struct Hop<B> {
    pub head: request::Parts,
    pub body: ReplayBody<B>,
    send: mock::SendResponse<Answer>,
}

impl<B> Hop<B>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    pub fn uri(&self) -> String {
        self.head.uri.to_string()
    }

    /// The request line without the version.
    pub fn line(&self) -> String {
        format!("{} {}", self.head.method, self.head.uri)
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The names of all header fields, in alphabetical order.
    pub fn fields(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.head.headers.keys().map(|name| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// Reads the content, as a transport does that sends it.
    pub async fn content(&mut self) -> String {
        let content = (&mut self.body).collect().await.unwrap().to_bytes();
        String::from_utf8(content.into()).unwrap()
    }

    pub fn answer(self, response: Answer) {
        self.send.send_response(response);
    }

    pub fn redirect(self, status: u16, location: &str) {
        self.answer(redirect(status, location));
    }

    pub fn fail(self, error: impl Into<BoxError>) {
        self.send.send_error(error);
    }
}

impl<B> fmt::Debug for Hop<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head.fmt(f)
    }
}

pub fn ok() -> Answer {
    Response::new(Full::new(Bytes::from_static(b"ok")))
}

pub fn status(status: u16) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from_static(b"see there")));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// A redirect with a body. The `Location` may be no text.
pub fn redirect(code: u16, location: impl AsRef<[u8]>) -> Answer {
    let mut response = status(code);
    let location = HeaderValue::from_bytes(location.as_ref()).unwrap();
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// A request with content.
pub fn send(method: &str, uri: &str, content: &'static str) -> Request<Full<Bytes>> {
    Request::builder().method(method).uri(uri).body(Full::from(content)).unwrap()
}

/// Why a response was handed back unfollowed.
pub fn reason<R>(response: &Response<R>) -> Option<RefusalKind> {
    response.extensions().get().map(Refusal::kind)
}

/// Why a redirect was refused with an error.
pub fn refused<R: Body>(error: &Error<R>) -> Option<RefusalKind> {
    error.refusal().map(Refusal::kind)
}
