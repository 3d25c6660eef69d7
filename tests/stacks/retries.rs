//! `tower::retry`: outside it begins the chain again.

use std::future::{Ready, ready};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{Either, Empty, Full};
use tower::{ServiceBuilder, ServiceExt, retry::Policy};
use tower_follow_redirect::{FollowRedirectLayer, ReplayBody};

use crate::site::{Site, put, text};

/// Tries once more after 503.
#[derive(Clone)]
struct OnceMore(u32);

impl OnceMore {
    fn is_due<R, E>(&mut self, result: &Result<Response<R>, E>) -> bool {
        let busy = |response: &Response<R>| response.status() == StatusCode::SERVICE_UNAVAILABLE;
        let due = self.0 > 0 && result.as_ref().is_ok_and(busy);
        self.0 -= u32::from(due);
        due
    }
}

impl<R, E> Policy<Request<Full<Bytes>>, Response<R>, E> for OnceMore {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<Full<Bytes>>,
        result: &mut Result<Response<R>, E>,
    ) -> Option<Self::Future> {
        self.is_due(result).then(|| ready(()))
    }

    /// The whole request, extensions too: a body of its own for each chain.
    fn clone_request(&mut self, request: &Request<Full<Bytes>>) -> Option<Request<Full<Bytes>>> {
        Some(request.clone())
    }
}

#[tokio::test]
async fn outside_it_begins_the_chain_again_with_a_clone_of_the_body() {
    let site = Site::default();
    let client = ServiceBuilder::new()
        .retry(OnceMore(1))
        .layer(FollowRedirectLayer::new())
        .service(site.clone());
    let mut request = put("http://a.test/busy");
    request.headers_mut().insert("authorization", "Bearer secret".parse().unwrap());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!((response.status().as_u16(), text(response).await), (200, "ok".to_owned()));
    let (busy, new) = ("http://a.test/busy", "http://a.test/busy/new");
    assert_eq!(site.uris(), [busy, new, busy, new]);
    // Each time it was the whole request.
    assert!(site.field("authorization").iter().all(Option::is_some));
}

/// What a hop is sent with: without content it can be sent again.
type Hop = Either<Empty<Bytes>, ReplayBody<Full<Bytes>>>;

fn hop(body: ReplayBody<Full<Bytes>>) -> Hop {
    if body.is_end_stream() { Either::Left(Empty::new()) } else { Either::Right(body) }
}

impl<R, E> Policy<Request<Hop>, Response<R>, E> for OnceMore {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut Request<Hop>,
        result: &mut Result<Response<R>, E>,
    ) -> Option<Self::Future> {
        self.is_due(result).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Request<Hop>) -> Option<Request<Hop>> {
        let Either::Left(empty) = request.body() else { return None };
        let mut clone = Request::new(Either::Left(*empty));
        *clone.method_mut() = request.method().clone();
        *clone.uri_mut() = request.uri().clone();
        *clone.headers_mut() = request.headers().clone();
        Some(clone)
    }
}

/// Inside there is a `ReplayBody`, which cannot be cloned: content that may be sent once more after a
/// redirect is not there for a retry too.
#[tokio::test]
async fn inside_it_repeats_a_hop_that_has_no_content() {
    let site = Site::default();
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .map_request(|request: Request<_>| request.map(hop))
        .retry(OnceMore(1))
        .service(site.clone());
    let get = Request::get("http://a.test/busy").body(Full::default()).unwrap();
    let response = client.oneshot(get).await.unwrap();
    assert_eq!(response.status(), 200);
    let (busy, new) = ("http://a.test/busy", "http://a.test/busy/new");
    assert_eq!(site.uris(), [busy, new, new]);

    let site = Site::default();
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .map_request(|request: Request<_>| request.map(hop))
        .retry(OnceMore(1))
        .service(site.clone());
    let response = client.oneshot(put("http://a.test/busy")).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(site.uris(), [busy, new]);
}
