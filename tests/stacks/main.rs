//! Other layers around this one and inside of it: what each sees, a call or its hops.
//!
//! `docs/stacks.md` says which place is right, and these tests say why.

mod bodies;
mod boxed;
mod capacity;
mod credentials;
mod retries;
mod router;
mod site;
mod times;
mod tracing;
mod whole;

#[path = "../it/support/body.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is shared with other tests")]
mod body;
