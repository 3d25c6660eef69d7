//! object_store through redirects, against a store that verifies every signature.

mod errors;
mod nodes;
mod regions;

#[path = "../../shared/front.rs"]
#[allow(unreachable_pub, dead_code, reason = "it is shared with the examples")]
mod front;
