//! Faults in virtual time: random calls, random servers, and promises that hold whatever happens.
//!
//! A chain is made of one number, so a failure is played again with `SIM_SEED=… SIM_CHAINS=1`. The first
//! seed is 1, and there are 20,000 chains. `scripts/soak --sim` plays a million.

#![expect(unreachable_pub, reason = "test modules are not a library")]

mod chain;

use std::{env, num::NonZero, panic, thread, time::Instant};

use chain::{Choices, Tally, play};

#[test]
fn every_promise_holds_on_every_chain() {
    let first = number("SIM_SEED").unwrap_or(1);
    let count = number("SIM_CHAINS").unwrap_or(20_000);
    let began = Instant::now();
    let tally = play_all(first, count);
    println!("{tally}{count} chains from seed {first}, in {:.1?}", began.elapsed());
    if count >= 20_000 {
        assert_eq!(tally.missing(), [], "never happened");
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().expect(name))
}

/// Plays so many chains, on all processors.
fn play_all(first: u64, count: u64) -> Tally {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let players: Vec<_> = (0..threads)
            .map(|nth| {
                scope.spawn(move || play_some((first..first + count).skip(nth).step_by(threads)))
            })
            .collect();
        let mut tally = Tally::default();
        for player in players {
            tally.add(&player.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        }
        tally
    })
}

fn play_some(seeds: impl Iterator<Item = u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let tally = &mut tally;
        let played =
            panic::catch_unwind(panic::AssertUnwindSafe(|| play(Choices::Seed(seed), tally)));
        match played {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => panic!("SIM_SEED={seed} SIM_CHAINS=1\n{failure}"),
            // The library's panic has been printed.
            Err(_) => panic!("SIM_SEED={seed} SIM_CHAINS=1\nbroken: nothing panics"),
        }
    }
    tally
}

/// What a fuzzer would give, and what is used up at once.
#[test]
fn bytes_make_a_chain_too() {
    let mut tally = Tally::default();
    for bytes in [&[][..], &[7; 40], &[255; 1000]] {
        assert!(play(Choices::Bytes(bytes), &mut tally).is_ok());
    }
}
