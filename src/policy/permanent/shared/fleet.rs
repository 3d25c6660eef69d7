//! A memory's side of a shared store.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;
use tokio::runtime::Handle;

use super::{
    SharedStatus, SharedStore,
    breaker::Breaker,
    queue::{Op, Queue},
    seal::Seal,
    settings::{Reading, Usage},
    time::within,
    worker,
};
use crate::{
    policy::permanent::{Entry, forgotten::Moment, inner::Inner},
    timer::Timer,
};

/// For how long a key that the store did not know, or was told to forget, is not asked for again.
const ABSENCE: Duration = Duration::from_secs(60);

/// How many such keys are noted.
const ABSENT: usize = 10_000;

/// What a memory does with its store, whatever that is.
pub(in crate::policy::permanent) trait Shared: Send + Sync {
    /// Begins to read and write for `memory`, or goes on where the runtime has ended that did.
    fn run(self: Arc<Self>, memory: &Weak<Inner>);

    fn put(&self, key: &str, entry: &Arc<Entry>, ttl: Duration);

    fn remove(&self, key: &str);

    fn clear(&self);

    /// Returns whether the store is asked about a key that the memory does not know.
    fn is_worth_asking(&self, key: &str) -> bool;

    /// Asks for a key, and puts what is found into the memory.
    fn fetch(self: Arc<Self>, key: Box<str>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    fn flushed(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    fn status(&self) -> SharedStatus;

    /// The memory is gone.
    fn close(&self);
}

/// A shared store, and what is known of it.
pub(super) struct Fleet<S> {
    pub(super) store: Arc<S>,
    pub(super) seal: Seal,
    pub(super) usage: Usage,
    pub(super) breaker: Breaker,
    pub(super) queue: Queue,
    memory: OnceLock<Weak<Inner>>,
    /// Until when keys are not asked for.
    absent: Cache<Box<str>, Instant>,
    is_running: AtomicBool,
    /// How often it could have run since it did, but perhaps for a clock.
    clockless: AtomicU32,
    errors: AtomicU64,
    dropped: AtomicU64,
    rejected: AtomicU64,
}

impl<S: SharedStore> Fleet<S> {
    pub(super) fn new(store: Arc<S>, key: &[u8; 32], usage: Usage) -> Self {
        Self {
            store,
            seal: Seal::new(key),
            usage,
            breaker: Breaker::default(),
            queue: Queue::new(usage.queue),
            memory: OnceLock::new(),
            absent: Cache::new(ABSENT),
            is_running: AtomicBool::new(false),
            clockless: AtomicU32::new(0),
            errors: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
        }
    }

    pub(super) fn memory(&self) -> Option<Arc<Inner>> {
        self.memory.get()?.upgrade()
    }

    /// Makes one attempt on the store, within its time, and notes how that ended.
    pub(super) async fn attempt<T>(
        &self,
        time: Duration,
        attempt: impl Future<Output = Result<T, S::Error>> + Send,
    ) -> Option<T> {
        match within(time, attempt).await {
            Some(Ok(value)) => {
                self.breaker.succeeded();
                Some(value)
            }
            Some(Err(_)) | None => {
                self.errors.fetch_add(1, Ordering::Relaxed);
                self.breaker.failed(Instant::now());
                None
            }
        }
    }

    /// Returns when a reading begins: what is forgotten from then on is not learned from it.
    pub(super) fn begin(&self) -> Moment {
        self.memory().map(|memory| memory.forgotten.now()).unwrap_or_default()
    }

    /// Takes in what the store says of a key, in a reading that began then, if it is true and nothing newer is
    /// known.
    pub(super) fn learn(&self, key: &str, value: &[u8], began: Moment) {
        let Some(memory) = self.memory() else { return };
        if self.queue.contradicts(key) || memory.forgotten.since(began, key) {
            return;
        }
        let admitted = self.seal.open(key, value).and_then(|written| memory.admit(written).ok());
        let Some((_, entry)) = admitted else {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let is_older = |known: Arc<Entry>| entry.stored_at() < known.stored_at();
        if !memory.get(key).is_some_and(is_older) {
            memory.keep(key, &Arc::new(entry));
        }
        self.absent.remove(key);
    }

    /// Another process has forgotten a key.
    pub(super) fn forget(&self, key: &str) {
        if let Some(memory) = self.memory() {
            memory.forgotten.note(key);
            memory.forget(key);
        }
        self.miss(key);
    }

    pub(super) fn forget_all(&self) {
        if let Some(memory) = self.memory() {
            memory.forgotten.note_all();
            memory.forget_each(&mut |_, _| false);
        }
    }

    /// The store is not listened to any more.
    pub(super) fn lost(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn give_up(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    fn is_running(&self) -> bool {
        self.is_running.load(Ordering::Acquire)
    }

    pub(super) fn stopped(&self) {
        self.is_running.store(false, Ordering::Release);
        self.queue.wake();
    }

    fn push(&self, op: Op) {
        if self.queue.push(op).is_err() {
            self.give_up();
        }
    }

    /// Does not ask for a key for a while.
    fn miss(&self, key: &str) {
        if self.usage.reading == Reading::OnDemand {
            self.absent.insert(key.into(), Instant::now() + ABSENCE);
        }
    }
}

impl<S: SharedStore> Shared for Fleet<S> {
    fn run(self: Arc<Self>, memory: &Weak<Inner>) {
        if self.is_running() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        // To ask a runtime for a clock that it has not is dear, and prints a panic.
        let asked = self.clockless.fetch_add(1, Ordering::Relaxed);
        if asked != 0 && !asked.is_power_of_two() || !Timer::default().can_sleep() {
            return;
        }
        self.clockless.store(0, Ordering::Relaxed);
        if self.is_running.swap(true, Ordering::AcqRel) {
            return;
        }
        self.memory.get_or_init(|| Weak::clone(memory));
        worker::start(&runtime, self);
    }

    fn put(&self, key: &str, entry: &Arc<Entry>, ttl: Duration) {
        self.absent.remove(key);
        self.push(Op::Put(key.into(), Arc::clone(entry), ttl));
    }

    fn remove(&self, key: &str) {
        self.miss(key);
        self.push(Op::Remove(key.into()));
    }

    fn clear(&self) {
        self.push(Op::Clear);
    }

    fn is_worth_asking(&self, key: &str) -> bool {
        if self.usage.reading != Reading::OnDemand || !self.is_running() {
            return false;
        }
        let now = Instant::now();
        self.absent.get(key).is_none_or(|until| until <= now)
            && !self.queue.contradicts(key)
            && self.breaker.may_try(now)
    }

    fn fetch(self: Arc<Self>, key: Box<str>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let began = self.begin();
            match self.attempt(self.usage.timeout, self.store.get(&key)).await {
                Some(Some(value)) => {
                    self.learn(&key, &value, began);
                    let is_known = self.memory().is_some_and(|memory| memory.get(&key).is_some());
                    if !is_known {
                        self.miss(&key);
                    }
                }
                Some(None) => self.miss(&key),
                None => {}
            }
        })
    }

    fn flushed(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            self.queue.flushed(|| self.is_running()).await;
        })
    }

    fn status(&self) -> SharedStatus {
        SharedStatus {
            errors: self.errors.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            is_left_alone: self.breaker.is_open(),
        }
    }

    fn close(&self) {
        self.queue.close();
    }
}
