//! A smaller limit for some redirects.

use super::{Attempt, Decision, Policy, Verdict};
use crate::refusal::RefusalKind;

/// Fails after a number of redirects, and has no opinion before.
///
/// The layer's own [`limit`](crate::FollowRedirectLayer::limit) holds besides.
///
/// ```
/// use http::{Method, StatusCode, Uri};
/// use tower_follow_redirect::policy::{AttemptBuilder, Decision, Limited, Policy, Verdict};
///
/// // The second redirect of a chain that may have one.
/// let before = Uri::from_static("https://a.test/");
/// let mut redirect = AttemptBuilder::redirect("https://a.test/x", 302, "/y")
///     .hop(Method::GET, before, StatusCode::FOUND);
/// let verdict = Limited::new(1).redirect(&mut redirect.attempt());
/// assert!(matches!(verdict, Verdict::Decided(Decision::Fail(_))));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Limited {
    max: usize,
}

impl Limited {
    /// Makes a policy that follows at most `max` redirects.
    pub fn new(max: usize) -> Self {
        Self { max }
    }
}

impl Policy for Limited {
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        if attempt.hops().len() < self.max {
            Decision::Pass.into()
        } else {
            Decision::refuse(RefusalKind::TooManyRedirects).into()
        }
    }
}
