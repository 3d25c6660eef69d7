//! Which servers refuse expectations: they are not asked again for a while ([RFC 9110 §10.1.1]).
//!
//! [RFC 9110 §10.1.1]: https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use crate::rules::origin::Origin;

/// How many are remembered; the one that would be forgotten first makes room.
const CAPACITY: usize = 64;

/// The origins that have answered `Expect: 100-continue` with 417, each with the end of its time.
#[derive(Debug, Default)]
pub(crate) struct Refusers {
    /// Most clients never meet one, and need no lock to know it.
    any: AtomicBool,
    known: Mutex<Vec<(Origin, Instant)>>,
}

impl Refusers {
    pub(crate) fn remember(&self, origin: Origin, now: Instant, until: Instant) {
        let mut known = self.lock();
        known.retain(|(other, end)| *other != origin && *end > now);
        if known.len() == CAPACITY {
            let first = known.iter().enumerate().min_by_key(|(_, (_, end))| *end);
            let first = first.map_or(0, |(index, _)| index);
            known.swap_remove(first);
        }
        known.push((origin, until));
        self.any.store(true, Ordering::Release);
    }

    pub(crate) fn know(&self, origin: &Origin, now: Instant) -> bool {
        self.any.load(Ordering::Acquire)
            && self.lock().iter().any(|(other, end)| other == origin && *end > now)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Origin, Instant)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn origin(port: usize) -> Origin {
        Origin::of(&format!("http://a.test:{port}/").parse().unwrap()).unwrap()
    }

    #[test]
    fn a_refuser_is_known_for_its_time() {
        let (refusers, now) = (Refusers::default(), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        assert!(!refusers.know(&origin(1), now));
        refusers.remember(origin(1), now, at(10));
        assert!(refusers.know(&origin(1), at(9)));
        assert!(!refusers.know(&origin(1), at(10)));
        assert!(!refusers.know(&origin(2), now));
        refusers.remember(origin(1), at(9), at(19));
        assert!(refusers.know(&origin(1), at(18)));
    }

    #[test]
    fn the_oldest_makes_room() {
        let (refusers, now) = (Refusers::default(), Instant::now());
        let at = |n: usize| now + Duration::from_secs(n as u64);
        for n in 1..=CAPACITY + 1 {
            refusers.remember(origin(n), now, at(n));
        }
        assert!(!refusers.know(&origin(1), now));
        assert!((2..=CAPACITY + 1).all(|n| refusers.know(&origin(n), now)));
        assert_eq!(refusers.lock().len(), CAPACITY);
    }
}
