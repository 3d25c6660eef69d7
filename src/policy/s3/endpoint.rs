//! What the name of a host says of an Amazon S3 endpoint.

use std::fmt;

use super::{
    grammar,
    partition::{Domain, Partition},
};

/// An Amazon S3 endpoint, read from the name of its host.
///
/// The name alone says which bucket it is about, and where that is. It is read label by label, from the
/// right: that a name *ends* in `amazonaws.com` says nothing, since customers' own hosts are there too.
///
/// ```
/// use tower_follow_redirect::policy::s3::{EndpointFamily, Partition, S3Endpoint};
///
/// let endpoint = S3Endpoint::parse("quotes.s3.eu-central-1.amazonaws.com").unwrap();
/// assert_eq!(endpoint.family(), EndpointFamily::Regional);
/// assert_eq!(endpoint.bucket(), Some("quotes"));
/// assert_eq!(endpoint.region(), Some("eu-central-1"));
/// assert_eq!(endpoint.partition(), Partition::Aws);
///
/// // Anybody can have a host like these.
/// assert_eq!(S3Endpoint::parse("ec2-1-2-3-4.compute-1.amazonaws.com"), None);
/// assert_eq!(S3Endpoint::parse("s3.us-east-1.elb.amazonaws.com"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Endpoint {
    pub(super) family: EndpointFamily,
    pub(super) bucket: Option<String>,
    pub(super) region: Option<String>,
    pub(super) partition: Partition,
    /// The host without the bucket.
    pub(super) base: String,
}

/// The form of an endpoint's name.
///
/// ```
/// use tower_follow_redirect::policy::s3::{EndpointFamily, S3Endpoint};
///
/// let endpoint = S3Endpoint::parse("quotes.s3-accelerate.amazonaws.com").unwrap();
/// assert_eq!(endpoint.family(), EndpointFamily::Accelerate);
/// assert!(endpoint.is_followable());
/// let website = S3Endpoint::parse("quotes.s3-website-us-east-1.amazonaws.com").unwrap();
/// assert!(!website.is_followable());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndpointFamily {
    /// `s3.amazonaws.com`.
    Global,
    /// `s3.us-west-2.amazonaws.com`.
    Regional,
    /// `s3.dualstack.us-west-2.amazonaws.com`.
    DualStack,
    /// `s3-fips.us-west-2.amazonaws.com`, and the older `s3-fips-us-gov-west-1.amazonaws.com`.
    Fips,
    /// `s3-fips.dualstack.us-west-2.amazonaws.com`.
    FipsDualStack,
    /// The older `s3-us-west-2.amazonaws.com`.
    Dash,
    /// A temporary one, such as `s3-4c25d83b.amazonaws.com`.
    Opaque,
    /// `s3-external-1.amazonaws.com`.
    External,
    /// `quotes.s3-accelerate.amazonaws.com`.
    Accelerate,
    /// `quotes.s3-accelerate.dualstack.amazonaws.com`.
    AccelerateDualStack,
    /// A website, whose owner redirects wherever he likes.
    Website,
    /// An access point.
    AccessPoint,
    /// An access point with a function behind it.
    ObjectLambda,
    /// S3 on Outposts.
    Outposts,
    /// The control plane.
    Control,
    /// A multi-region access point.
    MultiRegionAccessPoint,
    /// A directory bucket.
    Express,
    /// An interface endpoint in a private network.
    Vpce,
    /// S3 Tables, Vectors or Files.
    Other,
}

impl S3Endpoint {
    /// Reads the name of a host, or returns `None` where it is not that of an S3 endpoint.
    ///
    /// Letters may be in upper case. A trailing dot, an empty label, or a label of an internationalised
    /// name (`xn--`) is not S3's.
    pub fn parse(host: &str) -> Option<Self> {
        if host.len() > 253 {
            return None;
        }
        let host = host.to_ascii_lowercase();
        let labels: Vec<&str> = host.split('.').collect();
        if !labels.iter().copied().all(grammar::is_label) {
            return None;
        }
        let (labels, domain) = Domain::split(&labels)?;
        let form = grammar::read(labels, domain)?;
        let (bucket, endpoint) = labels.split_at(form.bucket.len());
        Some(Self {
            family: form.family,
            bucket: (!bucket.is_empty()).then(|| bucket.join(".")),
            region: form.region.map(str::to_owned),
            partition: form.partition,
            base: format!("{}.{}", endpoint.join("."), domain.as_str()),
        })
    }

    /// Returns the form of the name.
    pub fn family(&self) -> EndpointFamily {
        self.family
    }

    /// Returns the bucket in the name (or the access point), in lower case; it may have dots. `None`
    /// means that the path begins with it.
    pub fn bucket(&self) -> Option<&str> {
        self.bucket.as_deref()
    }

    /// Returns the region in the name.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Returns the partition.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// Returns whether [`S3`](super::S3) follows redirects from there, and most of them to there.
    pub fn is_followable(&self) -> bool {
        self.family.is_followable()
    }
}

impl EndpointFamily {
    /// Returns a short name, such as `fips-dualstack`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Regional => "regional",
            Self::DualStack => "dualstack",
            Self::Fips => "fips",
            Self::FipsDualStack => "fips-dualstack",
            Self::Dash => "dash",
            Self::Opaque => "opaque",
            Self::External => "external",
            Self::Accelerate => "accelerate",
            Self::AccelerateDualStack => "accelerate-dualstack",
            Self::Website => "website",
            Self::AccessPoint => "accesspoint",
            Self::ObjectLambda => "object-lambda",
            Self::Outposts => "outposts",
            Self::Control => "control",
            Self::MultiRegionAccessPoint => "mrap",
            Self::Express => "express",
            Self::Vpce => "vpce",
            Self::Other => "other-s3",
        }
    }

    pub(super) fn is_followable(self) -> bool {
        match self {
            Self::Global
            | Self::Regional
            | Self::DualStack
            | Self::Fips
            | Self::FipsDualStack
            | Self::Dash
            | Self::Opaque
            | Self::External
            | Self::Accelerate
            | Self::AccelerateDualStack => true,
            Self::Website
            | Self::AccessPoint
            | Self::ObjectLambda
            | Self::Outposts
            | Self::Control
            | Self::MultiRegionAccessPoint
            | Self::Express
            | Self::Vpce
            | Self::Other => false,
        }
    }

    pub(super) fn is_fips(self) -> bool {
        matches!(self, Self::Fips | Self::FipsDualStack)
    }

    pub(super) fn is_accelerate(self) -> bool {
        matches!(self, Self::Accelerate | Self::AccelerateDualStack)
    }

    pub(super) fn is_dual_stack(self) -> bool {
        matches!(self, Self::DualStack | Self::FipsDualStack | Self::AccelerateDualStack)
    }
}

impl fmt::Display for EndpointFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_may_have_dots_and_upper_case_does_not_matter() {
        let endpoint = S3Endpoint::parse("A.b.S3.US-West-2.AmazonAWS.com").unwrap();
        assert_eq!(endpoint.bucket(), Some("a.b"));
        assert_eq!(endpoint.base, "s3.us-west-2.amazonaws.com");
    }

    /// Found by the fuzz target `s3_host`.
    #[test]
    fn a_zone_may_be_called_as_what_stands_before_one() {
        for service in ["s3express-fips-az1", "s3express-fips-fips-az1"] {
            let host = format!("a--x-s3.{service}.us-west-2.amazonaws.com");
            let endpoint = S3Endpoint::parse(&host).unwrap();
            assert_eq!(endpoint.family(), EndpointFamily::Express, "{host}");
        }
        assert_eq!(S3Endpoint::parse("s3express-az1.us-west-2.amazonaws.com"), None);
    }

    #[test]
    fn a_name_that_s3_never_uses_is_no_endpoint() {
        let table = [
            "s3.amazonaws.com.",
            "a..s3.amazonaws.com",
            ".s3.amazonaws.com",
            "xn--a.s3.amazonaws.com",
            "-a.s3.amazonaws.com",
            "a b.s3.amazonaws.com",
            "ü.s3.amazonaws.com",
            "s3.amazonaws.com:443",
            "",
        ];
        for host in table {
            assert_eq!(S3Endpoint::parse(host), None, "{host}");
        }
        let long = format!("{}s3.amazonaws.com", "a.".repeat(119));
        assert_eq!(long.len(), 254);
        assert_eq!(S3Endpoint::parse(&long), None);
        assert!(S3Endpoint::parse(&long[2..]).is_some());
    }
}
