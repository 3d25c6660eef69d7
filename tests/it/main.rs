//! The crate as its users see it: one test binary.

#![expect(unreachable_pub, reason = "test modules are not a library")]

mod adversary;
mod early;
mod expect;
mod http2;
mod incoming;
mod incumbents;
mod informational;
mod properties;
mod service;
mod support;
mod wire;
