//! The policy that follows.

use super::{Attempt, Decision, Policy, Verdict};

/// Follows every redirect, within what holds under every policy: the limit, `http` and `https`, and
/// no credentials across origins.
///
/// It says [`Decision::Follow`], and so takes part in [`and`](Policy::and): with it no other policy can
/// grant credentials. Where one should, leave `Standard` out, or use [`or`](Policy::or).
///
/// ```
/// use tower_follow_redirect::{FollowRedirectLayer, policy::Standard};
///
/// let layer: FollowRedirectLayer<Standard> = FollowRedirectLayer::new();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Standard;

impl Policy for Standard {
    fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
        Decision::Follow.into()
    }
}
