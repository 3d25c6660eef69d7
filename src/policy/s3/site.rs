//! Whose host it is: Amazon's, or one that the caller has named.

use std::borrow::Cow;

use super::{
    endpoint::S3Endpoint,
    grammar,
    partition::Partition,
    resource::{Resource, Style},
    split::{Parts, Scheme},
};

/// The hosts of S3, besides Amazon's own, that the caller has named.
#[derive(Clone, Debug, Default)]
pub(super) struct Sites {
    /// The domains of S3-compatible services.
    pub(super) domains: Vec<String>,
    /// The hosts that are aliases of a bucket with their name.
    pub(super) bucket_hosts: Vec<String>,
}

/// A host that speaks S3's protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Site {
    Aws(S3Endpoint),
    /// An alias of the bucket with its name, in the partition `aws`.
    Alias {
        bucket: String,
    },
    Compatible {
        domain: String,
        bucket: Option<String>,
    },
}

impl Sites {
    /// Returns the site whose redirects are S3's.
    pub(super) fn source(&self, host: &str) -> Option<Site> {
        if let Some(endpoint) = S3Endpoint::parse(host) {
            return endpoint.is_followable().then_some(Site::Aws(endpoint));
        }
        if self.bucket_hosts.iter().any(|name| name.eq_ignore_ascii_case(host)) {
            return Some(Site::Alias { bucket: host.to_ascii_lowercase() });
        }
        self.domains.iter().find_map(|domain| below(domain, host))
    }
}

/// Returns the site of a host that is `domain` or below it.
pub(super) fn below(domain: &str, host: &str) -> Option<Site> {
    let host = host.to_ascii_lowercase();
    let bucket = match host.strip_suffix(domain)? {
        "" => None,
        below => Some(below.strip_suffix('.')?.to_owned()),
    };
    let is_name = host.split('.').all(grammar::is_label);
    is_name.then(|| Site::Compatible { domain: domain.to_owned(), bucket })
}

impl Site {
    /// Returns the bucket that the host names.
    pub(super) fn bucket(&self) -> Option<&str> {
        match self {
            Self::Aws(endpoint) => endpoint.bucket(),
            Self::Alias { bucket } => Some(bucket),
            Self::Compatible { bucket, .. } => bucket.as_deref(),
        }
    }

    pub(super) fn region(&self) -> Option<&str> {
        match self {
            Self::Aws(endpoint) => endpoint.region(),
            Self::Alias { .. } | Self::Compatible { .. } => None,
        }
    }

    /// Returns the partition; a service that is not Amazon's has none.
    pub(super) fn partition(&self) -> Option<Partition> {
        match self {
            Self::Aws(endpoint) => Some(endpoint.partition()),
            Self::Alias { .. } => Some(Partition::Aws),
            Self::Compatible { .. } => None,
        }
    }

    pub(super) fn is_fips(&self) -> bool {
        matches!(self, Self::Aws(endpoint) if endpoint.family.is_fips())
    }

    pub(super) fn is_accelerate(&self) -> bool {
        matches!(self, Self::Aws(endpoint) if endpoint.family.is_accelerate())
    }

    /// Returns whether `region` may be one of this site's.
    pub(super) fn may_have_region(&self, region: &str) -> bool {
        match self.partition() {
            Some(partition) => partition.has_region(region),
            None => grammar::is_label(region) && !region.contains('_'),
        }
    }

    /// Returns the endpoint of the same kind in a region of `partition`. Acceleration has one for all.
    pub(super) fn endpoint_in(&self, partition: Partition, region: &str) -> String {
        let (service, dual_stack) = match self {
            Self::Aws(endpoint) if endpoint.family.is_accelerate() => return endpoint.base.clone(),
            Self::Aws(S3Endpoint { family, .. }) => {
                let service = if family.is_fips() { "s3-fips" } else { "s3" };
                (service, if family.is_dual_stack() { ".dualstack" } else { "" })
            }
            Self::Alias { .. } | Self::Compatible { .. } => ("s3", ""),
        };
        format!("{service}{dual_stack}.{region}.{}", partition.domain())
    }

    /// Returns how the next URL names the bucket, where the redirect leaves that open.
    ///
    /// The certificates of S3 match one label, and an alias is more than one.
    pub(super) fn style_of(&self, parts: &Parts<'_>, resource: &Resource<'_>) -> Style {
        match self {
            Self::Alias { bucket } if parts.scheme == Scheme::Https && bucket.contains('.') => {
                Style::Path
            }
            Self::Alias { .. } | Self::Aws(_) | Self::Compatible { .. } => resource.style,
        }
    }

    /// Returns the resource that a path of this site is about, as the target of a redirect about
    /// `source`.
    pub(super) fn resource<'a>(&'a self, path: &'a str, source: &Resource<'_>) -> Resource<'a> {
        let by_host = Resource::new(self.bucket(), path);
        if let (Self::Compatible { .. }, Style::Virtual) = (self, by_host.style) {
            // What is below the domain of another service may be a zone, and no bucket.
            let by_path = Resource::new(None, path);
            if !by_host.has_bucket_of(source) && by_path.has_bucket_of(source) {
                return by_path;
            }
        }
        by_host
    }
}

/// Returns the host of a bucket at an endpoint.
pub(super) fn host(style: Style, bucket: &[u8], endpoint: &str) -> String {
    match style {
        Style::Virtual => format!("{}.{endpoint}", text(bucket)),
        Style::Path => endpoint.to_owned(),
    }
}

fn text(bucket: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bucket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_met_at_the_border_of_a_label() {
        let site = |bucket: Option<&str>| {
            Some(Site::Compatible {
                domain: "s3.example.net".into(),
                bucket: bucket.map(str::to_owned),
            })
        };
        let table = [
            ("s3.example.net", site(None)),
            ("Quotes.S3.example.net", site(Some("quotes"))),
            ("a.b.s3.example.net", site(Some("a.b"))),
            ("evils3.example.net", None),
            (".s3.example.net", None),
            ("a..s3.example.net", None),
            ("s3.example.net.", None),
            ("s3.example.net.evil.test", None),
            ("example.net", None),
        ];
        for (host, expected) in table {
            assert_eq!(below("s3.example.net", host), expected, "{host}");
        }
    }

    #[test]
    fn a_name_that_is_no_host_name_is_no_domain() {
        let sites = Sites { domains: vec![String::new(), ".".into()], bucket_hosts: Vec::new() };
        for host in ["evil.test", "evil.test.", ""] {
            assert_eq!(sites.source(host), None, "{host}");
        }
    }
}
