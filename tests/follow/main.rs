//! `examples/follow` from outside: the program, against servers on loopback that say what a test
//! wants.
//!
//! `cargo test` builds the program too; `cargo test --test follow` alone runs the one that is there.

#![expect(unreachable_pub, reason = "test modules are not a library")]

mod http2;
mod memory;
mod output;
mod policies;
mod private;
mod program;
mod redirects;
mod server;
mod snapshots;
#[cfg(target_os = "linux")]
mod terminal;
mod tls;
mod transport;
mod uploads;
mod usage;
