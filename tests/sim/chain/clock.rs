//! Virtual time: it stands still while anybody has something to do.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

/// A clock that the simulator turns. Clones are the same clock.
#[derive(Clone, Default)]
pub struct Clock {
    times: Arc<Mutex<Times>>,
}

#[derive(Default)]
struct Times {
    now: Duration,
    last: u64,
    sleepers: BTreeMap<(Duration, u64), Waker>,
}

impl Clock {
    /// Returns the time since the chain began.
    pub fn now(&self) -> Duration {
        self.lock().now
    }

    pub fn sleep(&self, time: Duration) -> Sleep {
        let mut times = self.lock();
        times.last += 1;
        let end = times.now.saturating_add(time);
        Sleep { key: (end, times.last), clock: self.clone() }
    }

    /// Goes on to the next time at which anybody wakes. Says whether anybody sleeps at all.
    pub fn advance(&self) -> bool {
        let first = self.lock().sleepers.pop_first();
        let Some(((end, _), waker)) = first else { return false };
        let mut times = self.lock();
        times.now = times.now.max(end);
        drop(times);
        waker.wake();
        true
    }

    /// Lets time pass while nobody sleeps.
    pub fn pass(&self, time: Duration) {
        self.lock().now += time;
    }

    /// Returns how many sleep.
    pub fn sleepers(&self) -> usize {
        self.lock().sleepers.len()
    }

    fn lock(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl hyper::rt::Timer for Clock {
    fn sleep(&self, time: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(self.sleep(time))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(self.sleep(deadline.saturating_duration_since(Instant::now())))
    }
}

/// Ends when the clock has come so far.
pub struct Sleep {
    key: (Duration, u64),
    clock: Clock,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut times = self.clock.lock();
        if times.now >= self.key.0 {
            return Poll::Ready(());
        }
        let replaced = times.sleepers.insert(self.key, waker);
        drop(times);
        drop(replaced);
        Poll::Pending
    }
}

impl hyper::rt::Sleep for Sleep {}

impl Drop for Sleep {
    fn drop(&mut self) {
        let forgotten = self.clock.lock().sleepers.remove(&self.key);
        drop(forgotten);
    }
}
