//! Stores for what a [`PermanentCache`](tower_follow_redirect::policy::permanent::PermanentCache)
//! remembers, to copy.
//!
//! - [`Map`]: a standard map behind a lock. It has no bound: for clients that talk to few servers.
//! - [`Moka`]: a cache of [`moka`](https://docs.rs/moka), for who uses it anyway.
//!
//! The library's own store is faster than both; the `README` has the numbers.

mod map;
mod moka;

pub use self::{map::Map, moka::Moka};
