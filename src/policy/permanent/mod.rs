//! Remembered permanent redirects: when one is remembered, when it is used, and when it is dropped.
//!
//! A 308 says that future references ought to go to the new URI ([RFC 9110 §15.4.9]). By default it is
//! read as a cache reads it ([RFC 9111]): as a response that is stored and used again while it is fresh,
//! for GET and HEAD only.
//!
//! [RFC 9110 §15.4.9]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4.9
//! [RFC 9111]: https://www.rfc-editor.org/rfc/rfc9111

#![allow(dead_code, reason = "the policy comes next")]

mod contradiction;
mod directives;
mod entry;
mod fallback;
mod freshness;
mod key;
mod list;
mod methods;
mod options;
mod storable;
mod trust;
mod unix;
mod usable;
mod vary;

pub use self::{
    entry::Entry,
    options::{
        ClearSiteData, Commit, Fallback, Methods, Plaintext, Queries, Reach, SetCookie, Sharing,
        Statuses,
    },
};
