//! Calls to count: which client makes them, and what they are about.

use std::{
    convert::Infallible,
    fmt,
    future::{Future, Ready, ready},
    mem,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::{Empty, Full};
use serde::{Deserialize, Serialize};
use tower::{Layer, Service};
use tower_follow_redirect::{
    FollowRedirectLayer,
    policy::{Policy, Standard},
};
use tower_http::follow_redirect::{
    FollowRedirectLayer as PeerLayer,
    policy::{PolicyExt, Standard as PeerStandard, clone_body_fn},
};

/// Who follows the redirects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Client {
    /// Nobody: the same requests reach the server one by one.
    Direct,
    Ours,
    TowerHttp,
}

/// One call.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Call {
    pub fields: usize,
    pub texts: Texts,
    pub content: Content,
    pub redirects: usize,
    pub location: Location,
    pub policy: Policies,
    /// How many calls are on their way at the same time.
    pub concurrent: usize,
}

impl Default for Call {
    fn default() -> Self {
        Self {
            fields: 8,
            texts: Texts::Owned,
            content: Content::Empty,
            redirects: 0,
            location: Location::Relative,
            policy: Policies::Standard,
            concurrent: 1,
        }
    }
}

/// Where names and values come from.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Texts {
    /// They are made for the call, as a client does that is told them at run time.
    Owned,
    /// They are constants, and cost nothing to copy.
    Static,
}

/// What is sent. Numbers are in bytes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Content {
    Empty,
    /// In one piece.
    Full(usize),
    /// In pieces of 4 KiB.
    Stream(usize),
}

/// What redirects look like.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Location {
    /// 307 to a path.
    Relative,
    /// 307 to a URL of the same origin.
    Absolute,
    /// 303 to a path: GET without the content.
    SeeOther,
    /// 307 to another origin, where `Authorization` may not go.
    OtherOrigin,
}

/// What our layer asks; tower-http's always has its `Standard`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Policies {
    Standard,
    /// `Box<dyn Policy>`.
    Boxed,
    /// So many, joined by `and`, each in a box.
    Joined(usize),
}

/// Makes a call so many times.
pub fn make(client: Client, call: Call, times: usize) {
    match call.content {
        Content::Empty => with_body(client, call, times, Empty::new),
        Content::Full(size) => {
            let content = Bytes::from(vec![b'x'; size]);
            with_body(client, call, times, || Full::new(content.clone()));
        }
        Content::Stream(size) => with_body(client, call, times, || Stream { left: size }),
    }
}

fn with_body<B>(client: Client, call: Call, times: usize, body: impl Fn() -> B)
where
    B: Body<Data = Bytes, Error = Infallible> + Clone + Default + Send + Unpin + 'static,
{
    let server = Server { location: call.location };
    match (client, call.policy) {
        (Client::Direct, _) => one_by_one(server, call, times, &body),
        (Client::Ours, Policies::Standard) => {
            let service = FollowRedirectLayer::new().layer(server);
            all_at_once(service, call, times, &body);
        }
        (Client::Ours, Policies::Boxed) => {
            let policy: Box<dyn Policy> = Box::new(Standard);
            let service = FollowRedirectLayer::new().with_policy(policy).layer(server);
            all_at_once(service, call, times, &body);
        }
        (Client::Ours, Policies::Joined(count)) => {
            let service = FollowRedirectLayer::new().with_policy(joined(count)).layer(server);
            all_at_once(service, call, times, &body);
        }
        // What it needs to send content again, and no more than that.
        (Client::TowerHttp, _) if matches!(call.content, Content::Full(_)) => {
            let policy = clone_body_fn(|body: &B| Some(body.clone()));
            let policy = policy.and::<_, B, Infallible>(PeerStandard::default());
            all_at_once(PeerLayer::with_policy(policy).layer(server), call, times, &body);
        }
        (Client::TowerHttp, _) => {
            all_at_once(PeerLayer::new().layer(server), call, times, &body);
        }
    }
}

fn joined(count: usize) -> Box<dyn Policy> {
    let first: Box<dyn Policy> = Box::new(Standard);
    (1..count).fold(first, |joined, _| Box::new(Policy::and(joined, Standard)))
}

fn one_by_one<B>(mut server: Server, call: Call, times: usize, body: &impl Fn() -> B)
where
    B: Body + Unpin,
{
    for _ in 0..times {
        for request in (0..call.concurrent).flat_map(|_| requests(call, body)) {
            counted_by_callgrind(|| finish(pin!(server.call(request))));
        }
    }
}

fn all_at_once<S, B, R>(mut service: S, call: Call, times: usize, body: &impl Fn() -> B)
where
    S: Service<Request<B>, Response = Response<R>, Error: fmt::Debug>,
    R: Body + Unpin,
{
    // Those after the first are made in vain, so that it is the same for every client. They are never
    // freed: malloc would tidy up after them in the midst of what is counted.
    let first = || {
        let mut requests = requests(call, body);
        let first = requests.swap_remove(0);
        mem::forget(requests);
        first
    };
    for _ in 0..times {
        if call.concurrent == 1 {
            let request = first();
            counted_by_callgrind(|| finish(pin!(service.call(request))));
            continue;
        }
        let requests: Vec<_> = (0..call.concurrent).map(|_| first()).collect();
        counted_by_callgrind(|| {
            let calls = requests.into_iter().map(|request| Box::pin(service.call(request)));
            calls.collect::<Vec<_>>().iter_mut().for_each(|call| finish(call.as_mut()));
        });
    }
}

/// Makes the requests of all hops.
fn requests<B>(call: Call, body: &impl Fn() -> B) -> Vec<Request<B>> {
    (0..=call.redirects).rev().map(|left| request(call, left, body())).collect()
}

/// The name of the function that callgrind counts.
pub const COUNTED: &str = "counted_by_callgrind";

/// Callgrind counts what happens in here: it finds the function by its name.
#[inline(never)]
fn counted_by_callgrind(work: impl FnOnce()) {
    work();
}

/// Waits for a response, and reads it.
fn finish<R, E>(mut call: Pin<&mut impl Future<Output = Result<Response<R>, E>>>)
where
    R: Body + Unpin,
    E: fmt::Debug,
{
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        // Nothing here ever waits, but tower-http yields after every hop.
        if let Poll::Ready(response) = call.as_mut().poll(&mut cx) {
            return read(&mut response.expect("the server answers").into_body());
        }
    }
}

/// Reads a body as far as it comes at once.
fn read(body: &mut (impl Body + Unpin)) {
    let mut cx = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(_)) = Pin::new(&mut *body).poll_frame(&mut cx) {}
}

/// A request with so many redirects before it. The server's path says how many.
fn request<B>(call: Call, redirects: usize, body: B) -> Request<B> {
    let mut headers = HeaderMap::with_capacity(call.fields + 1);
    for (field, constant) in STANDARD.iter().cycle().enumerate().take(call.fields) {
        let (name, value) = match call.texts {
            Texts::Owned => (
                HeaderName::try_from(format!("x-field-{field}")),
                HeaderValue::try_from(format!("value-{field}")),
            ),
            Texts::Static => (Ok(constant.clone()), Ok(HeaderValue::from_static("value"))),
        };
        headers.insert(name.expect("a name"), value.expect("a value"));
    }
    if let Location::OtherOrigin = call.location {
        let token = HeaderValue::try_from(String::from("Bearer t")).expect("a value");
        headers.insert(header::AUTHORIZATION, token);
    }
    let mut request = Request::new(body);
    *request.method_mut() = match call.content {
        Content::Empty => Method::GET,
        Content::Full(_) | Content::Stream(_) => Method::POST,
    };
    *request.uri_mut() = format!("http://a.test/{redirects}").parse().expect("a URI");
    *request.headers_mut() = headers;
    request
}

/// Names that are no strings at all.
const STANDARD: [HeaderName; 14] = [
    header::ACCEPT,
    header::ACCEPT_CHARSET,
    header::ACCEPT_ENCODING,
    header::ACCEPT_LANGUAGE,
    header::CACHE_CONTROL,
    header::DATE,
    header::DNT,
    header::FORWARDED,
    header::FROM,
    header::MAX_FORWARDS,
    header::PRAGMA,
    header::RANGE,
    header::USER_AGENT,
    header::VIA,
];

/// Redirects as often as the request's path says, then answers 200. It reads what it can get.
#[derive(Clone, Copy)]
struct Server {
    location: Location,
}

impl<B: Body + Unpin> Service<Request<B>> for Server {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let left: usize = request.uri().path()[1..].parse().expect("the path is a number");
        // A transport that reports no `100 Continue` has let go of the head before it reads.
        read(&mut request.into_body());
        let mut response = Response::new(Empty::new());
        if let Some(next) = left.checked_sub(1) {
            *response.status_mut() = match self.location {
                Location::SeeOther => StatusCode::SEE_OTHER,
                _ => StatusCode::TEMPORARY_REDIRECT,
            };
            let location = match self.location {
                Location::Relative | Location::SeeOther => format!("/{next}"),
                Location::Absolute => format!("http://a.test/{next}"),
                Location::OtherOrigin => format!("http://b{}.test/{next}", next % 2),
            };
            let location = HeaderValue::try_from(location).expect("a URL is a value");
            response.headers_mut().insert(header::LOCATION, location);
        }
        ready(Ok(response))
    }
}

/// A body of unknown length that cannot be copied.
#[derive(Clone, Default)]
struct Stream {
    left: usize,
}

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static PIECE: [u8; 4096] = [b'x'; 4096];
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let size = self.left.min(PIECE.len());
        self.left -= size;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&PIECE[..size])))))
    }
}
