//! No redirect leaves the origin.

use super::{Attempt, Decision, Policy, Verdict};

/// Stops at a redirect to another [origin](crate::Origin), and has no opinion within one.
///
/// ```
/// use tower_follow_redirect::policy::{AttemptBuilder, Decision, Policy, SameOrigin, Verdict};
///
/// let mut redirect = AttemptBuilder::redirect("https://a.test/x", 302, "https://b.test/y");
/// let verdict = SameOrigin.redirect(&mut redirect.attempt());
/// assert!(matches!(verdict, Verdict::Decided(Decision::Stop)));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SameOrigin;

impl Policy for SameOrigin {
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        match attempt.target() {
            Ok(_) if !attempt.is_same_origin() => Decision::Stop.into(),
            Ok(_) | Err(_) => Decision::Pass.into(),
        }
    }
}
