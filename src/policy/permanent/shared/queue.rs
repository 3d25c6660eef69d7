//! What is still to be written to a shared store.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use crate::policy::permanent::Entry;

/// What is to be done to a shared store.
#[derive(Clone)]
pub(super) enum Op {
    /// An entry that is fresh for so long.
    Put(Box<str>, Arc<Entry>, Duration),
    Remove(Box<str>),
    Clear,
}

/// A bounded queue. Whoever fills it never waits.
pub(super) struct Queue {
    limit: usize,
    state: Mutex<State>,
    /// Something was added, or it was closed.
    filled: Notify,
    /// Something was done.
    done: Notify,
}

#[derive(Default)]
struct State {
    ops: VecDeque<Op>,
    closing: bool,
    /// How many ops were ever added, and how many of them are done.
    added: u64,
    done: u64,
}

/// It is full.
#[derive(Debug)]
pub(super) struct Full;

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        let (filled, done) = (Notify::new(), Notify::new());
        Self { limit, state: Mutex::default(), filled, done }
    }

    /// Adds what is to be done last.
    pub(super) fn push(&self, op: Op) -> Result<(), Full> {
        let mut state = self.lock();
        if state.ops.len() >= self.limit {
            return Err(Full);
        }
        state.ops.push_back(op);
        state.added += 1;
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for what is to be done first. It stays there until it is [done](Self::pop). `None` is the
    /// end: it was closed, and nothing is left.
    pub(super) async fn first(&self) -> Option<Op> {
        loop {
            let filled = self.filled.notified();
            {
                let state = self.lock();
                match state.ops.front() {
                    Some(op) => return Some(op.clone()),
                    None if state.closing => return None,
                    None => {}
                }
            }
            filled.await;
        }
    }

    /// Returns whether the store is still to be told that what it keeps under `key` is wrong.
    pub(super) fn contradicts(&self, key: &str) -> bool {
        self.lock().ops.iter().any(|op| match op {
            Op::Clear => true,
            Op::Remove(removed) => **removed == *key,
            Op::Put(..) => false,
        })
    }

    /// Removes what was first: it is done, or given up.
    pub(super) fn pop(&self) {
        let mut state = self.lock();
        if state.ops.pop_front().is_some() {
            state.done += 1;
        }
        drop(state);
        self.wake();
    }

    /// Waits until all is done that was added so far, or nobody is there any more who does it.
    pub(super) async fn flushed(&self, is_served: impl Fn() -> bool) {
        let added = self.lock().added;
        loop {
            let done = self.done.notified();
            if self.lock().done >= added || !is_served() {
                return;
            }
            done.await;
        }
    }

    /// Lets those look again who wait until it is [flushed](Self::flushed).
    pub(super) fn wake(&self) {
        self.done.notify_waiters();
    }

    /// Lets the queue end: what is left is still to be done.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.filled.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closing
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
