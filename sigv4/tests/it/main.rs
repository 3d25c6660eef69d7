//! The signer against what Amazon has published, in a redirected chain, and with a server that verifies.

#![expect(unreachable_pub, reason = "test modules are not a library")]

mod documented;
mod fields;
mod hops;
mod keys;
mod payload;
mod server;
mod support;
