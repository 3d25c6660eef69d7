//! The time of day.

use std::{fmt, sync::Arc, time::SystemTime};

use super::unix;

/// The system's clock, or one that a test turns.
#[derive(Clone, Default)]
pub(super) enum Clock {
    #[default]
    System,
    Other(Arc<dyn Fn() -> SystemTime + Send + Sync>),
}

impl Clock {
    /// Returns the seconds since 1970.
    pub(super) fn now(&self) -> u64 {
        unix::seconds(match self {
            Self::System => SystemTime::now(),
            Self::Other(clock) => clock(),
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Other(_) => "Other",
        })
    }
}
