//! What the specifications say of a redirect: pure rules, values in and values out.
//!
//! | status | POST | GET, HEAD | any other method |
//! |---|---|---|---|
//! | 301, 302 | GET, content dropped | kept | kept, with its content |
//! | 303 | GET, content dropped | kept, content dropped | GET, content dropped |
//! | 307, 308 | kept, with its content | kept, with its content | kept, with its content |
//! | 300, 304, 305, 306, unknown | not followed | not followed | not followed |
//!
//! One file holds one rule: [`method`] ([RFC 9110 §15.4]), [`fields`] (which header fields go, and
//! when), [`location`] (§10.2.2, RFC 3986 §5), [`origin`] (§4.3.1) and [`credentials`] (what may
//! cross an origin).
//!
//! [RFC 9110 §15.4]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4

pub mod credentials;
pub(crate) mod expect;
pub mod fields;
pub mod location;
pub mod method;
pub(crate) mod next;
pub mod origin;
mod plain;
pub(crate) mod target;
pub(crate) mod visit;
