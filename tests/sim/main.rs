//! Chains of calls in virtual time: random servers, faults and cancellations, and the promises that hold
//! whatever happens.

#![expect(unreachable_pub, reason = "test modules are not a library")]

mod chain;

use std::{env, time::Instant};

use chain::{Choices, Tally, play};

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn every_promise_holds_on_every_chain() {
    let first = number("SIM_SEED").unwrap_or(1);
    let count = number("SIM_CHAINS").unwrap_or(20_000);
    let mut tally = Tally::default();
    let began = Instant::now();
    for seed in first..first + count {
        if let Err(failure) = play(Choices::Seed(seed), &mut tally) {
            panic!("SIM_SEED={seed} SIM_CHAINS=1\n{failure}");
        }
    }
    println!("{tally}{count} chains in {:?}", began.elapsed());
}
