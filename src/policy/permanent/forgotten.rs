//! What was forgotten lately: what was under way meanwhile does not bring it back ([RFC 9111 §4.4]).
//!
//! [RFC 9111 §4.4]: https://www.rfc-editor.org/rfc/rfc9111#section-4.4

use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many keys are noted. What is older than the oldest counts as forgotten.
const NOTED: usize = 16_384;

/// The keys that were forgotten lately, by their hashes: two that have the same are one, and then one is not
/// learned that could be.
#[derive(Default)]
pub(super) struct Forgotten {
    log: Mutex<Log>,
    hashes: RandomState,
}

#[derive(Default)]
struct Log {
    now: Moment,
    /// The last come last.
    keys: VecDeque<(Moment, u64)>,
    /// Everything was forgotten until then, or cannot be told any more.
    all: Moment,
}

/// A moment in the order in which keys were forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

impl Forgotten {
    pub(super) fn now(&self) -> Moment {
        self.log().now
    }

    /// Notes that a key is forgotten now.
    pub(super) fn note(&self, key: &str) {
        let hash = self.hashes.hash_one(key);
        let mut log = self.log();
        log.now.0 += 1;
        let now = log.now;
        if log.keys.len() == NOTED {
            log.all = log.keys.pop_front().map_or(now, |(oldest, _)| oldest);
        }
        log.keys.push_back((now, hash));
    }

    /// Notes that every key is forgotten now.
    pub(super) fn note_all(&self) {
        let mut log = self.log();
        log.now.0 += 1;
        log.all = log.now;
        log.keys.clear();
    }

    /// Returns whether a key was forgotten after a moment, as far as can be told.
    pub(super) fn since(&self, moment: Moment, key: &str) -> bool {
        let log = self.log();
        let mut later = log.keys.iter().rev().take_while(|(at, _)| *at > moment).peekable();
        if log.all > moment {
            return true;
        }
        // Most often nothing was, and no key has to be hashed.
        later.peek().is_some() && {
            let hash = self.hashes.hash_one(key);
            later.any(|(_, forgotten)| *forgotten == hash)
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // Nothing that is done under the lock panics.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_later_counts() {
        let forgotten = Forgotten::default();
        forgotten.note("a");
        let moment = forgotten.now();
        assert!(!forgotten.since(moment, "a"));
        forgotten.note("b");
        assert!(forgotten.since(moment, "b") && !forgotten.since(moment, "a"));
        assert!(forgotten.since(Moment::default(), "a"));
        forgotten.note_all();
        assert!(forgotten.since(moment, "a"));
        assert!(!forgotten.since(forgotten.now(), "a"));
    }

    #[test]
    fn what_cannot_be_told_counts_as_forgotten() {
        let forgotten = Forgotten::default();
        let first = forgotten.now();
        forgotten.note("a");
        let second = forgotten.now();
        for _ in 0..NOTED {
            assert!(!forgotten.since(second, "other"));
            forgotten.note("b");
        }
        assert!(forgotten.since(first, "other"));
        assert!(!forgotten.since(second, "other") && forgotten.since(second, "b"));
        assert_eq!(forgotten.log().keys.len(), NOTED);
    }
}
