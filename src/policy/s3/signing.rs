//! What the S3 policy and a signer inside the redirect layer tell each other.

use std::sync::Arc;

/// The region to sign a request for: a request extension, which [`S3`](super::S3) sets for a signer.
///
/// A signer may take it as the right to sign: it goes along where credentials may go.
///
/// ```
/// use http::request;
/// use tower_follow_redirect::policy::s3::SigningRegion;
///
/// /// In a signer: the region that a redirect has led to, else the configured one.
/// fn region(request: &request::Parts) -> &str {
///     request.extensions.get().map_or("us-east-1", SigningRegion::as_str)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningRegion(Arc<str>);

impl SigningRegion {
    /// Makes the extension.
    pub fn new(region: impl Into<Arc<str>>) -> Self {
        Self(region.into())
    }

    /// Returns the name of the region, such as `eu-central-1`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a request was signed: a response extension, which a signer inside the redirect layer sets.
///
/// By it [`S3`](super::S3) knows that every hop is signed anew, and for which region the last one was.
///
/// ```
/// use http::Response;
/// use tower_follow_redirect::policy::s3::SignedWith;
///
/// /// In a signer: tells the policy what was done.
/// fn signed<B>(mut response: Response<B>, region: &str) -> Response<B> {
///     response.extensions_mut().insert(SignedWith::region(region));
///     response
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedWith {
    region: Arc<str>,
}

impl SignedWith {
    /// Makes the extension of a signer that has signed for `region`.
    pub fn region(region: impl Into<Arc<str>>) -> Self {
        Self { region: region.into() }
    }

    /// Returns the region that was signed for.
    pub fn signed_region(&self) -> &str {
        &self.region
    }
}
