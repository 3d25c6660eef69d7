//! What is done to a shared store in the background.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::runtime::Handle;

use super::{
    Change, Changes, SharedStore,
    breaker::FAILURES,
    fleet::Fleet,
    queue::Op,
    time::{sleep, within},
};
use crate::policy::permanent::forgotten::Moment;

/// So many pauses of the breaker one change is tried for before it is given up: for fifteen seconds, if the
/// store has failed just now. The store may be well, and only refuse this one.
const ROUNDS: u32 = 5;

/// After the failures that would open the breaker, this long to begin with, as the breaker does.
const REFUSED: Duration = Duration::from_secs(1);

/// How often a store that is left alone is looked at.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long it may take to listen to a store, to read all of it, or to clear it. No request waits for
/// that.
const WHOLE: Duration = Duration::from_secs(5);

/// After so many entries others get a turn: to authenticate one takes some microseconds.
const ENTRIES_PER_TURN: usize = 32;

const SHORTEST_PAUSE: Duration = Duration::from_millis(250);

const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Notes that nothing runs any more, also where a runtime has dropped it.
struct Running<S: SharedStore>(Arc<Fleet<S>>);

impl<S: SharedStore> Drop for Running<S> {
    fn drop(&mut self) {
        self.0.stopped();
    }
}

/// Begins to write and to listen, until the queue is closed.
pub(super) fn start<S: SharedStore>(runtime: &Handle, fleet: Arc<Fleet<S>>) {
    let running = Running(fleet);
    runtime.spawn(async move {
        let Running(fleet) = &running;
        // The writer ends when the memory is gone and what it has learned is written.
        until(write(fleet), listen(fleet)).await;
    });
}

/// Does what is queued.
async fn write<S: SharedStore>(fleet: &Fleet<S>) {
    while let Some(op) = fleet.queue.first().await {
        let is_done = attempts(fleet, &op).await;
        fleet.queue.pop();
        if !is_done {
            fleet.give_up();
        }
    }
}

async fn attempts<S: SharedStore>(fleet: &Fleet<S>, op: &Op) -> bool {
    let (mut rounds, mut failures) = (0, 0);
    let mut pause = REFUSED;
    while rounds < ROUNDS {
        while !fleet.breaker.may_try(Instant::now()) {
            if fleet.queue.is_closed() {
                // Nobody is left who would wait for the store.
                return false;
            }
            sleep(PATIENCE).await;
        }
        if fleet.attempt(time_for(fleet, op), carry_out(fleet, op)).await.is_some() {
            return true;
        }
        failures += 1;
        if fleet.breaker.is_open() {
            rounds += 1;
        } else if failures >= FAILURES {
            // Reads succeed, so that the store is not left alone, and this change does not.
            rounds += 1;
            if rounds < ROUNDS && is_closed_within(fleet, pause).await {
                return false;
            }
            pause *= 2;
        }
    }
    false
}

/// Waits, unless nobody is left who would wait for the store.
async fn is_closed_within<S: SharedStore>(fleet: &Fleet<S>, pause: Duration) -> bool {
    let mut waited = Duration::ZERO;
    while waited < pause {
        if fleet.queue.is_closed() {
            return true;
        }
        sleep(PATIENCE).await;
        waited += PATIENCE;
    }
    false
}

fn time_for<S: SharedStore>(fleet: &Fleet<S>, op: &Op) -> Duration {
    match op {
        Op::Clear => WHOLE,
        Op::Put(..) | Op::Remove(_) => fleet.usage.timeout,
    }
}

async fn carry_out<S: SharedStore>(fleet: &Fleet<S>, op: &Op) -> Result<(), S::Error> {
    match op {
        Op::Remove(key) => fleet.store.remove(key).await,
        Op::Clear => fleet.store.clear().await,
        Op::Put(key, entry, ttl) => match fleet.seal.seal(key, entry) {
            Some(value) => fleet.store.put(key, value, *ttl).await,
            // It cannot be written down, and stays here.
            None => Ok(()),
        },
    }
}

/// Takes in what the store holds, and what others change.
async fn listen<S: SharedStore>(fleet: &Fleet<S>) {
    let mut pause = SHORTEST_PAUSE;
    loop {
        // First listen, then read: so nothing is missed between.
        let changes = within(WHOLE, fleet.store.listen()).await;
        if let Some(Ok(mut changes)) = changes {
            let began = fleet.begin();
            if let Some(Ok(all)) = within(WHOLE, fleet.store.load(fleet.usage.most)).await {
                learn(fleet, &all, began).await;
                pause = SHORTEST_PAUSE;
                while let Ok(change) = changes.next().await {
                    apply(fleet, change);
                }
            }
        }
        fleet.lost();
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn learn<S: SharedStore>(fleet: &Fleet<S>, all: &[(String, Vec<u8>)], began: Moment) {
    for some in all.chunks(ENTRIES_PER_TURN) {
        some.iter().for_each(|(key, value)| fleet.learn(key, value, began));
        tokio::task::yield_now().await;
    }
}

fn apply<S: SharedStore>(fleet: &Fleet<S>, change: Change) {
    match change {
        Change::Put { key, value } => fleet.learn(&key, &value, fleet.begin()),
        Change::Removed { key } => fleet.forget(&key),
        Change::Cleared => fleet.forget_all(),
    }
}

/// Goes on with both until the first has ended.
async fn until(first: impl Future<Output = ()>, second: impl Future<Output = ()>) {
    use std::{future::poll_fn, pin::pin, task::Poll};

    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|cx| {
        if first.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        // It never ends by itself.
        second.as_mut().poll(cx)
    })
    .await;
}
