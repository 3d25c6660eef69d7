//! What a signer inside of the redirect layer does, without the signing.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response, header};
use tower::Service;
use tower_follow_redirect::policy::s3::{SignedWith, SigningRegion};

/// Notes the region that each hop is to be signed for, and signs if it has a region of its own.
#[derive(Clone)]
pub struct Signer<S> {
    inner: S,
    region: Option<String>,
    told: Arc<Mutex<Vec<Option<String>>>>,
}

pub const SIGNED: &str = "AWS4-HMAC-SHA256 anew";
pub const DATE: &str = "20261125T000000Z";

impl<S> Signer<S> {
    pub fn new(inner: S, region: Option<String>) -> Self {
        Self { inner, region, told: Arc::default() }
    }

    /// Returns the regions that the policy has told, hop by hop.
    pub fn told(&self) -> Arc<Mutex<Vec<Option<String>>>> {
        Arc::clone(&self.told)
    }
}

impl<S, B, R> Service<Request<B>> for Signer<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let told = request.extensions().get().map(|region: &SigningRegion| region.as_str().into());
        self.told.lock().unwrap().push(told.clone());
        let region = self.region.clone().map(|own| told.unwrap_or(own));
        if region.is_some() {
            let headers = request.headers_mut();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(SIGNED));
            headers.insert("x-amz-date", HeaderValue::from_static(DATE));
        }
        let response = self.inner.call(request);
        Box::pin(async move {
            let mut response = response.await?;
            if let Some(region) = region {
                response.extensions_mut().insert(SignedWith::region(region));
            }
            Ok(response)
        })
    }
}
