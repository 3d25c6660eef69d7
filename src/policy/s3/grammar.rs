//! The names of Amazon S3's endpoints, below the domains of AWS.

use super::{
    endpoint::EndpointFamily as Family,
    partition::{Domain, Partition},
};

/// What the labels below a domain of AWS say.
pub(super) struct Form<'a> {
    pub(super) family: Family,
    /// The labels of the bucket, which come first.
    pub(super) bucket: &'a [&'a str],
    pub(super) region: Option<&'a str>,
    pub(super) partition: Partition,
}

/// Reads the labels of a host that are below `domain`.
pub(super) fn read<'a>(labels: &'a [&'a str], domain: Domain) -> Option<Form<'a>> {
    let (last, before) = labels.split_last()?;
    match domain.partition_of(last) {
        Some(partition) => {
            let (family, bucket) = match domain {
                Domain::Commercial | Domain::Data(_) => in_region(before),
                Domain::Api(_) => in_region_of_api(before),
            }?;
            Some(Form { family, bucket, region: Some(last), partition })
        }
        None => without_region(labels, domain),
    }
}

/// Returns whether a label of a host may be one of S3's.
pub(super) fn is_label(label: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    label.len() <= 63
        && !label.starts_with("xn--")
        && edge(label.bytes().next())
        && edge(label.bytes().next_back())
        && label.bytes().all(inside)
}

/// `[bucket.]service[.dualstack]` before a region.
fn in_region<'a>(labels: &'a [&'a str]) -> Option<(Family, &'a [&'a str])> {
    let (bucket, service, dual_stack) = match labels {
        [bucket @ .., service, "dualstack"] => (bucket, *service, true),
        [bucket @ .., service] => (bucket, *service, false),
        [] => return None,
    };
    let family = match (service, dual_stack) {
        ("s3", false) => Family::Regional,
        ("s3", true) => Family::DualStack,
        ("s3-fips", false) => Family::Fips,
        ("s3-fips", true) => Family::FipsDualStack,
        ("s3-website", _) => Family::Website,
        ("s3-accesspoint" | "s3-accesspoint-fips", _) => Family::AccessPoint,
        ("s3-object-lambda" | "s3-object-lambda-fips", _) => Family::ObjectLambda,
        ("s3-outposts" | "s3-outposts-fips", _) => Family::Outposts,
        ("s3-control" | "s3-control-fips", _) => Family::Control,
        ("s3express-control" | "s3express-control-fips", _) => Family::Express,
        ("s3tables" | "s3tables-fips", _) => Family::Other,
        (service, _) if is_express(service) => Family::Express,
        _ => return None,
    };
    Some((family, bucket))
}

/// As [`in_region`], where newer services are: no bucket is there.
fn in_region_of_api<'a>(labels: &'a [&'a str]) -> Option<(Family, &'a [&'a str])> {
    let (bucket, service) = match labels {
        [bucket @ .., service, "dualstack"] | [bucket @ .., service] => (bucket, *service),
        [] => return None,
    };
    match service.strip_suffix("-fips").unwrap_or(service) {
        "s3-outposts" | "s3tables" | "s3vectors" | "s3files" => Some((Family::Other, bucket)),
        _ => None,
    }
}

/// Endpoints whose last label is no region.
fn without_region<'a>(labels: &'a [&'a str], domain: Domain) -> Option<Form<'a>> {
    if let [bucket @ .., kind, id, "s3", region, "vpce"] = labels {
        let partition = domain.partition_of(region)?;
        let known =
            id.starts_with("vpce-") && matches!(*kind, "bucket" | "accesspoint" | "control");
        return known.then_some(Form {
            family: Family::Vpce,
            bucket,
            region: Some(region),
            partition,
        });
    }
    if domain != Domain::Commercial {
        return None;
    }
    let (family, bucket, region) = match labels {
        [bucket @ .., "s3"] => (Family::Global, bucket, None),
        // There is no such endpoint without a bucket.
        [bucket @ .., "s3-accelerate"] if !bucket.is_empty() => (Family::Accelerate, bucket, None),
        [bucket @ .., "s3-accelerate", "dualstack"] if !bucket.is_empty() => {
            (Family::AccelerateDualStack, bucket, None)
        }
        [bucket @ .., "accesspoint", "s3-global"] if !bucket.is_empty() => {
            (Family::MultiRegionAccessPoint, bucket, None)
        }
        [bucket @ .., last] => {
            let (family, region) = after_dash(last.strip_prefix("s3-")?, domain)?;
            (family, bucket, region)
        }
        [] => return None,
    };
    let partition = match region {
        Some(region) => domain.partition_of(region)?,
        None => Partition::Aws,
    };
    Some(Form { family, bucket, region, partition })
}

/// What stands after `s3-` in the older names.
fn after_dash(name: &str, domain: Domain) -> Option<(Family, Option<&str>)> {
    if let Some(region) = name.strip_prefix("website-") {
        return Some((Family::Website, Some(region)));
    }
    if let Some(region) = name.strip_prefix("fips-") {
        return Some((Family::Fips, Some(region)));
    }
    if name.strip_prefix("external-").is_some_and(is_number) {
        return Some((Family::External, None));
    }
    if domain.partition_of(name).is_some() {
        return Some((Family::Dash, Some(name)));
    }
    let is_token = name.len() <= 32 && is_word(name) && !RESERVED.contains(&name);
    is_token.then_some((Family::Opaque, None))
}

/// What is no temporary endpoint's token, since AWS has or may have another use for it.
const RESERVED: [&str; 14] = [
    "fips",
    "website",
    "accelerate",
    "accesspoint",
    "control",
    "outposts",
    "global",
    "deprecated",
    "object",
    "external",
    "express",
    "tables",
    "vectors",
    "files",
];

/// `s3express-usw2-az1`, `s3express-fips-usw2-az1`: the zone ends in its number.
fn is_express(service: &str) -> bool {
    let Some(zone) = service.strip_prefix("s3express-") else { return false };
    is_zone(zone) || zone.strip_prefix("fips-").is_some_and(is_zone)
}

fn is_zone(zone: &str) -> bool {
    zone.rsplit_once('-').is_some_and(|(place, number)| {
        place.split('-').all(is_word) && number.strip_prefix("az").is_some_and(is_number)
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}
