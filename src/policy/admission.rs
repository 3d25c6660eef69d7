//! Whether a request may leave.

use super::{Failure, Recollection};
use crate::BoxError;

/// Whether a request may leave, as [`Policy::admit`](super::Policy::admit) says.
///
/// ```
/// use tower_follow_redirect::policy::{Admission, Outgoing};
///
/// /// Nothing leaves for a port that is none of HTTP's.
/// fn admit(request: &Outgoing<'_>) -> Admission {
///     match request.request().uri.port_u16() {
///         None | Some(80 | 443 | 8000..=8999) => Admission::Granted,
///         Some(port) => Admission::refuse(format!("port {port} is not allowed")),
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Admission {
    /// It may.
    Granted,
    /// It may not: the call ends with an [`Error`](crate::Error) about it.
    Refused(Failure),
    /// Wait, and ask again.
    Wait(Recollection),
}

impl Admission {
    /// Makes a [`Refused`](Self::Refused) of an error, which becomes the source of the
    /// [`Error`](crate::Error).
    ///
    /// ```
    /// use tower_follow_redirect::policy::{
    ///     Admission, Attempt, Decision, Outgoing, Policy, Verdict,
    /// };
    ///
    /// /// Lets nothing leave but GET and HEAD.
    /// struct ReadOnly;
    ///
    /// impl Policy for ReadOnly {
    ///     fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
    ///         Decision::Pass.into()
    ///     }
    ///
    ///     fn admit(&self, request: &mut Outgoing<'_>) -> Admission {
    ///         match request.request().method.as_str() {
    ///             "GET" | "HEAD" => Admission::Granted,
    ///             _ => Admission::refuse("this client only reads"),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn refuse(error: impl Into<BoxError>) -> Self {
        Self::Refused(Failure::of(error))
    }
}
