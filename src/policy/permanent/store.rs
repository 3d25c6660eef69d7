//! Where remembered redirects are kept.

use std::sync::Arc;

use super::Entry;

/// Keeps remembered redirects for a [`PermanentCache`](super::PermanentCache).
///
/// It is called on the way of every request, so it must not wait: for what is far away there is
/// `SharedStore`, with the feature `shared-store`. It need not understand what it keeps: an entry is
/// checked each time it is used, so that a store that holds anything at all leads nobody astray.
///
/// A key is one string: the URI in a normal form, and before it, with a space between, the partition, if
/// there is one.
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
