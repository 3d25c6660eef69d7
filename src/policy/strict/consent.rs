//! The answer to a confirmation.

use std::{error, fmt, sync::Arc, time::Duration};

use crate::{
    BoxError,
    policy::{Decision, Failure},
};

/// The answer to a [`Confirmation`](super::Confirmation).
///
/// A prompt that fails, or whose other end is dropped, means no: a [`Result`] is an answer too.
///
/// ```
/// use std::time::Duration;
/// use tower_follow_redirect::policy::{StrictConfirm, strict::Consent};
///
/// // Whoever has said yes is not asked about that origin again today.
/// let policy = StrictConfirm::new(|_| async { Consent::For(Duration::from_secs(24 * 60 * 60)) });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Consent {
    /// Follow this redirect.
    Yes,
    /// Follow this one, and every other to its origin in the same chain, without asking again.
    ThisChain,
    /// Follow this one, and every other to its origin for so long, in all calls.
    For(Duration),
    /// Hand the response back.
    No,
    /// Hand the response back, since nobody has answered.
    Unanswered(BoxError),
}

impl From<bool> for Consent {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl<C, E> From<Result<C, E>> for Consent
where
    C: Into<Self>,
    E: Into<BoxError>,
{
    fn from(answer: Result<C, E>) -> Self {
        answer.map_or_else(|error| Self::Unanswered(error.into()), Into::into)
    }
}

/// Only a decision to follow is a yes.
impl From<Decision> for Consent {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Follow | Decision::FollowWithCredentials => Self::Yes,
            Decision::Pass | Decision::Stop => Self::No,
            Decision::StopBecause(Failure { source, .. })
            | Decision::Fail(Failure { source, .. }) => match source {
                Some(source) => Self::Unanswered(Box::new(Shared(source))),
                None => Self::No,
            },
        }
    }
}

/// The source of the [`Refusal`](crate::Refusal) of a redirect that was not confirmed.
///
/// Where the prompt failed, its error is the source of this one.
///
/// ```
/// use std::error::Error;
/// use http::Response;
/// use tower_follow_redirect::{Refusal, policy::strict::NotConfirmed};
///
/// fn was_declined<B>(response: &Response<B>) -> bool {
///     let source = Refusal::of(response).and_then(|refusal| refusal.source());
///     source.is_some_and(|source| source.is::<NotConfirmed>())
/// }
/// ```
#[derive(Debug)]
pub struct NotConfirmed {
    source: Option<BoxError>,
}

impl NotConfirmed {
    pub(super) fn refused() -> Self {
        Self { source: None }
    }

    pub(super) fn unanswered(source: BoxError) -> Self {
        Self { source: Some(source) }
    }
}

impl fmt::Display for NotConfirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.source {
            Some(_) => "nobody has confirmed it: the question failed",
            None => "it was not confirmed",
        })
    }
}

impl error::Error for NotConfirmed {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// An error that others have too.
#[derive(Debug)]
struct Shared(Arc<dyn error::Error + Send + Sync>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl error::Error for Shared {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source()
    }
}
