//! Where remembered redirects are kept.

use std::sync::Arc;

use super::Entry;

/// Keeps remembered redirects for a [`PermanentCache`](super::PermanentCache).
///
/// It is called on the way of every request, so it must not wait: for what is far away there is
/// `SharedStore`, with the feature `shared-store`. It need not understand what it keeps: an entry is
/// checked each time it is used, so that a store that holds anything at all leads nobody astray.
///
/// A key is one string: the URI in a normal form, and before it, with a space between, the partition,
/// if there is one.
///
/// ```
/// use std::{collections::HashMap, sync::{Arc, RwLock}};
///
/// use tower_follow_redirect::policy::permanent::{Entry, PermanentCache, RedirectStore};
///
/// #[derive(Default)]
/// struct Map(RwLock<HashMap<Box<str>, Arc<Entry>>>);
///
/// impl RedirectStore for Map {
///     fn get(&self, key: &str) -> Option<Arc<Entry>> {
///         self.0.read().unwrap().get(key).cloned()
///     }
///
///     fn put(&self, key: &str, entry: Arc<Entry>) {
///         self.0.write().unwrap().insert(key.into(), entry);
///     }
///
///     fn remove(&self, key: &str) {
///         self.0.write().unwrap().remove(key);
///     }
///
///     fn retain(&self, keep: &mut dyn FnMut(&str, &Entry) -> bool) {
///         self.0.write().unwrap().retain(|key, entry| keep(key, entry));
///     }
/// }
///
/// let cache = PermanentCache::builder().store(Map::default()).build();
/// ```
pub trait RedirectStore: Send + Sync + 'static {
    /// Returns what is kept under `key`.
    fn get(&self, key: &str) -> Option<Arc<Entry>>;

    /// Keeps `entry` under `key`, in place of what was there.
    fn put(&self, key: &str, entry: Arc<Entry>);

    /// Drops what is kept under `key`.
    fn remove(&self, key: &str);

    /// Drops whatever `keep` returns `false` for. It is called once for each entry.
    fn retain(&self, keep: &mut dyn FnMut(&str, &Entry) -> bool);
}

/// Whoever makes a store may keep a hold of it.
impl<S: RedirectStore + ?Sized> RedirectStore for Arc<S> {
    fn get(&self, key: &str) -> Option<Arc<Entry>> {
        (**self).get(key)
    }

    fn put(&self, key: &str, entry: Arc<Entry>) {
        (**self).put(key, entry);
    }

    fn remove(&self, key: &str) {
        (**self).remove(key);
    }

    fn retain(&self, keep: &mut dyn FnMut(&str, &Entry) -> bool) {
        (**self).retain(keep);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::{
        Target,
        policy::permanent::{PermanentCache, memory::MemoryStore},
    };

    #[test]
    fn a_store_that_is_shared_is_the_same_store() {
        let store = Arc::new(MemoryStore::new(Default::default()));
        let cache = PermanentCache::builder().store(Arc::clone(&store)).build();
        let target = Target::new("https://b.test/".parse().unwrap(), None).unwrap();
        let entry = Entry::new(target, UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(60));
        let (x, y) = ("https://a.test/x", "https://a.test/y");
        for key in [x, y] {
            cache.inner.put(key, entry.clone());
            assert_eq!(store.get(key), Some(Arc::new(entry.clone())), "{key}");
            assert!(cache.inner.get(key).is_some(), "{key}");
        }
        cache.remove(&x.parse().unwrap());
        assert_eq!(store.get(x), None);
        assert!(store.get(y).is_some());
        cache.clear();
        assert_eq!(store.get(y), None);
    }
}
