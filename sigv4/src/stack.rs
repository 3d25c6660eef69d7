//! The whole stack in one call.

use std::{fmt, sync::Arc};

use aws_credential_types::Credentials;
use tower_follow_redirect::{FollowRedirect, FollowRedirectLayer, Policy, policy::S3};
use tower_layer::Layer;

use crate::{HomeRegion, HomeRegionLayer, SigV4, SigV4Layer};

/// A stack for S3: [`HomeRegionLayer`], `FollowRedirectLayer` with the policy [`S3`], [`SigV4Layer`],
/// from the outside.
///
/// Another policy is set by [`redirects`](Self::redirects), such as one that knows the domain of an
/// S3-compatible service.
///
/// ```
/// use aws_credential_types::Credentials;
/// use tower_follow_redirect_sigv4::S3Layer;
///
/// let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "example");
/// let layer = S3Layer::new(credentials, "eu-central-1")
///     .redirects(|redirects| redirects.limit(5))
///     .signer(|signer| signer.allow_unsigned_over_http());
/// ```
pub struct S3Layer<P = S3> {
    region: HomeRegionLayer,
    redirects: FollowRedirectLayer<P>,
    signer: SigV4Layer,
}

/// What [`S3Layer`] makes of a client.
pub type S3Service<S, P = S3> = HomeRegion<FollowRedirect<SigV4<S>, P>>;

impl S3Layer {
    /// Makes a stack that signs for a region, and for those that the policy finds.
    pub fn new(credentials: Credentials, region: impl Into<Arc<str>>) -> Self {
        Self {
            region: HomeRegionLayer::new(region),
            redirects: FollowRedirectLayer::new().with_policy(S3::new()),
            signer: SigV4Layer::new(credentials),
        }
    }
}

impl<P> S3Layer<P> {
    /// Changes the redirect layer: its policy, and its settings.
    #[must_use]
    pub fn redirects<Q>(
        self,
        change: impl FnOnce(FollowRedirectLayer<P>) -> FollowRedirectLayer<Q>,
    ) -> S3Layer<Q> {
        let redirects = change(self.redirects);
        S3Layer { region: self.region, redirects, signer: self.signer }
    }

    /// Changes the signer.
    #[must_use]
    pub fn signer(mut self, change: impl FnOnce(SigV4Layer) -> SigV4Layer) -> Self {
        self.signer = change(self.signer);
        self
    }
}

impl<P> Clone for S3Layer<P> {
    fn clone(&self) -> Self {
        Self {
            region: self.region.clone(),
            redirects: self.redirects.clone(),
            signer: self.signer.clone(),
        }
    }
}

/// A policy need not be `Debug`.
impl<P> fmt::Debug for S3Layer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Layer")
            .field("region", &self.region)
            .field("redirects", &self.redirects)
            .field("signer", &self.signer)
            .finish()
    }
}

impl<S, P: Policy> Layer<S> for S3Layer<P> {
    type Service = S3Service<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        self.region.layer(self.redirects.layer(self.signer.layer(inner)))
    }
}
