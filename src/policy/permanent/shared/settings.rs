//! How a memory shares what it remembers.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    SharedStore,
    fleet::{Fleet, Shared},
};

/// A [`SharedStore`], and how a [`PermanentCache`](super::super::PermanentCache) uses it.
///
/// By default requests never wait for the store: it is read as a whole when the memory begins, listened
/// to, and written to in the background ([`read_through`](Self::read_through) changes that). That needs
/// a tokio runtime with a clock; without one the memory is as if it shared nothing.
///
/// The key authenticates entries (HMAC-SHA-256). All processes of a fleet have the same one, and nobody
/// else: then a store that lies redirects nobody. It may withhold what it was given, or give it again
/// until its time is over.
///
/// A store that fails, or does not answer in [time](Self::timeout), is left alone for a while: after
/// three failures in a row for one second, then for two, up to thirty. What happens meanwhile is kept
/// in a bounded [queue](Self::queue). A change is dropped where that is full, or after it was tried
/// for five such pauses; [`shared_status`] counts it. What the store was not told to forget, it
/// forgets when its time is over.
///
/// A process has one memory for each store: clones of a `SharedCache`, and of a store, are one sender to the
/// others, so two memories that are built with them in one process do not hear of each other.
///
/// [`shared_status`]: super::super::PermanentCache::shared_status
///
/// ```
/// use std::time::Duration;
/// use tower_follow_redirect::policy::permanent::{
///     PermanentCache,
///     shared::{SharedCache, SharedStore},
/// };
///
/// /// The key comes from where the fleet keeps its secrets.
/// fn memory(store: impl SharedStore, key: [u8; 32]) -> PermanentCache {
///     let shared = SharedCache::new(store, key).timeout(Duration::from_millis(20)).queue(1000);
///     PermanentCache::builder().shared(shared).build()
/// }
/// ```
#[derive(Clone)]
#[must_use = "it does nothing before a memory is built with it"]
pub struct SharedCache {
    make: Arc<dyn Fn(Usage) -> Arc<dyn Shared> + Send + Sync>,
    usage: Usage,
}

/// How a shared store is used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) reading: Reading,
    pub(super) timeout: Duration,
    pub(super) queue: usize,
    /// How many redirects are read at the beginning.
    pub(super) most: usize,
}

/// When a shared store is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    AtTheBeginning,
    /// And for each request whose URI is not known.
    OnDemand,
}

impl SharedCache {
    /// Shares through `store` what is authenticated with `key`.
    pub fn new(store: impl SharedStore, key: [u8; 32]) -> Self {
        let store = Arc::new(store);
        Self {
            make: Arc::new(move |usage| Arc::new(Fleet::new(Arc::clone(&store), &key, usage))),
            usage: Usage {
                reading: Reading::AtTheBeginning,
                timeout: Duration::from_millis(50),
                queue: 1024,
                most: 0,
            },
        }
    }

    /// Asks the store, too, about each URI that this process knows nothing of: the first request in a
    /// minute waits for the answer, at most as long as the [timeout](Self::timeout).
    ///
    /// That is worth it where more of a fleet's first requests are redirected than the store's answer
    /// takes of a redirect's time.
    pub fn read_through(mut self) -> Self {
        self.usage.reading = Reading::OnDemand;
        self
    }

    /// Sets how long the store may take for one key, by default 50 ms.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.usage.timeout = timeout;
        self
    }

    /// Sets how many changes may wait to be written, by default 1024; more are dropped.
    pub fn queue(mut self, changes: usize) -> Self {
        self.usage.queue = changes;
        self
    }

    /// Begins to share, for a memory of so many entries.
    pub(in crate::policy::permanent) fn join(&self, entries: usize) -> Arc<dyn Shared> {
        (self.make)(Usage { most: entries, ..self.usage })
    }
}

impl fmt::Debug for SharedCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedCache").field("usage", &self.usage).finish_non_exhaustive()
    }
}
