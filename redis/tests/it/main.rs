//! Against real servers, which each test starts for itself: `redis-server` must be on the PATH.

mod changes;
mod cluster;
mod fleet;
mod forward;
mod liar;
mod line;
mod server;
mod store;
mod ways;
#[path = "../../examples/member/web.rs"]
#[allow(dead_code)]
mod web;
