//! The layer that goes outside of the redirect layer.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::Request;
use tower_follow_redirect::policy::s3::SigningRegion;
use tower_layer::Layer;
use tower_service::Service;

/// Gives every call its [`SigningRegion`], and with it the right to be signed.
///
/// It goes outside of the redirect layer, which takes the extension along where credentials may go. A
/// request that brings its own region keeps it.
#[derive(Clone, Debug)]
pub struct HomeRegionLayer {
    region: SigningRegion,
}

impl HomeRegionLayer {
    /// Makes the layer of a region, such as `us-east-1`.
    pub fn new(region: impl Into<Arc<str>>) -> Self {
        Self { region: SigningRegion::new(region) }
    }
}

impl<S> Layer<S> for HomeRegionLayer {
    type Service = HomeRegion<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HomeRegion { inner, region: self.region.clone() }
    }
}

/// Gives every call its region; made by [`HomeRegionLayer`].
#[derive(Clone, Debug)]
pub struct HomeRegion<S> {
    inner: S,
    region: SigningRegion,
}

impl<S, B> Service<Request<B>> for HomeRegion<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().get_or_insert_with(|| self.region.clone());
        self.inner.call(request)
    }
}
