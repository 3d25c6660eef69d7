//! The store in memory.

use std::{fmt, sync::Arc};

use quick_cache::{Weighter, sync::Cache};

use super::{Entry, RedirectStore};

/// What a map entry takes besides key and value: both pointers with their lengths and counts, the hash
/// table's share, the queue's node. `interop/stores` measures 106 to 116.
const OVERHEAD: u64 = 120;

/// A cache for one would keep none: a part of it is for those that were used once.
const FEWEST: usize = 2;

/// Keeps remembered redirects in memory, within bounds; which make room is decided as in S3-FIFO, so
/// that a crawl over many redirects does not wash out those that are used often.
pub(super) struct MemoryStore {
    cache: Cache<Box<str>, Arc<Entry>, Bytes>,
}

/// How many entries are kept in memory, and how many bytes they may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) entries: usize,
    pub(super) bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { entries: 10_000, bytes: 8 * 1024 * 1024 }
    }
}

/// Weighs entries in bytes. None weighs less than its share of all, so that the bound of bytes bounds
/// their number too.
#[derive(Clone)]
struct Bytes {
    share: u64,
}

impl Weighter<Box<str>, Arc<Entry>> for Bytes {
    fn weight(&self, key: &Box<str>, entry: &Arc<Entry>) -> u64 {
        let bytes = OVERHEAD + key.len() as u64 + entry.size() as u64;
        bytes.max(self.share)
    }
}

impl MemoryStore {
    pub(super) fn new(bounds: Bounds) -> Self {
        let entries = bounds.entries.max(FEWEST);
        let share = bounds.bytes.div_ceil(entries as u64).max(1);
        Self { cache: Cache::with_weighter(entries, bounds.bytes, Bytes { share }) }
    }
}

impl RedirectStore for MemoryStore {
    fn get(&self, key: &str) -> Option<Arc<Entry>> {
        self.cache.get(key)
    }

    fn put(&self, key: &str, entry: Arc<Entry>) {
        self.cache.insert(key.into(), entry);
    }

    fn remove(&self, key: &str) {
        self.cache.remove(key);
    }

    fn retain(&self, keep: &mut dyn FnMut(&str, &Entry) -> bool) {
        // Its closure may not change anything, ours may.
        let keep = std::cell::RefCell::new(keep);
        self.cache.retain(|key, entry| (*keep.borrow_mut())(key, entry));
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::Target;

    fn entry(length: usize) -> Arc<Entry> {
        let uri = format!("https://b.test/{}", "y".repeat(length));
        let target = Target::new(uri.parse().unwrap(), None).unwrap();
        Arc::new(Entry::new(target, UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(60)))
    }

    fn count(store: &MemoryStore) -> (usize, u64) {
        let (mut entries, mut bytes) = (0, 0);
        store.retain(&mut |key, entry| {
            entries += 1;
            bytes += (key.len() + entry.size()) as u64;
            true
        });
        (entries, bytes)
    }

    #[test]
    fn what_is_kept_is_found_until_it_is_removed() {
        let store = MemoryStore::new(Bounds::default());
        assert_eq!(store.get("https://a.test/"), None);
        store.put("https://a.test/", entry(1));
        store.put("https://a.test/x", entry(2));
        store.put("https://a.test/", entry(3));
        assert_eq!(store.get("https://a.test/"), Some(entry(3)));
        assert_eq!(count(&store).0, 2);
        store.remove("https://a.test/");
        assert_eq!(store.get("https://a.test/"), None);
        assert_eq!(store.get("https://a.test/x"), Some(entry(2)));
        store.retain(&mut |key, _| key != "https://a.test/x");
        assert_eq!(count(&store), (0, 0));
    }

    #[test]
    fn neither_bound_is_passed() {
        let table = [(100, 1 << 20, 10), (10_000, 20_000, 10), (100, 100_000, 2000), (2, 1000, 1)];
        for (entries, bytes, length) in table {
            let store = MemoryStore::new(Bounds { entries, bytes });
            for n in 0..1000 {
                store.put(&format!("https://a.test/{n}"), entry(length));
            }
            let (kept, size) = count(&store);
            assert!(kept > 0, "{entries} {bytes}: nothing is kept");
            assert!(kept <= entries, "{entries} {bytes}: {kept}");
            assert!(size <= bytes, "{entries} {bytes}: {size} bytes");
        }
    }

    /// What is larger than all that may be kept is not kept.
    #[test]
    fn a_bound_of_nothing_keeps_nothing() {
        let store = MemoryStore::new(Bounds { entries: 10, bytes: 0 });
        store.put("https://a.test/", entry(1));
        assert_eq!(count(&store).0, 0);
    }
}
