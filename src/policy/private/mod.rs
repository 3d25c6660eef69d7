//! No redirect leads into a private network (SSRF).
//!
//! A server that fetches URLs of strangers is asked to fetch what only it can reach: a database, a
//! printer, the credentials that a cloud tells its machines. Whoever checks the URL and then follows
//! redirects is asked by a redirect. [`DenyPrivateNetworks`] looks at each of them:
//!
//! ```
//! use tower_follow_redirect::policy::{AttemptBuilder, Decision, DenyPrivateNetworks, Policy, Verdict};
//!
//! let policy = DenyPrivateNetworks::new();
//! for location in [
//!     "http://169.254.169.254/latest/meta-data/",
//!     "http://2130706433/",
//!     "http://[::ffff:10.0.0.1]/",
//!     "http://[2002:7f00:1::]/",
//!     "http://localhost.:8080/",
//!     "//metadata.google.internal/",
//! ] {
//!     let mut redirect = AttemptBuilder::redirect("https://a.test/", 302, location);
//!     let verdict = policy.redirect(&mut redirect.attempt());
//!     assert!(matches!(verdict, Verdict::Decided(Decision::StopBecause(_))), "{location}");
//! }
//! ```
//!
//! # Where the check holds
//!
//! A name says nothing of where it leads, and what it led to a moment ago may not be where it leads when
//! the client connects (DNS rebinding). So **the check that holds is the one of the connector**, which looks
//! at each address that it is about to connect to: with the feature `hyper-util`, that of
//! `DenyPrivateNetworks::http_connector`, and for another client [`check`] and [`usable`]. The policy adds
//! the reason, and that nothing is asked of DNS for what is plainly private.
//!
//! Neither sees what happens behind a proxy: it is the proxy that resolves names then, and that must
//! refuse.
//!
//! [`check`]: DenyPrivateNetworks::check
//! [`usable`]: DenyPrivateNetworks::usable

mod address;
mod embedded;
mod error;
mod lists;
mod lookup;
mod name;
mod place;
mod policy;

pub use self::{
    address::AddressKind,
    error::{Cause, NotPublic},
    name::NameKind,
    policy::DenyPrivateNetworks,
};
/// A network of addresses: that of the crate [`ipnet`].
pub use ipnet::IpNet;
