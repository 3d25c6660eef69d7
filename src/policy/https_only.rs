//! No redirect leads to a server without TLS.

use super::{Attempt, Decision, Policy, Verdict};
use crate::refusal::RefusalKind;

/// Fails at a redirect to `http`, and has no opinion of one to `https`.
///
/// Without it a downgrade is followed, as everywhere, but without credentials.
///
/// ```
/// use tower_follow_redirect::policy::{AttemptBuilder, Decision, HttpsOnly, Policy, Verdict};
///
/// let mut redirect = AttemptBuilder::redirect("https://a.test/x", 302, "http://a.test/y");
/// let verdict = HttpsOnly.redirect(&mut redirect.attempt());
/// assert!(matches!(verdict, Verdict::Decided(Decision::Fail(_))));
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
