//! A model check of `src/body/handover.rs`, which hands one upload from hop to hop.
//!
//! The file is included as it is; only its lock is another: [loom]'s, which runs a model once for
//! every order in which its threads can take it. What stands around the file in the library is
//! modelled:
//!
//! - the caller's body and its record are a `Tape` of numbered items, which counts its drops;
//! - a transport polls as `ReplayBody` does, on a thread of its own, and sleeps until its waker is
//!   called: a wake-up that gets lost leaves it asleep, and loom reports the deadlock;
//! - the chain holds, decides, advances, settles or closes as `Upload` does;
//! - the server says `100 Continue` on a third thread.
//!
//! In every order it must hold that a hop gets the items from the first, each once and in order,
//! that the hop which is sent the last time gets all of them, that a hop which is over gets none, that
//! nobody sleeps for ever, and that every tape is dropped once, and outside the lock.
//!
//! ```console
//! $ cargo test --release --manifest-path models/handover/Cargo.toml -- --nocapture
//! ```
//!
//! It prints how many orders each model has: 220 000 in all, which take half a minute on two cores.
//! Four models have too many, and are run in those that interrupt a thread at most four times;
//! `LOOM_MAX_PREEMPTIONS=5` goes further. loom may also wake a sleeper for no reason, as any executor
//! may.
//!
//! [loom]: https://docs.rs/loom

#[cfg(test)]
#[allow(dead_code, reason = "what only looks at the value is no part of the stories")]
#[path = "../../../src/body/handover.rs"]
mod handover;
#[cfg(test)]
mod lock;
#[cfg(test)]
mod models;
#[cfg(test)]
mod tape;
#[cfg(test)]
mod transport;
