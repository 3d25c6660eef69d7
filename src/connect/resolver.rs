//! A resolver that leaves out what is not public.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    vec,
};

use hyper_util::client::legacy::connect::dns::Name;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    BoxError,
    policy::{DenyPrivateNetworks, private::NotPublic},
};

/// A resolver that leaves out addresses which are neither public nor allowed; made by
/// [`DenyPrivateNetworks::resolver`].
///
/// It fails where none is left, and in the same way where the resolver inside fails: whether a name exists
/// in a private network is not for whoever asks.
///
/// ```
/// use hyper_util::client::legacy::connect::{HttpConnector, dns::GaiResolver};
/// use tower_follow_redirect::policy::DenyPrivateNetworks;
///
/// // For a connector of one's own. The host of a URI may be an address: that is the connector's to check.
/// let resolver = DenyPrivateNetworks::new().resolver(GaiResolver::new());
/// let connector = HttpConnector::new_with_resolver(resolver);
/// ```
#[derive(Clone, Debug)]
pub struct PublicResolver<R> {
    deny: DenyPrivateNetworks,
    inner: R,
}

impl<R> PublicResolver<R> {
    pub(super) fn new(deny: DenyPrivateNetworks, inner: R) -> Self {
        Self { deny, inner }
    }
}

impl<R> Service<Name> for PublicResolver<R>
where
    R: Service<Name, Response: IntoIterator<Item = SocketAddr>, Error: Into<BoxError>>,
{
    type Response = vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Resolving<R::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = self.inner.call(name.clone());
        Resolving { deny: self.deny.clone(), name, inner: resolving }
    }
}

pin_project! {
    /// The future of a [`PublicResolver`].
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct Resolving<F> {
        deny: DenyPrivateNetworks,
        name: Name,
        #[pin]
        inner: F,
    }
}

impl<F, A, E> Future for Resolving<F>
where
    F: Future<Output = Result<A, E>>,
    A: IntoIterator<Item = SocketAddr>,
    E: Into<BoxError>,
{
    type Output = Result<vec::IntoIter<SocketAddr>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let name = this.name.as_str();
        let usable = match ready!(this.inner.poll(cx)) {
            Ok(addresses) => this.deny.usable(name, addresses),
            Err(error) => Err(NotPublic::unresolved(name, error)),
        };
        Poll::Ready(usable.map(Vec::into_iter).map_err(Into::into))
    }
}
