//! The service that follows redirects.

use std::{
    fmt, mem,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    BoxError,
    body::{ReplayBody, ResponseBody},
    call::Shared,
    error::Error,
    future::ResponseFuture,
    layer::FollowRedirectLayer,
    policy::{Policy, Standard},
};

/// Follows the redirects that the inner service answers with.
///
/// It is made by [`FollowRedirectLayer`](crate::FollowRedirectLayer), which has the settings. The
/// inner service gets each hop's request with a [`ReplayBody`], and the caller gets the response with
/// a [`ResponseBody`] around the inner service's.
///
/// # Clone
///
/// Clones share settings and policy. The inner service is cloned for every call: the clone that was
/// ready makes the call and all its hops, and each hop waits until it is ready again.
///
/// ```
/// # use bytes::Bytes;
/// # use http::{Request, Response, header::LOCATION};
/// # use http_body_util::Empty;
/// use tower::{BoxError, ServiceExt, service_fn};
/// use tower_follow_redirect::{FollowRedirect, ReplayBody};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// # type Body = Empty<Bytes>;
/// let server = service_fn(|request: Request<ReplayBody<Body>>| async move {
///     let response = match request.uri().path() {
///         "/old" => Response::builder().status(302).header(LOCATION, "/new"),
///         _ => Response::builder(),
///     };
///     Ok::<_, BoxError>(response.body(Body::new())?)
/// });
/// let client = FollowRedirect::new(server);
/// let response = client.oneshot(Request::get("http://a.test/old").body(Body::new())?).await?;
/// assert_eq!(response.status(), 200);
/// # Ok(())
/// # }
/// ```
pub struct FollowRedirect<S, P = Standard> {
    inner: S,
    shared: Arc<Shared<P>>,
}

impl<S> FollowRedirect<S> {
    /// Follows redirects as [`Standard`] does, with the settings of
    /// [`FollowRedirectLayer::new`](crate::FollowRedirectLayer::new).
    pub fn new(inner: S) -> Self {
        FollowRedirectLayer::new().layer(inner)
    }
}

impl<S, P> FollowRedirect<S, P> {
    pub(crate) fn sharing(shared: Arc<Shared<P>>, inner: S) -> Self {
        Self { inner, shared }
    }

    /// Returns a reference to the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Unwraps the inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: Clone, P> Clone for FollowRedirect<S, P> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

/// A policy need not be `Debug`.
impl<S: fmt::Debug, P> fmt::Debug for FollowRedirect<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowRedirect")
            .field("inner", &self.inner)
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

impl<S, P, B, R> Service<Request<B>> for FollowRedirect<S, P>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone,
    S::Error: Into<BoxError>,
    P: Policy,
    B: Body + Send + 'static,
    R: Body,
{
    type Response = Response<ResponseBody<R>>;
    type Error = Error<R>;
    type Future = ResponseFuture<S, P, B, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::not_ready)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let clone = self.inner.clone();
        // The clone may not be ready.
        let service = mem::replace(&mut self.inner, clone);
        ResponseFuture::new(service, Arc::clone(&self.shared), request)
    }
}
