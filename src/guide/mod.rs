//! Pages to read, beside the reference.
//!
//! - [`stacks`]: which layer goes where, and with which client.

#[doc = include_str!("../../docs/stacks.md")]
pub mod stacks {}
