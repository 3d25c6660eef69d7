//! What the fuzz targets check, without a fuzzer: over the inputs in `seeds/`, over what becomes of them
//! where a few bytes change, and over noise.

mod mutation;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
};

use mutation::Random;
use tower_follow_redirect_fuzz::TARGETS;

/// So many inputs are made for each target.
const INPUTS: u64 = 20_000;

#[test]
fn what_is_in_seeds_is_well() {
    for (name, check) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        seeds.iter().for_each(|seed| run(name, check, seed));
    }
}

#[test]
fn what_becomes_of_them_is_well() {
    for (name, check) in TARGETS {
        let seeds = seeds(name);
        for number in 0..INPUTS {
            run(name, check, &Random::new(number).mutant(&seeds));
        }
    }
}

#[test]
fn noise_is_well() {
    for (name, check) in TARGETS {
        for number in 0..INPUTS {
            run(name, check, &Random::new(number).noise());
        }
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let entries = fs::read_dir(&directory).expect("a directory of seeds");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed")).collect()
}

/// Checks one input, and shows it where that fails.
fn run(name: &str, check: fn(&[u8]), input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(input))) {
        eprintln!("{name}: b\"{}\"", input.escape_ascii());
        resume_unwind(panic);
    }
}
