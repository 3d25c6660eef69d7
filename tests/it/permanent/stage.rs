//! A client with a memory, and a web that it plays against.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Empty;
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_follow_redirect::{FollowRedirectLayer, ReplayBody, policy::PermanentCache};

type Body = Empty<Bytes>;

/// What servers answer: where each URI has moved to for good. The rest is there.
#[derive(Clone, Default)]
pub struct Web {
    moved: Arc<Mutex<HashMap<String, String>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    pub fn of<const N: usize>(moved: [(&str, &str); N]) -> Self {
        let moved = moved.map(|(from, to)| (from.to_owned(), to.to_owned()));
        Self { moved: Arc::new(Mutex::new(moved.into())), ..Self::default() }
    }

    /// Sends a request, and returns the URIs that reached a server.
    pub async fn send(&self, cache: &PermanentCache, method: &str, uri: &str) -> Vec<String> {
        self.asked.lock().unwrap().clear();
        let web = self.clone();
        let server = service_fn(move |request: Request<ReplayBody<Body>>| {
            let response = web.answer(request.uri().to_string());
            async move { Ok::<_, BoxError>(response) }
        });
        let client = FollowRedirectLayer::new().with_policy(cache.clone()).layer(server);
        let request = Request::builder().method(method).uri(uri).body(Body::new()).unwrap();
        let response = client.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        self.asked.lock().unwrap().clone()
    }

    pub async fn get(&self, cache: &PermanentCache, uri: &str) -> Vec<String> {
        self.send(cache, "GET", uri).await
    }

    fn answer(&self, uri: String) -> Response<Body> {
        let mut response = Response::new(Body::new());
        if let Some(target) = self.moved.lock().unwrap().get(&uri) {
            *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
            response.headers_mut().insert(header::LOCATION, target.parse().unwrap());
        }
        self.asked.lock().unwrap().push(uri);
        response
    }
}
