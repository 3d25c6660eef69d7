//! Errors of any type.

use std::error::Error;

/// An error of any type: that of an inner service, a policy or a body.
///
/// It is the same type as `tower::BoxError`.
pub type BoxError = Box<dyn Error + Send + Sync>;
