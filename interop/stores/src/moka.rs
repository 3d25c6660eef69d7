//! A cache of moka.

use std::{fmt, sync::Arc};

use moka::sync::Cache;
use tower_follow_redirect::policy::permanent::{Entry, RedirectStore};

/// Keeps remembered redirects in a cache of [moka](https://docs.rs/moka), within a bound of bytes.
///
/// It lets nothing expire by itself: what is stale is dropped when it is next asked for.
///
/// ```
/// use tower_follow_redirect::policy::permanent::PermanentCache;
/// use tower_follow_redirect_stores::Moka;
///
/// let cache = PermanentCache::builder().store(Moka::new(8 * 1024 * 1024)).build();
/// ```
pub struct Moka(Cache<Box<str>, Arc<Entry>>);

impl Moka {
    /// Makes a store of up to `bytes`, as far as [`Entry::size`] and the length of the keys say.
    pub fn new(bytes: u64) -> Self {
        let cache = Cache::<Box<str>, Arc<Entry>>::builder()
            .max_capacity(bytes)
            .weigher(|key, entry| u32::try_from(key.len() + entry.size()).unwrap_or(u32::MAX));
        Self(cache.build())
    }

    /// Does now what moka would do a little later: put in order what was read and written.
    pub fn settle(&self) {
        self.0.run_pending_tasks();
    }
}

impl RedirectStore for Moka {
    fn get(&self, key: &str) -> Option<Arc<Entry>> {
        self.0.get(key)
    }

    fn put(&self, key: &str, entry: Arc<Entry>) {
        self.0.insert(key.into(), entry);
    }

    fn remove(&self, key: &str) {
        self.0.invalidate(key);
    }

    /// moka's own `invalidate_entries_if` works later, and with a closure that lives as long.
    fn retain(&self, keep: &mut dyn FnMut(&str, &Entry) -> bool) {
        for (key, entry) in &self.0 {
            if !keep(&key, &entry) {
                self.0.invalidate(&**key);
            }
        }
    }
}

/// Shows nothing of what is remembered.
impl fmt::Debug for Moka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moka").finish_non_exhaustive()
    }
}
