//! The service that signs.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_follow_redirect::policy::s3::SignedWith;
use tower_service::Service;

use crate::{
    BoxError,
    error::SignError,
    signer::{Content, Signer},
};

/// Signs each request that has a region, and tells so by a [`SignedWith`] on the response.
///
/// It is made by [`SigV4Layer`](crate::SigV4Layer). Its error is a [`SignError`] or the inner service's,
/// in a box.
#[derive(Clone, Debug)]
pub struct SigV4<S> {
    inner: S,
    signer: Signer,
}

impl<S> SigV4<S> {
    pub(crate) fn new(inner: S, signer: Signer) -> Self {
        Self { inner, signer }
    }
}

impl<S, B, R> Service<Request<B>> for SigV4<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Body,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut head, body) = request.into_parts();
        let content = if body.is_end_stream() { Content::Empty } else { Content::Some };
        let state = match self.signer.sign(&mut head, content) {
            Ok(signed) => {
                let response = self.inner.call(Request::from_parts(head, body));
                State::Sent { response, signed }
            }
            Err(error) => State::Unsigned { error: Some(error) },
        };
        ResponseFuture { state }
    }
}

pin_project! {
    /// The response to a request that was signed.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProjection]
    enum State<F> {
        // On its way, signed or left alone.
        Sent { #[pin] response: F, signed: Option<SignedWith> },
        // It could not be signed, so it was not sent.
        Unsigned { error: Option<SignError> },
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Response<R>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Sent { response, signed } => {
                let mut response = ready!(response.poll(cx)).map_err(Into::into)?;
                if let Some(signed) = signed.take() {
                    response.extensions_mut().insert(signed);
                }
                Poll::Ready(Ok(response))
            }
            StateProjection::Unsigned { error } => {
                let error = error.take().expect("polled after it was ready");
                Poll::Ready(Err(error.into()))
            }
        }
    }
}
