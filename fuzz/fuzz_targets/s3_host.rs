//! See `src/s3_host.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tower_follow_redirect_fuzz::s3_host::check(input));
