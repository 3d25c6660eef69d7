//! Peers of `tower-follow-redirect`, and a server that they all meet.

pub mod client;
pub mod server;
pub mod tls;
