//! Against real servers, which each test starts for itself: `redis-server` must be on the PATH.

mod changes;
mod cluster;
mod fleet;
mod forward;
mod line;
mod server;
mod store;
