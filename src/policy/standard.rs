//! The policy that follows.

use super::{Attempt, Decision, Policy, Verdict};

/// Follows every redirect, within what holds under every policy: the limit, `http` and `https`, and
/// no credentials across origins.
///
/// It says [`Decision::Follow`], and so takes part in [`and`](Policy::and): with it no other policy can
/// grant credentials. Where one should, leave `Standard` out, or use [`or`](Policy::or).
///
/// ```
/// use tower_follow_redirect::FollowRedirectLayer;
/// use tower_follow_redirect::policy::{AttemptBuilder, Decision, Policy, Standard, Verdict};
///
/// // It is the policy of a layer that is given none.
/// let layer: FollowRedirectLayer<Standard> = FollowRedirectLayer::new();
///
/// let mut redirect = AttemptBuilder::redirect("https://a.test/x", 302, "https://b.test/y");
/// let verdict = Standard.redirect(&mut redirect.attempt());
/// assert!(matches!(verdict, Verdict::Decided(Decision::Follow)));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Standard;

impl Policy for Standard {
    fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
        Decision::Follow.into()
    }
}
