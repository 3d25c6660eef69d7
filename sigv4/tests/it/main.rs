//! The signer against what Amazon has published, in a redirected chain, and with a server that verifies.

mod documented;
mod fields;
mod hops;
mod keys;
mod payload;
mod server;
mod support;
