//! The clock of a vector.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Where every clock starts.
pub const START_AS_TEXT: &str = "2026-01-01T00:00:00Z";
pub const START: u64 = 1_767_225_600;

/// Stands still until it is turned. Clones are one clock.
#[derive(Clone)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(START)))
    }

    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }

    /// Returns a time as a date of HTTP.
    pub fn date(&self, seconds_from_now: i64) -> String {
        let seconds = Duration::from_secs(seconds_from_now.unsigned_abs());
        let now = self.now();
        httpdate::fmt_http_date(if seconds_from_now < 0 { now - seconds } else { now + seconds })
    }
}

/// Returns when the clock started.
pub fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(START)
}
