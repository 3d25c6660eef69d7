//! Permanent redirects that a fleet of HTTP clients shares through Redis or Valkey.
//!
//! A [`PermanentCache`] remembers permanent redirects, so that the next request goes to the new URI at
//! once. With a [`RedisStore`] what one process has learned, the others know within a moment, and a process
//! that starts knows what the fleet knows. They run where [tokio](https://docs.rs/tokio) does.
//!
//! ```
//! use tower_follow_redirect::policy::permanent::{PermanentCache, shared::SharedCache};
//! use tower_follow_redirect_redis::{RedisStore, redis};
//!
//! let store = RedisStore::new(redis::Client::open("redis://127.0.0.1/")?);
//! // 32 random bytes, the same in all processes, and secret.
//! let key = [7; 32];
//! let cache = PermanentCache::builder().shared(SharedCache::new(store, key)).build();
//! # Ok::<(), redis::RedisError>(())
//! ```
//!
//! # What is kept in Redis
//!
//! | | by default | |
//! |---|---|---|
//! | key | `fr:1:https://a.test/` | a [prefix](RedisStore::prefix) and the URI, between them the partition, if there is one |
//! | value | some hundred bytes | authenticated with the cache's key, at most 64 KiB |
//! | time to live | that of the redirect | so that Redis forgets what nobody tells it to |
//! | channel | `fr:1:changes` | what is put, removed and cleared, with who did it |
//!
//! The commands are GETRANGE, SET, UNLINK, SCAN and PUBLISH, and on a second connection SUBSCRIBE and PING:
//! GETRANGE, since it reads no more of a value than may be kept. All are Redis 4's or older.
//!
//! # When the server fails
//!
//! A connection is made when it is first needed, in the background, and made anew after any error, or when
//! two calls in a row have given up waiting for an answer. Nothing is tried again here, and nothing waits:
//! when to try again is the cache's business, which leaves alone a store that fails. Dropping the
//! store closes its connections, and no task is left.
//!
//! [`PermanentCache`]: tower_follow_redirect::policy::permanent::PermanentCache

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
mod task;

pub use redis;

pub use self::{changes::RedisChanges, error::RedisStoreError, store::RedisStore};

/// How long a key or a value may be, in bytes.
const LONGEST: usize = 64 << 10;

/// Compiles the README's examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
