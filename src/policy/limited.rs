//! A smaller limit for some redirects.

use super::{Attempt, Decision, Policy, Verdict};
use crate::refusal::RefusalKind;

/// Fails after a number of redirects, and has no opinion before.
///
/// The layer's own [`limit`](crate::FollowRedirectLayer::limit) holds besides.
///
/// ```
/// use tower_follow_redirect::policy::{Limited, Policy, SameOrigin};
///
/// let policy = SameOrigin.and(Limited::new(3));
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
