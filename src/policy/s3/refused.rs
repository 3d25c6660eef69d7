//! Why a redirect of S3 was not followed.

use std::fmt;

/// Why [`S3`](super::S3) stopped at a redirect: the source of the [`Refusal`](crate::Refusal).
///
/// ```
/// use std::error::Error;
/// use http::Response;
/// use tower_follow_redirect::{Refusal, policy::s3::{Reason, Refused}};
///
/// fn must_be_signed_anew<B>(response: &Response<B>) -> bool {
///     let source = Refusal::of(response).and_then(|refusal| refusal.source());
///     let refused = source.and_then(|source| source.downcast_ref::<Refused>());
///     refused.is_some_and(|refused| refused.reason() == Reason::NeedsSigning)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    reason: Reason,
    host: Option<Box<str>>,
}

/// The reason of a [`Refused`].
///
/// ```
/// use tower_follow_redirect::policy::s3::{Reason, Refused};
///
/// fn explain(refused: &Refused) -> String {
///     match refused.reason() {
///         Reason::NeedsSigning => "put a signer inside of the redirect layer".into(),
///         Reason::NeedsXml => "turn on the feature `s3-xml`".into(),
///         reason => format!("{} ({refused})", reason.as_str()),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// `Location` is none that S3 would send.
    BadLocation,
    /// `Location` has a user name.
    UserInfo,
    /// `Location` has another port than the scheme's, or than that of the S3-compatible service.
    Port,
    /// It leads from `https` to `http`, or to a FIPS endpoint by `http`.
    Downgrade,
    /// It leads to a host that is no S3 endpoint.
    Host,
    /// It leads to an endpoint of a family that is never redirected to.
    Family,
    /// It leads from a FIPS endpoint to one that is none.
    Fips,
    /// It leads to another partition, where the credentials are unknown.
    Partition,
    /// It leads to another bucket.
    Bucket,
    /// It leads to another key, or changes the query.
    Resource,
    /// Neither `Location` nor region nor endpoint says where it leads.
    NoLocation,
    /// Only the XML of the response says where it leads, and the feature `s3-xml` is off.
    NeedsXml,
    /// The region is none of this partition.
    Region,
    /// It leads to where it comes from, and the region is the one that was signed for.
    Loop,
    /// The signature of the request does not hold there, and no signer is inside.
    NeedsSigning,
    /// The limit of [`S3::max_redirects`](super::S3::max_redirects) is reached.
    TooManyRedirects,
}

impl Refused {
    pub(super) fn to(reason: Reason, host: &str) -> Self {
        // It may be anything: what a URL has besides its host may be secret, and none is as long.
        let host = host.split(['/', '?', '#']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        let shown = host.bytes().all(|byte| byte.is_ascii_graphic()) && host.len() <= 253;
        Self { reason, host: (shown && !host.is_empty()).then(|| host.into()) }
    }

    /// Returns the reason.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Returns the host that the redirect leads to, if it names one that can be shown.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self { reason, host: None }
    }
}

/// Names the host, and nothing else of a URL: a query may be a signature.
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(f, "S3's redirect to {host} {}", self.reason.sentence()),
            None => write!(f, "S3's redirect {}", self.reason.sentence()),
        }
    }
}

impl std::error::Error for Refused {}

impl Reason {
    /// Returns a name for logs and metrics, such as `needs-signing`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadLocation => "bad-location",
            Self::UserInfo => "userinfo",
            Self::Port => "port",
            Self::Downgrade => "downgrade",
            Self::Host => "host",
            Self::Family => "family",
            Self::Fips => "fips",
            Self::Partition => "partition",
            Self::Bucket => "bucket",
            Self::Resource => "resource",
            Self::NoLocation => "no-location",
            Self::NeedsXml => "needs-xml",
            Self::Region => "region",
            Self::Loop => "loop",
            Self::NeedsSigning => "needs-signing",
            Self::TooManyRedirects => "too-many-redirects",
        }
    }

    /// Returns whether the target is another server's or another resource's, and otherwise sound.
    pub(super) fn is_foreign(self) -> bool {
        match self {
            Self::Port
            | Self::Host
            | Self::Family
            | Self::Partition
            | Self::Bucket
            | Self::Resource => true,
            Self::BadLocation
            | Self::UserInfo
            | Self::Downgrade
            | Self::Fips
            | Self::NoLocation
            | Self::NeedsXml
            | Self::Region
            | Self::Loop
            | Self::NeedsSigning
            | Self::TooManyRedirects => false,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::BadLocation => "has a Location that S3 does not send",
            Self::UserInfo => "has a user name in its Location",
            Self::Port => {
                "leads to another port; name the service with S3::domain if it has its own"
            }
            Self::Downgrade => "gives up TLS; begin with http if that is wanted",
            Self::Host => {
                "leads to no S3 endpoint; name the domain of an S3-compatible service with \
                 S3::domain, or delegate foreign redirects"
            }
            Self::Family => "leads to an endpoint that S3 does not redirect to",
            Self::Fips => "leaves FIPS endpoints; begin at one without FIPS if that is wanted",
            Self::Partition => {
                "leads to another partition, where these credentials are unknown; use its own \
                 endpoint and credentials"
            }
            Self::Bucket => "leads to another bucket; name that bucket if it is wanted",
            Self::Resource => "leads to another key, or changes the query",
            Self::NoLocation => {
                "says neither endpoint nor region; use the endpoint of the bucket's region"
            }
            Self::NeedsXml => {
                "says only in XML where it leads; switch on the feature s3-xml, or use the endpoint \
                 of the bucket's region"
            }
            Self::Region => "names a region that is none of this partition",
            Self::Loop => "leads to where it comes from",
            Self::NeedsSigning => {
                "needs another signature; put a signer inside of the redirect layer, or use the \
                 endpoint of the bucket's region"
            }
            Self::TooManyRedirects => "is one too many; raise S3::max_redirects if all are wanted",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_the_host_and_nothing_secret() {
        let refused = Refused::to(Reason::Bucket, "https.evil.test?X-Amz-Signature=secret");
        assert_eq!(
            refused.to_string(),
            "S3's redirect to https.evil.test leads to another bucket; name that bucket if it is \
             wanted"
        );
        assert_eq!(Refused::to(Reason::Host, "k:secret@a.test/x").host(), Some("a.test"));
        assert_eq!(Refused::to(Reason::Host, "a\u{1b}[2J").host(), None);
    }
}
