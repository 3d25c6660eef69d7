//! What a policy knows of how a server treats `Expect: 100-continue` ([RFC 9110 §10.1.1]).
//!
//! [RFC 9110 §10.1.1]: https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1

use std::fmt;

use http::request;

use super::{Attempt, Decision, Policy, Verdict};

/// How a server treats `Expect: 100-continue`, as far as a policy knows ([`Policy::expect`]).
///
/// Many servers, and what stands between, never answer an expectation; so by default content waits
/// [one second](crate::ExpectContinue::wait). Of a server that is known more can be said.
///
/// ```
/// use tower_follow_redirect::{FollowRedirectLayer, policy::{self, ExpectSupport}};
///
/// // Every server of ours answers an expectation: there is no second to be lost with any.
/// let policy = policy::expect_fn(|_| ExpectSupport::Answers);
/// let layer = FollowRedirectLayer::new().with_policy(policy);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ExpectSupport {
    /// Nothing is known: content waits as long as [`ExpectContinue`](crate::ExpectContinue) says.
    #[default]
    Unknown,
    /// It answers every expectation, with `100 Continue` or a final status: content waits until then,
    /// up to 30 seconds, or as long as [`ExpectContinue`](crate::ExpectContinue) says if that is longer.
    /// Without a clock only the caller's own timeout ends that.
    ///
    /// It is still not waited for where the transport reports no informational response. With
    /// [`wait_unreported`](crate::ExpectContinue::wait_unreported), the time that is set there ends
    /// the waiting on every transport.
    ///
    /// What reads the content inside before it sends the request, such as a signer that hashes it, would
    /// wait so long for an answer to a request that was not sent:
    /// [`ExpectContinue::off`](crate::ExpectContinue::off) is for it.
    Answers,
    /// As [`Answers`](Self::Answers), and where it has said `100 Continue` no redirect follows.
    ///
    /// So nothing is recorded from then on, and what was recorded is let go: an upload of any size
    /// needs the same memory. A redirect that comes nevertheless finds the content gone. Amazon S3
    /// [promises this](https://docs.aws.amazon.com/AmazonS3/latest/API/RESTRedirect.html).
    Decides,
}

/// Makes a policy of a closure that says what is known of the server a request goes to. It has no
/// opinion about redirects.
///
/// ```
/// use tower_follow_redirect::policy::{self, ExpectSupport, Policy, SameOrigin};
///
/// let store = policy::expect_fn(|request| match request.uri.host() {
///     Some("store.a.test") => ExpectSupport::Decides,
///     _ => ExpectSupport::Unknown,
/// });
/// let policy = SameOrigin.and(store);
/// ```
pub fn expect_fn<F>(f: F) -> ExpectFn<F>
where
    F: Fn(&request::Parts) -> ExpectSupport + Send + Sync,
{
    ExpectFn { f }
}

/// The policy that [`expect_fn`] returns.
#[derive(Clone, Copy)]
pub struct ExpectFn<F> {
    f: F,
}

impl<F> Policy for ExpectFn<F>
where
    F: Fn(&request::Parts) -> ExpectSupport + Send + Sync,
{
    fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
        Decision::Pass.into()
    }

    fn expect(&self, request: &request::Parts) -> ExpectSupport {
        (self.f)(request)
    }
}

impl<F> fmt::Debug for ExpectFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpectFn").finish_non_exhaustive()
    }
}
