//! What a call costs beside tower-http's `FollowRedirect` and without any layer, in one run.
//!
//! `cargo bench` prints a table; the rows of one group were measured under the same conditions.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use bytes::Bytes;
use divan::Bencher;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{Empty, Full};
use tower::{Layer, Service};
use tower_follow_redirect::FollowRedirectLayer;
use tower_http::follow_redirect::{
    FollowRedirectLayer as Peer,
    policy::{PolicyExt, Standard, clone_body_fn},
};

fn main() {
    divan::main();
}

/// Redirects as often as the request's path says, then answers 200.
#[derive(Clone)]
struct Server;

impl<B> Service<Request<B>> for Server {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let left: usize = request.uri().path()[1..].parse().expect("the path is a number");
        let mut response = Response::new(Empty::new());
        if let Some(next) = left.checked_sub(1) {
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            let location = HeaderValue::try_from(format!("/{next}")).expect("a path is a value");
            response.headers_mut().insert(header::LOCATION, location);
        }
        ready(Ok(response))
    }
}

/// A request as a client builds it: names and values of its own.
fn request<B>(body: B, redirects: usize, fields: usize) -> Request<B> {
    let mut headers = HeaderMap::with_capacity(fields);
    for field in 0..fields {
        let name = HeaderName::try_from(format!("x-field-{field}")).expect("a name");
        headers.insert(name, HeaderValue::try_from(format!("value-{field}")).expect("a value"));
    }
    let mut request = Request::new(body);
    *request.method_mut() = Method::PUT;
    *request.uri_mut() = format!("http://a.test/{redirects}").parse().expect("a URI");
    *request.headers_mut() = headers;
    request
}

fn run<S, B>(bencher: Bencher<'_, '_>, service: S, request: impl Fn() -> Request<B> + Sync)
where
    S: Service<Request<B>> + Clone + Sync,
{
    bencher.with_inputs(request).bench_values(|request| {
        let mut call = std::pin::pin!(service.clone().call(request));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        loop {
            if let Poll::Ready(result) = call.as_mut().poll(&mut cx) {
                return result.is_ok();
            }
        }
    });
}

type Content = Full<Bytes>;

fn peer() -> impl Service<Request<Content>, Response: Send> + Clone + Sync {
    let policy = clone_body_fn(|body: &Content| Some(body.clone()));
    Peer::with_policy(policy.and::<_, Content, Infallible>(Standard::default())).layer(Server)
}

#[divan::bench_group]
mod not_redirected {
    use super::*;

    const FIELDS: [usize; 3] = [0, 8, 14];

    #[divan::bench(args = FIELDS)]
    fn direct(bencher: Bencher<'_, '_>, fields: usize) {
        run(bencher, Server, || request(Empty::<Bytes>::new(), 0, fields));
    }

    #[divan::bench(args = FIELDS)]
    fn ours(bencher: Bencher<'_, '_>, fields: usize) {
        let service = FollowRedirectLayer::new().layer(Server);
        run(bencher, service, || request(Empty::<Bytes>::new(), 0, fields));
    }

    #[divan::bench(args = FIELDS)]
    fn tower_http(bencher: Bencher<'_, '_>, fields: usize) {
        run(bencher, Peer::new().layer(Server), || request(Empty::<Bytes>::new(), 0, fields));
    }
}

#[divan::bench_group]
mod redirected_with_content {
    use super::*;

    const REDIRECTS: [usize; 2] = [1, 3];

    fn put(redirects: usize) -> Request<Content> {
        request(Content::from("ha ha\n"), redirects, 8)
    }

    #[divan::bench(args = REDIRECTS)]
    fn ours(bencher: Bencher<'_, '_>, redirects: usize) {
        run(bencher, FollowRedirectLayer::new().layer(Server), || put(redirects));
    }

    #[divan::bench(args = REDIRECTS)]
    fn tower_http(bencher: Bencher<'_, '_>, redirects: usize) {
        run(bencher, peer(), || put(redirects));
    }
}
