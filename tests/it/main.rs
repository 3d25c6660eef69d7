//! The crate as its users see it: one test binary.

#![expect(unreachable_pub, reason = "test modules are not a library")]

mod early;
mod incoming;
mod support;
mod wire;
