//! Remembered redirects that a fleet of processes shares.
//!
//! What one process learns, the others need not. Each still has its own memory, which requests are
//! answered from; a [`SharedStore`] brings to it what others have learned, in the background. The
//! package `tower-follow-redirect-redis` has one for Redis and Valkey.

mod breaker;
mod fleet;
mod queue;
mod seal;
mod settings;
mod status;
mod store;
mod time;
mod worker;

pub(super) use self::fleet::Shared;
pub use self::{
    settings::SharedCache,
    status::SharedStatus,
    store::{Change, Changes, NoChanges, SharedStore},
};
