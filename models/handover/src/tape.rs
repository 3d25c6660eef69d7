//! The value that is handed over: the caller's body and its record, as `Recording` is.

use std::{
    panic,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, Waker},
};

use crate::{
    handover::{Handover, Progress},
    lock::Lock,
};

/// Numbered items, each of which the source gives once.
pub(crate) struct Tape {
    length: usize,
    /// How many the source has given.
    read: usize,
    /// How many of the first ones can be given again.
    kept: usize,
    /// How many are kept at most, once they are sent.
    limit: usize,
    keep: Keep,
    progress: Progress,
    source: Source,
    drops: Arc<Drops>,
    /// What its drop looks at, as somebody else's code may.
    watched: Weak<Handover<Self>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    Items,
    Nothing,
}

enum Source {
    Ready,
    Slow(Arc<Disk>),
    /// Panics in place of the item of this number.
    Panics(usize),
}

impl Tape {
    /// Makes a tape that keeps what is taken out of it.
    pub(crate) fn new(length: usize, drops: &Arc<Drops>) -> Self {
        drops.made.fetch_add(1, Ordering::SeqCst);
        Self {
            length,
            read: 0,
            kept: 0,
            limit: length,
            keep: Keep::Items,
            progress: Progress::Unread,
            source: Source::Ready,
            drops: Arc::clone(drops),
            watched: Weak::new(),
        }
    }

    pub(crate) fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    pub(crate) fn keep_nothing(mut self) -> Self {
        self.keep = Keep::Nothing;
        self
    }

    pub(crate) fn slow(mut self, disk: &Arc<Disk>) -> Self {
        self.source = Source::Slow(Arc::clone(disk));
        self
    }

    pub(crate) fn panics_at(mut self, item: usize) -> Self {
        self.source = Source::Panics(item);
        self
    }

    pub(crate) fn watch(&mut self, handover: &Arc<Handover<Self>>) {
        self.watched = Arc::downgrade(handover);
    }

    /// Returns the next item for a hop that has sent the first `position` items, or `None` at the end.
    pub(crate) fn poll_next(&mut self, position: usize, waker: &Waker) -> Poll<Option<usize>> {
        if position < self.kept {
            return Poll::Ready(Some(position));
        }
        if self.read == self.length {
            return Poll::Ready(None);
        }
        match &self.source {
            Source::Slow(disk) if disk.poll(waker).is_pending() => return Poll::Pending,
            // Without the message that a `panic!` prints, in every interleaving.
            Source::Panics(item) if *item == self.read => {
                panic::resume_unwind(Box::new(TapePanicked));
            }
            Source::Ready | Source::Slow(_) | Source::Panics(_) => {}
        }
        self.read += 1;
        self.progress = match (self.keep, self.progress) {
            (Keep::Items, Progress::Unread | Progress::Kept) => Progress::Kept,
            (Keep::Items, Progress::Gone) | (Keep::Nothing, _) => Progress::Gone,
        };
        if self.keep == Keep::Items {
            self.kept = self.read;
        }
        Poll::Ready(Some(self.read - 1))
    }

    pub(crate) fn is_all(&self, position: usize) -> bool {
        self.read == self.length && position >= self.kept
    }

    pub(crate) fn is_over(&self, position: usize) -> bool {
        let useless = match self.keep {
            Keep::Items => self.kept > self.limit,
            Keep::Nothing => self.kept > 0,
        };
        useless && position >= self.kept
    }

    /// Keeps nothing more.
    pub(crate) fn stop(&mut self) {
        self.keep = Keep::Nothing;
    }

    pub(crate) fn forget(&mut self) {
        self.keep = Keep::Nothing;
        self.kept = 0;
        self.progress = Progress::Gone;
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.drops.dropped.fetch_add(1, Ordering::SeqCst);
        if let Some(handover) = self.watched.upgrade() {
            handover.is_lent();
        }
    }
}

/// What a tape panics with.
pub(crate) struct TapePanicked;

/// Counts the tapes that were made, and those that were dropped.
#[derive(Default)]
pub(crate) struct Drops {
    made: AtomicUsize,
    dropped: AtomicUsize,
}

impl Drops {
    /// Panics unless every tape was dropped, and once. No other thread may have one.
    pub(crate) fn assert_all(&self) {
        let [made, dropped] = [&self.made, &self.dropped].map(|n| n.load(Ordering::SeqCst));
        assert_eq!(dropped, made, "tapes that were dropped, and made");
    }
}

/// What a slow source waits for.
pub(crate) struct Disk(Lock<(Reading, Option<Waker>)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    UnderWay,
    Done,
}

impl Disk {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Lock::new((Reading::UnderWay, None))))
    }

    pub(crate) fn has_read(&self) {
        let waker = {
            let mut state = self.0.lock();
            state.0 = Reading::Done;
            state.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, waker: &Waker) -> Poll<()> {
        let mut state = self.0.lock();
        match state.0 {
            Reading::Done => Poll::Ready(()),
            Reading::UnderWay => {
                state.1 = Some(waker.clone());
                Poll::Pending
            }
        }
    }
}
