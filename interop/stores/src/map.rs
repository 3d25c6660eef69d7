//! A standard map behind a lock.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use tower_follow_redirect::policy::permanent::{Entry, RedirectStore};

/// Keeps remembered redirects in a standard map, all of them: it has no bound.
///
/// ```
/// use tower_follow_redirect::policy::permanent::PermanentCache;
/// use tower_follow_redirect_stores::Map;
///
/// let cache = PermanentCache::builder().store(Map::default()).build();
/// ```
#[derive(Default)]
pub struct Map(RwLock<HashMap<Box<str>, Arc<Entry>>>);

// A panic of `keep` leaves the map whole, so that a poisoned lock says nothing.
impl RedirectStore for Map {
    fn get(&self, key: &str) -> Option<Arc<Entry>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn put(&self, key: &str, entry: Arc<Entry>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key.into(), entry);
    }

    fn remove(&self, key: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    fn retain(&self, keep: &mut dyn FnMut(&str, &Entry) -> bool) {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        map.retain(|key, entry| keep(key, entry));
    }
}

/// Shows nothing of what is remembered.
impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map").finish_non_exhaustive()
    }
}
