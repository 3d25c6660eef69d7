//! A web that is told what it looks like.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Response, StatusCode, header, request};
use http_body_util::Empty;
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_follow_redirect::{FollowRedirectLayer, policy::permanent::PermanentCache};

type Body = Empty<Bytes>;

const TENANT: &str = "x-tenant";

/// Where each URI has moved to for good. The rest is there.
#[derive(Clone, Default)]
pub(crate) struct Web(Arc<Mutex<HashMap<String, Moved>>>);

struct Moved {
    to: String,
    max_age: Option<u32>,
}

/// What is sent.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) tenant: Option<&'a str>,
    pub(crate) cache_control: Option<&'a str>,
}

impl<'a> Request<'a> {
    pub(crate) fn get(uri: &'a str) -> Self {
        Self { method: "GET", uri, tenant: None, cache_control: None }
    }

    fn build(self) -> Result<http::Request<Body>, http::Error> {
        let mut request = http::Request::builder().method(self.method).uri(self.uri);
        if let Some(tenant) = self.tenant {
            request = request.header(TENANT, tenant);
        }
        if let Some(value) = self.cache_control {
            request = request.header(header::CACHE_CONTROL, value);
        }
        request.body(Body::new())
    }
}

impl Web {
    pub(crate) fn moved(&self, from: &str, to: &str, max_age: Option<u32>) {
        let moved = Moved { to: to.to_owned(), max_age };
        self.0.lock().unwrap().insert(from.to_owned(), moved);
    }

    pub(crate) fn stays(&self, uri: &str) {
        self.0.lock().unwrap().remove(uri);
    }

    /// Sends a request, and returns the URIs that reached a server.
    pub(crate) async fn send(
        &self,
        cache: &PermanentCache,
        request: Request<'_>,
    ) -> Result<Vec<String>, BoxError> {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let server = {
            let (web, asked) = (self.clone(), Arc::clone(&asked));
            service_fn(move |request: http::Request<_>| {
                let uri = request.uri().to_string();
                let response = web.answer(&uri);
                asked.lock().unwrap().push(uri);
                async move { response }
            })
        };
        let client = FollowRedirectLayer::new().with_policy(cache.clone()).layer(server);
        let response = client.oneshot(request.build()?).boxed().await?;
        if response.status() != StatusCode::OK {
            return Err(format!("the answer is {}", response.status()).into());
        }
        drop(response);
        let asked = asked.lock().unwrap().clone();
        Ok(asked)
    }

    fn answer(&self, uri: &str) -> Result<Response<Body>, BoxError> {
        let moved = self.0.lock().unwrap();
        let Some(Moved { to, max_age }) = moved.get(uri) else {
            return Ok(Response::new(Body::new()));
        };
        let mut response = Response::builder().status(308).header(header::LOCATION, to);
        if let Some(seconds) = max_age {
            response = response.header(header::CACHE_CONTROL, format!("max-age={seconds}"));
        }
        Ok(response.body(Body::new())?)
    }
}

/// Tells whose request it is.
pub(crate) fn tenant(request: &request::Parts) -> Option<Box<str>> {
    Some(request.headers.get(TENANT)?.to_str().ok()?.into())
}
