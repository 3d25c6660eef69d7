//! A connector that looks at the host of a URI.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Uri;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    BoxError,
    policy::{DenyPrivateNetworks, private::NotPublic},
};

/// A connector that looks at the host of a URI before another connects to it; made by
/// [`DenyPrivateNetworks::http_connector`].
///
/// ```
/// use tower_follow_redirect::policy::DenyPrivateNetworks;
///
/// let mut connector = DenyPrivateNetworks::new().http_connector();
/// connector.get_mut().set_nodelay(true);
/// ```
#[derive(Clone, Debug)]
pub struct PublicConnector<C> {
    deny: DenyPrivateNetworks,
    inner: C,
}

impl<C> PublicConnector<C> {
    pub(super) fn new(deny: DenyPrivateNetworks, inner: C) -> Self {
        Self { deny, inner }
    }

    /// Returns the connector that connects, to set its options.
    pub fn get_mut(&mut self) -> &mut C {
        &mut self.inner
    }
}

impl<C> Service<Uri> for PublicConnector<C>
where
    C: Service<Uri, Error: Into<BoxError>>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Connecting<C::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let state = match self.deny.check(&uri) {
            Ok(()) => State::Connecting { inner: self.inner.call(uri) },
            Err(error) => State::Refused { error: Some(error) },
        };
        Connecting { state }
    }
}

pin_project! {
    /// The future of a [`PublicConnector`].
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct Connecting<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProj]
    #[derive(Debug)]
    enum State<F> {
        Connecting {
            #[pin]
            inner: F,
        },
        Refused {
            error: Option<NotPublic>,
        },
    }
}

impl<F, T, E> Future for Connecting<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project().state.project() {
            StateProj::Connecting { inner } => ready!(inner.poll(cx)).map_err(Into::into),
            StateProj::Refused { error } => {
                Err(error.take().expect("Refused is polled once").into())
            }
        })
    }
}
