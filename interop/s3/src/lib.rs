//! S3 servers that nobody here wrote, on loopback, and a client that finds them by S3's own names.
//!
//! [`Haproxy`] redirects as S3 does, and passes what comes to the right host on to a [`Store`]: `s3s-fs`,
//! which verifies every signature. [`Nginx`] says `100 Continue` before it redirects. A [`Wire`] leads every
//! host there, without DNS, and notes what was sent to which.

pub mod body;
mod garage;
mod haproxy;
mod nginx;
mod program;
mod shim;
pub mod sigv2;
mod store;
mod wire;

pub use self::{
    garage::Garage,
    haproxy::Haproxy,
    nginx::Nginx,
    shim::{Passed, Shim},
    store::{Arrived, Store},
    wire::{Client, Wire},
};

/// The bucket that exists.
pub const BUCKET: &str = "quotes";
/// Where it is.
pub const REGION: &str = "eu-central-1";
pub const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
