//! See `src/s3_xml.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tower_follow_redirect_fuzz::s3_xml::check(input));
