//! The grammar of S3's names that the fuzz target compares with, against the rules in Python.

mod mutation;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use mutation::Random;
use tower_follow_redirect_fuzz::s3_host::{Endpoint, host, read};

/// So many names are read by both.
const HOSTS: u64 = 20_000;

/// Writes what the rules say of each line: four fields, or none.
const SCRIPT: &str = r#"
import sys
from s3_reference import parse_host
for line in sys.stdin.buffer.read().decode().split("\n"):
    found = parse_host(line)
    print("\t".join(found[name] or "" for name in ("family", "bucket", "region", "partition")) if found else "")
"#;

#[test]
fn the_templates_say_what_the_reference_says() {
    let hosts: Vec<_> = hosts().collect();
    let answers = reference(&hosts);
    let lines: Vec<_> = answers.lines().collect();
    assert_eq!(lines.len(), hosts.len());
    let mut endpoints = 0;
    for (host, line) in hosts.iter().zip(lines) {
        let expected = endpoint(line);
        endpoints += usize::from(expected.is_some());
        assert_eq!(read(host), expected, "{host}");
    }
    assert!(endpoints > 1000, "only {endpoints} are names of S3");
}

/// Words at random, names of S3, and names of S3 that were changed.
fn hosts() -> impl Iterator<Item = String> {
    let known: Vec<Vec<u8>> = include_str!("../../tests/vectors/s3-botocore-endpoints.txt")
        .lines()
        .chain(include_str!("../../tests/vectors/s3-lookalike-suffixes.txt").lines())
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .map(|word| word.as_bytes().to_vec())
        .collect();
    let made = (0..HOSTS).map({
        let known = known.clone();
        move |number| {
            let mut random = Random::new(number);
            match number % 2 {
                0 => host(&[&[0xff][..], &random.words()].concat()),
                _ => host(&random.mutant(&known)),
            }
        }
    });
    let known = known.into_iter().map(|name| host(&name));
    known.chain(made).map(|host| host.replace(['\n', '\r'], " "))
}

/// Asks the reference, which is in Python.
fn reference(hosts: &[String]) -> String {
    let mut python = Command::new("python3")
        .args(["-B", "-c", SCRIPT])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    python
        .stdin
        .take()
        .expect("it is piped")
        .write_all(hosts.join("\n").as_bytes())
        .expect("it reads");
    let output = python.wait_with_output().expect("it ends");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("names are text")
}

fn endpoint(line: &str) -> Option<Endpoint> {
    let mut fields = line.split('\t').map(str::to_owned);
    let family = fields.next().filter(|family| !family.is_empty())?;
    let mut optional = || fields.next().filter(|field| !field.is_empty());
    let (bucket, region) = (optional(), optional());
    let partition = optional().expect("every endpoint has one");
    Some(Endpoint { family, bucket, region, partition })
}
