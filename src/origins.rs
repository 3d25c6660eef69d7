//! Origins of which something is known for a while: that they refuse expectations, that they are
//! trusted.

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

/// A few origins, each with the end of its time.
#[derive(Debug, Default)]
pub(crate) struct KnownOrigins {
    /// Most clients never know one, and need no lock to see that.
    any: AtomicBool,
    known: Mutex<Vec<(Origin, Instant)>>,
}

impl KnownOrigins {
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
    fn an_origin_is_known_for_its_time() {
        let (origins, now) = (KnownOrigins::default(), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        assert!(!origins.know(&origin(1), now));
        origins.remember(origin(1), now, at(10));
        assert!(origins.know(&origin(1), at(9)));
        assert!(!origins.know(&origin(1), at(10)));
        assert!(!origins.know(&origin(2), now));
        origins.remember(origin(1), at(9), at(19));
        assert!(origins.know(&origin(1), at(18)));
    }

    #[test]
    fn the_oldest_makes_room() {
        let (origins, now) = (KnownOrigins::default(), Instant::now());
        let at = |n: usize| now + Duration::from_secs(n as u64);
        for n in 1..=CAPACITY + 1 {
            origins.remember(origin(n), now, at(n));
        }
        assert!(!origins.know(&origin(1), now));
        assert!((2..=CAPACITY + 1).all(|n| origins.know(&origin(n), now)));
        assert_eq!(origins.lock().len(), CAPACITY);
    }
}
