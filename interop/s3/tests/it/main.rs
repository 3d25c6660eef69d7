//! The stack, end to end, against haproxy, s3s-fs and nginx.

mod bench;
mod broken;
mod keys;
mod program;
mod promise;
mod refused;
mod regions;
mod seed;
mod support;
