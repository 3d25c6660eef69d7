//! The partitions of AWS: parts that share neither accounts nor credentials.

use std::fmt;

/// A partition of AWS. Credentials are good in one only.
///
/// ```
/// use tower_follow_redirect::policy::s3::{Partition, S3Endpoint};
///
/// let endpoint = S3Endpoint::parse("quotes.s3.cn-north-1.amazonaws.com.cn").unwrap();
/// assert_eq!(endpoint.partition(), Partition::AwsCn);
/// assert_eq!(endpoint.partition().as_str(), "aws-cn");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Partition {
    /// `aws`: the commercial regions.
    Aws,
    /// `aws-us-gov`: GovCloud, which shares its domain with `aws`.
    AwsUsGov,
    /// `aws-cn`: China.
    AwsCn,
    /// `aws-eusc`: the European Sovereign Cloud.
    AwsEusc,
    /// `aws-iso`.
    AwsIso,
    /// `aws-iso-b`.
    AwsIsoB,
    /// `aws-iso-e`.
    AwsIsoE,
    /// `aws-iso-f`.
    AwsIsoF,
}

/// What is known of a partition.
struct Row {
    partition: Partition,
    name: &'static str,
    /// Where S3's buckets are.
    domain: &'static str,
    /// Where newer services are, and no bucket is.
    api_domain: &'static str,
    /// A region is one of these, a word and a number: `us-west-2`.
    region_prefixes: &'static [&'static str],
}

const fn row(
    partition: Partition,
    name: &'static str,
    domain: &'static str,
    api_domain: &'static str,
    region_prefixes: &'static [&'static str],
) -> Row {
    Row { partition, name, domain, api_domain, region_prefixes }
}

/// From botocore's `data/partitions.json`: `dnsSuffix`, `dualStackDnsSuffix` and `regionRegex`, whose
/// `\w` is `[a-z0-9]` here.
#[rustfmt::skip]
const TABLE: [Row; 8] = [
    row(Partition::Aws, "aws", "amazonaws.com", "api.aws",
        &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"]),
    row(Partition::AwsUsGov, "aws-us-gov", "amazonaws.com", "api.aws", &["us-gov"]),
    row(Partition::AwsCn, "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn", &["cn"]),
    row(Partition::AwsEusc, "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu", &["eusc-de"]),
    row(Partition::AwsIso, "aws-iso", "c2s.ic.gov", "api.aws.ic.gov", &["us-iso"]),
    row(Partition::AwsIsoB, "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud", &["us-isob"]),
    row(Partition::AwsIsoE, "aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", &["eu-isoe"]),
    row(Partition::AwsIsoF, "aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov", &["us-isof"]),
];

/// The domain of a host, as far as AWS has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Domain {
    /// `amazonaws.com`, where the endpoints without a region are.
    Commercial,
    /// Another one with buckets.
    Data(&'static str),
    /// One without.
    Api(&'static str),
}

impl Domain {
    /// Splits the labels of a host into those below a domain of AWS, and that domain.
    pub(super) fn split<'a, 'h>(labels: &'a [&'h str]) -> Option<(&'a [&'h str], Self)> {
        TABLE.iter().find_map(|row| {
            let (domain, api) = (row.domain, row.api_domain);
            let data = if domain == COMMERCIAL { Self::Commercial } else { Self::Data(domain) };
            let below = |domain| below(labels, domain);
            below(domain)
                .map(|labels| (labels, data))
                .or_else(|| below(api).map(|labels| (labels, Self::Api(api))))
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Commercial => COMMERCIAL,
            Self::Data(domain) | Self::Api(domain) => domain,
        }
    }

    /// Returns the partition of a region that has its endpoints below this domain.
    pub(super) fn partition_of(self, region: &str) -> Option<Partition> {
        let row = TABLE.iter().find(|row| {
            (row.domain == self.as_str() || row.api_domain == self.as_str())
                && row.has_region(region)
        });
        row.map(|row| row.partition)
    }
}

const COMMERCIAL: &str = "amazonaws.com";

/// Returns the labels below `domain`, if there are any and the others are its own.
fn below<'a, 'h>(labels: &'a [&'h str], domain: &str) -> Option<&'a [&'h str]> {
    let count = domain.split('.').count();
    let (rest, own) = labels.split_at(labels.len().checked_sub(count)?);
    (!rest.is_empty() && domain.split('.').eq(own.iter().copied())).then_some(rest)
}

impl Partition {
    /// Returns the name that AWS gives it, such as `aws-cn`.
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// Returns the domain of its buckets.
    pub(super) fn domain(self) -> &'static str {
        self.row().domain
    }

    /// Returns whether `region` is the name of one of its regions, today's or tomorrow's.
    pub(super) fn has_region(self, region: &str) -> bool {
        self.row().has_region(region)
    }

    fn row(self) -> &'static Row {
        let row = TABLE.iter().find(|row| row.partition == self);
        row.expect("the table has every partition")
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Row {
    fn has_region(&self, region: &str) -> bool {
        // It is a label of its hosts: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4.
        let is_label = region.len() <= 63;
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let word = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
        };
        self.region_prefixes.iter().any(|prefix| {
            let rest = region.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
            let parts = rest.and_then(|rest| rest.split_once('-'));
            parts.is_some_and(|(place, count)| is_label && word(place) && number(count))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_of_one_partition() {
        let table = [
            ("us-west-2", Some(Partition::Aws)),
            ("us-gov-west-1", Some(Partition::AwsUsGov)),
            ("mx-central-1", Some(Partition::Aws)),
            ("us-west", None),
            ("us-west-", None),
            ("us--2", None),
            ("us-west-2a", None),
            ("us-west-2-3", None),
            ("US-WEST-2", None),
            ("us-west-2@evil.test", None),
            ("evil.test/", None),
            ("aws-global", None),
            ("cn-north-1", None),
            ("", None),
        ];
        for (region, partition) in table {
            assert_eq!(Domain::Commercial.partition_of(region), partition, "{region}");
        }
        for (length, partition) in [(63, Some(Partition::Aws)), (64, None)] {
            let region = format!("us-{}-1", "w".repeat(length - "us--1".len()));
            assert_eq!(Domain::Commercial.partition_of(&region), partition, "{region}");
        }
    }

    #[test]
    fn every_partition_has_one_row_and_no_domain_is_below_another() {
        for row in &TABLE {
            assert_eq!(row.partition.as_str(), row.name);
            assert_eq!(row.partition.domain(), row.domain);
            for other in TABLE.iter().flat_map(|row| [row.domain, row.api_domain]) {
                for domain in [row.domain, row.api_domain] {
                    let labels: Vec<_> = domain.split('.').collect();
                    assert_eq!(below(&labels, other), None, "{domain} is below {other}");
                }
            }
        }
    }
}
