//! See `src/shared_store.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tower_follow_redirect_fuzz::shared_store::check(input));
