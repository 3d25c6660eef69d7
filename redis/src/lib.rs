//! Permanent redirects that a fleet of HTTP clients shares through Redis or Valkey.

mod changes;
#[cfg(feature = "cluster")]
mod cluster;
mod error;
mod keys;
mod line;
mod load;
mod message;
mod scan;
mod server;
mod store;

pub use redis;

pub use self::{changes::RedisChanges, error::RedisStoreError, store::RedisStore};

/// How long a key or a value may be, in bytes.
const LONGEST: usize = 64 << 10;
