//! The layer that goes inside the redirect layer.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use tower_layer::Layer;

use crate::{service::SigV4, signer::Signer};

/// Makes services that sign each request, for use inside a redirect layer.
///
/// ```
/// use aws_credential_types::Credentials;
/// use tower::ServiceBuilder;
/// use tower_follow_redirect::FollowRedirectLayer;
/// use tower_follow_redirect_sigv4::{HomeRegionLayer, SigV4Layer};
///
/// let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "example");
/// let stack = ServiceBuilder::new()
///     .layer(HomeRegionLayer::new("eu-central-1"))
///     .layer(FollowRedirectLayer::new())
///     .layer(SigV4Layer::new(credentials));
/// ```
///
/// Only a request with a region is signed; the [crate](crate#what-is-signed) tells why.
///
/// Nothing here shows a secret. But at its level `trace`, `aws_sigv4` logs every field that it signs, also
/// a customer's encryption key.
#[derive(Clone, Debug)]
pub struct SigV4Layer {
    signer: Signer,
}

impl SigV4Layer {
    /// Makes a layer that signs for the service `s3`.
    pub fn new(credentials: Credentials) -> Self {
        Self { signer: Signer::new(credentials) }
    }

    /// Sets the name of the service; by default `s3`.
    ///
    /// S3 takes the path as it is. Every other service has it normalised and encoded once more, and
    /// takes no content without a hash.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.signer.set_service(name.into());
        self
    }

    /// Sends content without a hash over plain http too, where anybody can change it.
    #[must_use]
    pub fn allow_unsigned_over_http(mut self) -> Self {
        self.signer.allow_unsigned_over_http();
        self
    }

    /// Sets the clock; by default the system's. It is asked for every hop.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.signer.set_clock(now);
        self
    }
}

impl<S> Layer<S> for SigV4Layer {
    type Service = SigV4<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SigV4::new(inner, self.signer.clone())
    }
}
