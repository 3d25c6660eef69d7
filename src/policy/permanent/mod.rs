//! Remembered permanent redirects: when one is remembered, when it is used, and when it is dropped.
//!
//! A 308 says that future references ought to go to the new URI ([RFC 9110 §15.4.9]). A
//! [`PermanentCache`] reads that as a cache does ([RFC 9111]): the response is stored, and used again
//! while it is fresh. Whoever keeps links (bookmarks, feeds, catalogues) may edit them instead:
//! [`History::permanent_target`](crate::History::permanent_target) says what to write.
//!
//! # What is remembered
//!
//! | rule | by default | to change it |
//! |---|---|---|
//! | status | 308 | [`Statuses`] |
//! | method | GET and HEAD | [`Methods`] |
//! | when | the redirect was followed, and its chain ended below 400 | [`Commit`] |
//! | trust | `https` to `https`, or `http` to `https` on the same host; never to less | [`Plaintext`], [`Reach`] |
//! | `no-store` (request too), `no-cache`, `Pragma: no-cache` alone | not remembered | |
//! | `private`, or `Authorization` without `public`, `s-maxage` or `must-revalidate` | not remembered | [`Sharing`] |
//! | `Vary` | the request's values are compared; not remembered with `*`, a secret, or more than 8 names | |
//! | `Set-Cookie`, userinfo in `Location` | not remembered | [`SetCookie`] |
//! | for how long | `s-maxage`, `max-age`, `Expires`, less the `Age`; else 24 hours without query; at most 7 days | [`heuristic`](PermanentCacheBuilder::heuristic), [`Queries`], [`max_ttl`](PermanentCacheBuilder::max_ttl) |
//!
//! Every hop is remembered by itself, never a chain as one, so that a temporary redirect stays
//! temporary. Nothing stale is used.
//!
//! # What is forgotten
//!
//! - The redirect of a URI that answers an unsafe request with 2xx or 3xx ([RFC 9111 §4.4]), or a GET or
//!   HEAD with anything but 408, 425, 429 and 5xx.
//! - All of an origin that sends `Clear-Site-Data: "cache"` or `"*"` over `https`
//!   ([`ClearSiteData`]).
//! - Those that lead in a circle. The request then goes to its own URI.
//! - Those that lead to 404, 410, 421 or no response at all, if all are a minute old. A GET or HEAD is
//!   then sent once more, to its own URI, with the memory set aside ([`Fallback`]). (A layer cannot tell a
//!   connection that was refused from one that broke: any error of the inner service counts.)
//!
//! # What a remembered redirect goes through
//!
//! All that a received one does: policies, credential scope, limit, loops, history, where
//! [`Hop::is_from_cache`](crate::Hop::is_from_cache) tells it. Where a policy stops at it, the server is
//! asked after all. What was trusted when it was stored must still be so.
//!
//! [RFC 9110 §15.4.9]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4.9
//! [RFC 9111]: https://www.rfc-editor.org/rfc/rfc9111
//! [RFC 9111 §4.4]: https://www.rfc-editor.org/rfc/rfc9111#section-4.4

mod builder;
mod cache;
mod call_memory;
mod clock;
mod contradiction;
mod directives;
mod entry;
mod fallback;
mod forgotten;
mod freshness;
mod inner;
mod key;
mod list;
mod memory;
mod methods;
mod options;
mod others;
mod policy;
#[cfg(any(feature = "snapshot", feature = "shared-store"))]
mod record;
#[cfg(feature = "shared-store")]
pub mod shared;
#[cfg(feature = "snapshot")]
mod snapshot;
mod source;
mod storable;
mod store;
mod trust;
mod unix;
mod usable;
mod vary;

#[cfg(feature = "snapshot")]
pub use self::snapshot::Snapshot;
pub use self::{
    builder::PermanentCacheBuilder,
    cache::{PermanentCache, RedirectCacheMode},
    entry::Entry,
    options::{
        ClearSiteData, Commit, Fallback, Methods, Plaintext, Queries, Reach, SetCookie, Sharing,
        Statuses,
    },
    source::Source,
    store::RedirectStore,
};
