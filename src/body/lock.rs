//! The lock of a hand-over: a file of its own, so that a model checker can bring another.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A mutex without poison: nothing of ours panics while it holds it, and what is in it is whole at
/// every step.
pub(super) struct Lock<T>(Mutex<T>);

pub(super) type Guard<'a, T> = MutexGuard<'a, T>;

impl<T> Lock<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(super) fn lock(&self) -> Guard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
