//! See `src/snapshot.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tower_follow_redirect_fuzz::snapshot::check(input));
