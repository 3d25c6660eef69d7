//! Explicit confirmation, as RFC 2616 demanded it ([§10.3]).
//!
//! "The action required may be carried out by the user agent without interaction with the user if and
//! only if the method used in the second request is GET or HEAD." So every other redirect is a question
//! that [`StrictConfirm`] puts, and follows only if the answer is yes:
//!
//! ```
//! use tower_follow_redirect::{
//!     FollowRedirectLayer,
//!     policy::{StrictConfirm, strict::Consent},
//! };
//!
//! # async fn ask_the_user(question: String) -> bool { true }
//! let policy = StrictConfirm::new(|confirmation| async move {
//!     // "307 after PUT https://a.test/x to https://b.test/x: send PUT there?"
//!     if ask_the_user(confirmation.to_string()).await { Consent::Yes } else { Consent::No }
//! });
//! let layer = FollowRedirectLayer::new().with_policy(policy);
//! ```
//!
//! [§10.3]: https://www.rfc-editor.org/rfc/rfc2616#section-10.3

mod confirmation;
mod consent;
mod consents;
mod policy;
mod service;

pub use self::{
    confirmation::{Confirmation, Doubt},
    consent::{Consent, NotConfirmed},
    policy::StrictConfirm,
};
