//! Why a request was not signed, and so not sent.

use std::{error::Error, fmt};

use http::HeaderName;

use crate::BoxError;

/// Why a request was not signed, and so not sent.
///
/// The error of [`SigV4`](crate::SigV4) is a box of it, or of the inner service's error.
#[derive(Debug)]
#[non_exhaustive]
pub enum SignError {
    /// The content has no hash, and goes over plain http, where anybody could change it.
    UnsignedOverHttp,
    /// The content has no hash, and the service takes none without.
    UnsignedPayload,
    /// Neither the URI nor `Host` has a host.
    NoHost,
    /// A header field that must be signed has a value that is not printable ASCII.
    Header(HeaderName),
    /// The signer failed.
    Signer(BoxError),
}

impl SignError {
    pub(crate) fn signer(error: impl Into<BoxError>) -> Self {
        Self::Signer(error.into())
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsignedOverHttp => f.write_str(
                "the content has no hash, and over plain http it is not sent unsigned: set \
                 x-amz-content-sha256, call hash_payload, or allow_unsigned_over_http",
            ),
            Self::UnsignedPayload => f.write_str(
                "the content has no hash, and only S3 takes it unsigned: set x-amz-content-sha256 or \
                 call hash_payload",
            ),
            Self::NoHost => f.write_str("the request has no host to sign"),
            Self::Header(name) => write!(f, "the value of {name} cannot be signed"),
            Self::Signer(_) => f.write_str("the request cannot be signed"),
        }
    }
}

impl Error for SignError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Signer(source) => Some(&**source),
            _ => None,
        }
    }
}
