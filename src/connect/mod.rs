//! Connections to public addresses only, over hyper-util (feature `hyper-util`).
//!
//! This is where a check of addresses holds: the connector looks at each address that it is about to
//! connect to, so that no name can lead elsewhere in between. [`DenyPrivateNetworks`] says what is public
//! and what is allowed; as a policy of the layer it stops at redirects besides, with a reason.
//!
//! ```
//! use bytes::Bytes;
//! use http_body_util::Empty;
//! use hyper_util::{client::legacy::Client, rt::TokioExecutor};
//! use tower::{Layer, ServiceExt};
//! use tower_follow_redirect::{
//!     FollowRedirectLayer,
//!     policy::{DenyPrivateNetworks, private::NotPublic},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), http::Error> {
//! let deny = DenyPrivateNetworks::new();
//! let client = Client::builder(TokioExecutor::new()).build(deny.http_connector());
//! let client = FollowRedirectLayer::new().with_policy(deny).layer(client);
//!
//! let request = http::Request::get("http://localhost:8080/").body(Empty::<Bytes>::new())?;
//! let error = client.oneshot(request).await.unwrap_err();
//! assert_eq!(NotPublic::of(&error).unwrap().to_string(), "`localhost` is a name of this host");
//! # Ok(())
//! # }
//! ```
//!
//! # With TLS
//!
//! TLS goes on top, and sees the URI as it was. `HttpConnector` must be told that it gets `https` URIs then:
//!
//! ```
//! # use tower_follow_redirect::policy::DenyPrivateNetworks;
//! let mut http = DenyPrivateNetworks::new().http_connector();
//! http.get_mut().enforce_http(false);
//! ```
//!
//! It is what hyper-rustls' `HttpsConnectorBuilder::wrap_connector` and hyper-tls'
//! `HttpsConnector::new_with_connector` take.
//!
//! # Behind a proxy
//!
//! A proxy is connected to by an address of its own, and resolves the names of others itself. What
//! is looked at here says nothing of that; it is the proxy that must refuse.

mod connector;
mod resolver;

use hyper_util::client::legacy::connect::{HttpConnector, dns::GaiResolver};

pub use self::{
    connector::{Connecting, PublicConnector},
    resolver::{PublicResolver, Resolving},
};
use crate::policy::DenyPrivateNetworks;

/// Connectors.
impl DenyPrivateNetworks {
    /// Makes a connector that opens connections to public and allowed addresses only. This is the one to
    /// use; see [`connect`](self).
    ///
    /// It looks at the host of a URI, and at the addresses that its name is resolved to (by the system).
    /// Of an answer with several, those that are neither public nor allowed are left out. Where none is
    /// left the connection fails with a [`NotPublic`](crate::policy::private::NotPublic) among its sources.
    pub fn http_connector(&self) -> PublicConnector<HttpConnector<PublicResolver<GaiResolver>>> {
        self.http_connector_with(GaiResolver::new())
    }

    /// As [`http_connector`](Self::http_connector), with a resolver of one's own.
    pub fn http_connector_with<R>(
        &self,
        resolver: R,
    ) -> PublicConnector<HttpConnector<PublicResolver<R>>> {
        self.connector(HttpConnector::new_with_resolver(self.resolver(resolver)))
    }

    /// Makes a connector that looks at the host of a URI before `inner` connects to it.
    ///
    /// `inner` must look at addresses: it resolves names by a [`resolver`](Self::resolver) of this policy.
    pub fn connector<C>(&self, inner: C) -> PublicConnector<C> {
        PublicConnector::new(self.clone(), inner)
    }

    /// Makes a resolver that leaves out addresses which are neither public nor allowed.
    ///
    /// **It is half of the check**: no connector asks its resolver about the host `127.0.0.1`, and none
    /// tells it the port. [`connector`](Self::connector) is the other half.
    pub fn resolver<R>(&self, inner: R) -> PublicResolver<R> {
        PublicResolver::new(self.clone(), inner)
    }
}
