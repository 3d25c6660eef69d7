//! Remembered redirects that a fleet of processes shares.

mod store;

pub use self::store::{Change, Changes, NoChanges, SharedStore};
