//! Every advisory that a redirect layer can suffer from, as a test over real sockets.
//!
//! A test has the advisory's id in its name, and says in one line what went wrong there. `SECURITY.md`
//! has the table of them, and of those that are not ours; `table` holds the two together.

#![expect(unreachable_pub, reason = "test modules are not a library")]

mod content;
mod cookies;
mod credentials;
mod custom;
mod network;
mod origins;
mod parsers;
mod proxies;
mod resources;
mod schemes;
mod ssrf;
mod stage;
mod table;
mod userinfo;

#[path = "../it/support/body.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod body;
#[path = "../it/support/raw.rs"]
#[expect(dead_code, reason = "the other tests use more of it")]
mod raw;
