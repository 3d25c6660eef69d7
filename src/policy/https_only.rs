//! No redirect leads to a server without TLS.

use super::{Attempt, Decision, Policy, Verdict};
use crate::refusal::RefusalKind;

/// Fails at a redirect to `http`, and has no opinion of one to `https`.
///
/// Without it a downgrade is followed, as everywhere, but without credentials.
///
/// ```
/// use tower_follow_redirect::{FollowRedirectLayer, policy::HttpsOnly};
///
/// let layer = FollowRedirectLayer::new().with_policy(HttpsOnly);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct HttpsOnly;

impl Policy for HttpsOnly {
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        match attempt.target().map(|target| target.uri().scheme_str()) {
            Ok(Some("http")) => Decision::refuse(RefusalKind::Scheme).into(),
            Ok(_) | Err(_) => Decision::Pass.into(),
        }
    }
}
