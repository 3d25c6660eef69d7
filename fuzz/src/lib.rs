//! What the fuzz targets check. `fuzz_targets/` runs it under libFuzzer, and `tests/replay.rs` without.
//!
//! A check takes any bytes, and panics where the library breaks a promise.

pub mod cache_control;
pub mod chain;
pub mod location;
mod memory;
pub mod s3_host;
pub mod s3_xml;
pub mod shared_store;
pub mod snapshot;
mod taught;

/// A check, by the name of its target.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 7] = [
    ("cache_control", cache_control::check),
    ("chain", chain::check),
    ("location", location::check),
    ("s3_host", s3_host::check),
    ("s3_xml", s3_xml::check),
    ("shared_store", shared_store::check),
    ("snapshot", snapshot::check),
];
