//! Closures as policies.

use std::fmt;

use super::{Attempt, Policy, Verdict};

/// Makes a policy of a closure that returns a [`Decision`](super::Decision) or a [`Verdict`].
///
/// ```
/// use http::Method;
/// use tower_follow_redirect::policy::{self, AttemptBuilder, Decision, Policy, Verdict};
///
/// // Only what is safe to repeat.
/// let policy = policy::redirect_fn(|attempt| match *attempt.next_method() {
///     Method::GET | Method::HEAD => Decision::Follow,
///     _ => Decision::Stop,
/// });
///
/// let mut redirect = AttemptBuilder::redirect("https://a.test/x", 302, "/y");
/// let verdict = policy.redirect(&mut redirect.attempt());
/// assert!(matches!(verdict, Verdict::Decided(Decision::Follow)));
/// ```
pub fn redirect_fn<F, V>(f: F) -> RedirectFn<F>
where
    F: Fn(&mut Attempt<'_>) -> V + Send + Sync,
    V: Into<Verdict>,
{
    RedirectFn { f }
}

/// The policy that [`redirect_fn`] returns.
#[derive(Clone, Copy)]
pub struct RedirectFn<F> {
    f: F,
}

impl<F, V> Policy for RedirectFn<F>
where
    F: Fn(&mut Attempt<'_>) -> V + Send + Sync,
    V: Into<Verdict>,
{
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        (self.f)(attempt).into()
    }
}

impl<F> fmt::Debug for RedirectFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedirectFn").finish_non_exhaustive()
    }
}
