//! What the fuzz targets check, without a fuzzer: over the inputs in `seeds/`, over what becomes of them
//! where a few bytes change, and over noise.
//!
//! `FUZZ_INPUTS=1000000 cargo test chain` makes more of them.

mod mutation;

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
};

use mutation::Random;
use tower_follow_redirect_fuzz::TARGETS;

/// So many inputs of each kind are made for a target, unless it is said otherwise.
const INPUTS: u64 = 20_000;

#[test]
fn cache_control() {
    replay("cache_control");
}

#[test]
fn chain() {
    replay("chain");
}

#[test]
fn location() {
    replay("location");
}

#[test]
fn s3_host() {
    replay("s3_host");
}

#[test]
fn s3_xml() {
    replay("s3_xml");
}

#[test]
fn shared_store() {
    replay("shared_store");
}

#[test]
fn snapshot() {
    replay("snapshot");
}

#[test]
fn every_target_has_a_test() {
    let tests = include_str!("replay.rs");
    for (name, _) in TARGETS {
        assert!(tests.contains(&format!("replay(\"{name}\");")), "{name}");
    }
}

fn replay(target: &str) {
    let (_, check) = TARGETS.into_iter().find(|(name, _)| *name == target).expect("a target");
    let seeds = seeds(target);
    assert!(!seeds.is_empty() && seeds.len() <= 100, "{target} has {} seeds", seeds.len());
    seeds.iter().for_each(|seed| run(check, seed));
    for number in 0..inputs() {
        run(check, &Random::new(number).mutant(&seeds));
        run(check, &Random::new(number).noise());
    }
}

fn inputs() -> u64 {
    env::var("FUZZ_INPUTS").map_or(INPUTS, |text| text.parse().expect("a number of inputs"))
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let entries = fs::read_dir(&directory).expect("a directory of seeds");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}

/// Checks one input, and shows it where that fails.
fn run(check: fn(&[u8]), input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(input))) {
        eprintln!("b\"{}\"", input.escape_ascii());
        resume_unwind(panic);
    }
}
