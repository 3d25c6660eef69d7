//! The names of S3's endpoints, against a grammar of templates.
//!
//! The templates say what `s3_reference.py` says, and `tests/s3_reference.rs` holds them against it: it
//! is an executable form of the rules, by somebody else, but no fuzzer can run it millions of times.
//!
//! An input is the name of a host, or 0xff and then a word of [`WORDS`] for each byte.

use tower_follow_redirect::policy::s3::S3Endpoint;

/// What the name of a host says: family, bucket, region and partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// As in [`EndpointFamily::as_str`](tower_follow_redirect::policy::s3::EndpointFamily::as_str).
    pub family: String,
    /// The labels before the template.
    pub bucket: Option<String>,
    /// The label that is one.
    pub region: Option<String>,
    /// Its name.
    pub partition: String,
}

/// Reads a name, and compares with what the templates say.
pub fn check(input: &[u8]) {
    let host = host(input);
    let found = S3Endpoint::parse(&host);
    let expected = read(&host);
    if let Some(endpoint) = &found {
        let names = FOLLOWED.contains(&endpoint.family().as_str());
        assert_eq!(endpoint.is_followable(), names, "{host}");
    }
    assert_eq!(found.map(|endpoint| written(&endpoint)), expected, "{host}");
}

/// Makes the name of a host.
pub fn host(input: &[u8]) -> String {
    match input {
        [0xff, words @ ..] => {
            words.iter().map(|&word| WORDS[usize::from(word) % WORDS.len()]).collect()
        }
        _ => String::from_utf8_lossy(input).into_owned(),
    }
}

fn written(endpoint: &S3Endpoint) -> Endpoint {
    Endpoint {
        family: endpoint.family().as_str().to_owned(),
        bucket: endpoint.bucket().map(str::to_owned),
        region: endpoint.region().map(str::to_owned),
        partition: endpoint.partition().as_str().to_owned(),
    }
}

/// The families whose redirects are followed.
const FOLLOWED: [&str; 10] = [
    "global",
    "regional",
    "dualstack",
    "fips",
    "fips-dualstack",
    "dash",
    "opaque",
    "external",
    "accelerate",
    "accelerate-dualstack",
];

/// What hosts are made of.
#[rustfmt::skip]
const WORDS: [&str; 104] = [
    ".", ".", ".", ".", ".", ".", "-", "-", "_", "a", "Z", "0", "9", "bucket", "my.bucket", "xn--",
    "s3", "S3", "s3-", "s3.", ".s3.", "-fips", "fips-", "dualstack", ".dualstack.", "website-", "website",
    "accelerate", "s3-accelerate", "accesspoint", "s3-accesspoint", "object-lambda", "outposts", "control",
    "global", "external-", "external", "deprecated", "s3express-", "s3express-control", "use1-az1", "az4",
    "s3tables", "s3vectors", "s3files", "vpce", "vpce-", "bucket.vpce-1.s3.", ".vpce.", "1", "-1", "-2",
    "us", "eu", "ap", "cn", "us-gov", "us-iso", "us-isob", "eu-isoe", "us-isof", "eusc-de", "mx", "west",
    "-west-", "us-west-2", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "us-iso-east-1", "US-EAST-1",
    "amazonaws.com", ".amazonaws.com", ".amazonaws.com", ".amazonaws.com", ".amazonaws.com.cn",
    ".amazonaws.eu", ".c2s.ic.gov", ".sc2s.sgov.gov", ".cloud.adc-e.uk", ".csp.hci.ic.gov", ".api.aws",
    ".api.amazonwebservices.com.cn", ".api.amazonwebservices.eu", ".api.aws.ic.gov", ".api.aws.scloud",
    ".api.cloud-aws.adc-e.uk", ".api.aws.hci.ic.gov", ".aws", ".com", ".evil.test", "amazonaws", ":443",
    "%2e", "é", " ", "tables", "vectors", "files", "object", "express", "fips", "-dualstack", "az1",
];

/// Partition, its domain, the domain of its newer services, and what its regions begin with.
#[rustfmt::skip]
const PARTITIONS: [(&str, &str, &str, &[&str]); 8] = [
    ("aws", "amazonaws.com", "api.aws", &["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"]),
    ("aws-us-gov", "amazonaws.com", "api.aws", &["us-gov"]),
    ("aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn", &["cn"]),
    ("aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu", &["eusc-de"]),
    ("aws-iso", "c2s.ic.gov", "api.aws.ic.gov", &["us-iso"]),
    ("aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud", &["us-isob"]),
    ("aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", &["eu-isoe"]),
    ("aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov", &["us-isof"]),
];

/// Where a template holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// `amazonaws.com`.
    Commercial,
    /// The domain of a partition.
    Data,
    /// That of newer services.
    Api,
    Any,
}

/// Whether a bucket stands before a template.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bucket {
    Perhaps,
    Always,
}

use At::{Any, Api, Commercial, Data};
use Bucket::{Always, Perhaps};

/// `<R>` is a region, `<N>` digits, `<T>` a token, `<Z>` a zone, `<V>` what is not empty or is, `?` after
/// a word in brackets says that it may be missing.
#[rustfmt::skip]
const TEMPLATES: [(&str, At, Bucket, &str); 31] = [
    ("global", Commercial, Perhaps, "s3"),
    ("accelerate", Commercial, Always, "s3-accelerate"),
    ("accelerate-dualstack", Commercial, Always, "s3-accelerate.dualstack"),
    ("mrap", Commercial, Always, "accesspoint.s3-global"),
    ("external", Commercial, Perhaps, "s3-external-<N>"),
    ("website", Commercial, Perhaps, "s3-website-<R>"),
    ("fips", Commercial, Perhaps, "s3-fips-<R>"),
    ("dash", Commercial, Perhaps, "s3-<R>"),
    ("opaque", Commercial, Perhaps, "s3-<T>"),
    ("vpce", Any, Perhaps, "bucket.vpce-<V>.s3.<R>.vpce"),
    ("vpce", Any, Perhaps, "accesspoint.vpce-<V>.s3.<R>.vpce"),
    ("vpce", Any, Perhaps, "control.vpce-<V>.s3.<R>.vpce"),
    ("regional", Data, Perhaps, "s3.<R>"),
    ("dualstack", Data, Perhaps, "s3.dualstack.<R>"),
    ("fips", Data, Perhaps, "s3-fips.<R>"),
    ("fips-dualstack", Data, Perhaps, "s3-fips.dualstack.<R>"),
    ("website", Data, Perhaps, "s3-website[.dualstack].<R>"),
    ("accesspoint", Data, Perhaps, "s3-accesspoint[-fips][.dualstack].<R>"),
    ("object-lambda", Data, Perhaps, "s3-object-lambda[-fips][.dualstack].<R>"),
    ("outposts", Data, Perhaps, "s3-outposts[-fips][.dualstack].<R>"),
    ("control", Data, Perhaps, "s3-control[-fips][.dualstack].<R>"),
    ("express", Data, Perhaps, "s3express-control[-fips][.dualstack].<R>"),
    ("express", Data, Perhaps, "s3express-<Z>.<R>"),
    ("express", Data, Perhaps, "s3express-<Z>.dualstack.<R>"),
    ("express", Data, Perhaps, "s3express-fips-<Z>.<R>"),
    ("express", Data, Perhaps, "s3express-fips-<Z>.dualstack.<R>"),
    ("other-s3", Data, Perhaps, "s3tables[-fips][.dualstack].<R>"),
    ("other-s3", Api, Perhaps, "s3tables[-fips][.dualstack].<R>"),
    ("other-s3", Api, Perhaps, "s3-outposts[-fips][.dualstack].<R>"),
    ("other-s3", Api, Perhaps, "s3vectors[-fips][.dualstack].<R>"),
    ("other-s3", Api, Perhaps, "s3files[-fips][.dualstack].<R>"),
];

/// What `s3-` may be followed by in the future, or was.
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

/// Reads the name of a host by the templates.
pub fn read(host: &str) -> Option<Endpoint> {
    let host = host.to_ascii_lowercase();
    if host.len() > 253 || !host.split('.').all(is_label) {
        return None;
    }
    PARTITIONS.iter().find_map(|&(_, data, api, _)| {
        let at = if data == "amazonaws.com" { Commercial } else { Data };
        [(data, at), (api, Api)].iter().find_map(|&(domain, at)| {
            let below = host.strip_suffix(domain)?.strip_suffix('.')?;
            TEMPLATES
                .iter()
                .filter(|(_, holds, ..)| match holds {
                    Any => true,
                    Data => at != Api,
                    Commercial | Api => *holds == at,
                })
                .find_map(|template| by_template(template, below, domain))
        })
    })
}

fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    let is_edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&bytes.len())
        && !label.starts_with("xn--")
        && [bytes.first(), bytes.last()].into_iter().flatten().all(is_edge)
        && bytes.iter().all(|byte| is_edge(byte) || b"-_".contains(byte))
}

fn by_template(
    &(family, _, bucket, template): &(&str, At, Bucket, &str),
    below: &str,
    domain: &str,
) -> Option<Endpoint> {
    variants(template).iter().find_map(|template| {
        let wanted = template.matches('.').count() + 1;
        let labels: Vec<_> = below.split('.').collect();
        let before = labels.len().checked_sub(wanted)?;
        if before == 0 && bucket == Always {
            return None;
        }
        let mut region = None;
        for (pattern, label) in template.split('.').zip(&labels[before..]) {
            let (start, hole) = pattern.split_once('<').unwrap_or((pattern, ""));
            let rest = label.strip_prefix(start)?;
            if !fills(hole, rest, domain) {
                return None;
            }
            if hole == "R>" {
                region = Some(rest);
            }
        }
        let partition = region.map_or(Some("aws"), |region| partition_of(region, domain))?;
        Some(Endpoint {
            family: family.to_owned(),
            bucket: (before > 0).then(|| labels[..before].join(".")),
            region: region.map(str::to_owned),
            partition: partition.to_owned(),
        })
    })
}

/// A template with and without each word in brackets.
fn variants(template: &str) -> Vec<String> {
    let Some((before, rest)) = template.split_once('[') else { return vec![template.to_owned()] };
    let (word, after) = rest.split_once(']').expect("a bracket is closed");
    ["", word].iter().flat_map(|word| variants(&format!("{before}{word}{after}"))).collect()
}

/// Whether a text may stand for `<hole`.
fn fills(hole: &str, text: &str, domain: &str) -> bool {
    let is = |text: &str, allowed: fn(&u8) -> bool| {
        !text.is_empty() && text.bytes().all(|byte| allowed(&byte))
    };
    let is_word = |text: &str| is(text, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let is_number = |text: &str| is(text, u8::is_ascii_digit);
    match hole {
        "" => text.is_empty(),
        "V>" => true,
        "N>" => is_number(text),
        "R>" => partition_of(text, domain).is_some(),
        "T>" => is_word(text) && text.len() <= 32 && !RESERVED.contains(&text),
        "Z>" => {
            let mut words: Vec<_> = text.split('-').collect();
            let last = words.pop().and_then(|last| last.strip_prefix("az"));
            last.is_some_and(is_number) && !words.is_empty() && words.into_iter().all(is_word)
        }
        other => unreachable!("no template has a <{other}"),
    }
}

/// The partition that has a region below a domain: a place is a word, and then comes a number.
fn partition_of(region: &str, domain: &str) -> Option<&'static str> {
    let (start, number) = region.rsplit_once('-')?;
    let (prefix, place) = start.rsplit_once('-')?;
    let is_region = !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && !place.is_empty()
        && place.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    PARTITIONS
        .iter()
        .find(|(_, data, api, prefixes)| {
            is_region && [*data, *api].contains(&domain) && prefixes.contains(&prefix)
        })
        .map(|(name, ..)| *name)
}
