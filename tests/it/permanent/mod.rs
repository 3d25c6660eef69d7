//! Remembered redirects: in files, and shared.

mod shared;
mod snapshot;
mod stage;
