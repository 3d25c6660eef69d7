//! The parser of hosts, against every endpoint that botocore makes and every look-alike that is known.

use std::collections::BTreeMap;

use tower_follow_redirect::policy::s3::S3Endpoint;

const ENDPOINTS: &str = include_str!("../../vectors/s3-botocore-endpoints.txt");
const MISFITS: &str = include_str!("../../vectors/s3-botocore-misfits.txt");
const LOOKALIKES: &str = include_str!("../../vectors/s3-lookalike-suffixes.txt");

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[test]
fn every_endpoint_of_botocore_is_known_save_the_listed_ones() {
    let mut misfits: BTreeMap<&str, &str> =
        lines(MISFITS).map(|line| line.split_once("  ").expect("a reason")).collect();
    let mut known = 0;
    for line in lines(ENDPOINTS) {
        let words: Vec<&str> = line.split(' ').collect();
        let [host, family, bucket, region, partition] = words[..] else { panic!("{line}") };
        let found = S3Endpoint::parse(host);
        if let Some(why) = misfits.remove(host) {
            assert_eq!(found, None, "{host}: {why}");
            continue;
        }
        let found = found.unwrap_or_else(|| panic!("{host} is unknown"));
        assert_eq!(found.family().as_str(), family, "{host}");
        assert_eq!(found.bucket().unwrap_or("-"), bucket, "{host}");
        assert_eq!(found.region().unwrap_or("-"), region, "{host}");
        assert_eq!(found.partition().as_str(), partition, "{host}");
        known += 1;
    }
    assert_eq!(misfits, BTreeMap::new(), "they are not in the fixture");
    assert_eq!(known, 1181, "the fixture is whole");
}

#[test]
fn no_customer_of_aws_has_a_host_of_s3() {
    const PREFIXES: [&str; 5] =
        ["s3.", "quotes.s3.", "quotes.s3.us-west-2.", "s3-us-west-2.", "quotes.s3-4c25d83b."];
    let mut suffixes = 0;
    for suffix in lines(LOOKALIKES) {
        suffixes += 1;
        // A region is below nobody, but S3 is below it.
        let prefixes = if suffix == "us-east-1.amazonaws.com" { &[][..] } else { &PREFIXES };
        for prefix in ["", "quotes."].iter().chain(prefixes) {
            let host = format!("{prefix}{}", suffix.replace('*', "s3"));
            assert_eq!(S3Endpoint::parse(&host), None, "{host}");
        }
    }
    assert_eq!(suffixes, 285);
}
