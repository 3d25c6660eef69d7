//! The crate as its users see it: one test binary.

#![expect(unreachable_pub, reason = "test modules are not a library")]

mod adversary;
mod expect;
mod expectations;
mod http2;
mod incoming;
mod incumbents;
mod informational;
mod letting_go;
mod limits;
mod observe;
mod permanent;
mod private;
mod properties;
mod s3;
mod secrets;
mod service;
mod sources;
mod support;
mod tower_http;
mod wire;
