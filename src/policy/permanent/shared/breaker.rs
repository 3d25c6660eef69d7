//! When a store that fails is left alone.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// So many failures in a row open it.
pub(super) const FAILURES: u32 = 3;

const SHORTEST: Duration = Duration::from_secs(1);

const LONGEST: Duration = Duration::from_secs(30);

/// Stops the attempts on a store that fails, for one second, then for two, and so on up to thirty.
///
/// After each pause one attempt may be made.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
        pause: Duration,
    },
    /// One attempt is made after a pause. Where nothing is heard of it until then, another one may.
    Probing {
        until: Instant,
        pause: Duration,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// Returns whether an attempt may be made. Where the pause is over, it may be made once.
    pub(super) fn may_try(&self, now: Instant) -> bool {
        let mut state = self.lock();
        match *state {
            State::Closed { .. } => true,
            State::Open { until, .. } | State::Probing { until, .. } if now < until => false,
            State::Open { pause, .. } | State::Probing { pause, .. } => {
                *state = State::Probing { until: now + pause, pause };
                true
            }
        }
    }

    pub(super) fn succeeded(&self) {
        *self.lock() = State::default();
    }

    pub(super) fn failed(&self, now: Instant) {
        let mut state = self.lock();
        *state = match *state {
            State::Closed { failures } if failures + 1 < FAILURES => {
                State::Closed { failures: failures + 1 }
            }
            State::Closed { .. } => State::Open { until: now + SHORTEST, pause: SHORTEST },
            // It was on its way when others opened it.
            open @ State::Open { .. } => open,
            State::Probing { pause, .. } => {
                let pause = (pause * 2).min(LONGEST);
                State::Open { until: now + pause, pause }
            }
        };
    }

    pub(super) fn is_open(&self) -> bool {
        !matches!(*self.lock(), State::Closed { .. })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_open_it() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..2 {
            breaker.failed(now);
            breaker.failed(now);
            assert!(breaker.may_try(now));
            breaker.succeeded();
        }
        breaker.failed(now);
        breaker.failed(now);
        breaker.failed(now);
        assert!(!breaker.may_try(now));
        assert!(breaker.is_open());
    }

    #[test]
    fn after_each_pause_one_attempt_is_made_and_the_next_pause_is_longer() {
        let (breaker, mut now) = (Breaker::default(), Instant::now());
        (0..3).for_each(|_| breaker.failed(now));
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let pause = Duration::from_secs(seconds);
            assert!(!breaker.may_try(now + pause - Duration::from_millis(1)), "{pause:?}");
            now += pause;
            assert!(breaker.may_try(now), "{pause:?}");
            assert!(!breaker.may_try(now), "one attempt, after {pause:?}");
            breaker.failed(now);
        }
        breaker.succeeded();
        assert!(breaker.may_try(now) && !breaker.is_open());
    }

    /// Many requests may wait for a store when it begins to hang.
    #[test]
    fn attempts_that_are_on_their_way_when_it_opens_make_the_pause_no_longer() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        (0..20).for_each(|_| breaker.failed(now));
        let later = now + SHORTEST;
        assert!(!breaker.may_try(later - Duration::from_millis(1)));
        assert!(breaker.may_try(later));
        (0..20).for_each(|_| breaker.failed(later));
        assert!(breaker.may_try(later + 2 * SHORTEST));
    }

    /// It may have been dropped.
    #[test]
    fn an_attempt_of_which_nothing_is_heard_is_made_again() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        (0..3).for_each(|_| breaker.failed(now));
        let later = now + Duration::from_secs(1);
        assert!(breaker.may_try(later));
        assert!(breaker.may_try(later + Duration::from_secs(1)));
    }
}
