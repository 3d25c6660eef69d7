//! Pages to read, beside the reference.
//!
//! - [`stacks`]: which layer goes where, and with which client.
//! - [`from_tower_http`]: what changes for those who come from tower-http's `FollowRedirect`.
//! - [`from_reqwest`]: what changes for those who come from reqwest's own redirects.
//! - [`faq`]: what people ask of clients that follow redirects.
//! - [`errors`]: what each error and refusal means, and what to do.

#[doc = include_str!("../../docs/stacks.md")]
pub mod stacks {}

#[doc = include_str!("../../docs/from_tower_http.md")]
pub mod from_tower_http {}

// Its code is tested where reqwest is: in interop/reqwest.
#[cfg(not(doctest))]
#[doc = include_str!("../../docs/from_reqwest.md")]
pub mod from_reqwest {}

#[doc = include_str!("../../docs/faq.md")]
pub mod faq {}

#[doc = include_str!("../../docs/errors.md")]
pub mod errors {}
