//! Which clock waits: tokio's, or the caller's.

use std::{
    fmt,
    future::Future,
    panic,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

/// Makes sleeps, where there is a clock to make them with.
#[derive(Clone, Default)]
pub(crate) enum Timer {
    #[default]
    Tokio,
    #[cfg(feature = "hyper")]
    Hyper(std::sync::Arc<dyn hyper::rt::Timer + Send + Sync>),
}

impl Timer {
    /// Returns whether there is a clock to wait by.
    #[cfg(feature = "shared-store")]
    pub(crate) fn can_sleep(&self) -> bool {
        self.sleep(Duration::ZERO).is_some()
    }

    /// Returns a sleep, or `None` where tokio has no clock: outside a runtime, or in one without.
    fn sleep(&self, duration: Duration) -> Option<Sleep> {
        match self {
            Self::Tokio => {
                tokio::runtime::Handle::try_current().ok()?;
                // A runtime does not say whether it was built with `enable_time`: tokio panics.
                let sleep = panic::catch_unwind(|| tokio::time::sleep(duration)).ok()?;
                Some(Sleep::Tokio { sleep: Box::pin(sleep) })
            }
            #[cfg(feature = "hyper")]
            Self::Hyper(timer) => Some(Sleep::Hyper { sleep: timer.sleep(duration) }),
        }
    }
}

/// An end to waiting. The time runs from the first poll.
#[derive(Debug)]
pub(crate) struct Deadline {
    timer: Timer,
    after: Duration,
    sleep: Option<Sleep>,
}

impl Deadline {
    pub(crate) fn new(timer: &Timer, after: Duration) -> Self {
        Self { timer: timer.clone(), after, sleep: None }
    }

    /// Is ready when the time has come; at once where there is no clock to wait by.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_sleep(cx).unwrap_or(Poll::Ready(()))
    }

    /// Is ready when the time has come; never where there is no clock to tell.
    pub(crate) fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_sleep(cx).unwrap_or(Poll::Pending)
    }

    fn poll_sleep(&mut self, cx: &mut Context<'_>) -> Option<Poll<()>> {
        if self.sleep.is_none() {
            self.sleep = self.timer.sleep(self.after);
        }
        self.sleep.as_mut().map(|sleep| sleep.poll(cx))
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tokio => "Tokio",
            #[cfg(feature = "hyper")]
            Self::Hyper(_) => "Hyper",
        })
    }
}

enum Sleep {
    Tokio {
        sleep: Pin<Box<tokio::time::Sleep>>,
    },
    #[cfg(feature = "hyper")]
    Hyper {
        sleep: Pin<Box<dyn hyper::rt::Sleep>>,
    },
}

impl Sleep {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            // Whoever has used up the task's budget must not keep the time from coming.
            Self::Tokio { sleep } => {
                Pin::new(&mut tokio::task::unconstrained(sleep.as_mut())).poll(cx)
            }
            #[cfg(feature = "hyper")]
            Self::Hyper { sleep } => sleep.as_mut().poll(cx),
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sleep")
    }
}
