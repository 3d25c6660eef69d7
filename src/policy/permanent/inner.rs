//! What all clones of a memory share.

use std::{
    cell::RefCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    Entry, PermanentCacheBuilder, RedirectStore, builder::Partition, clock::Clock,
    forgotten::Forgotten, key::KeysOfOrigin, options::Options, others::Others,
};

/// What all clones of a memory share.
pub(super) struct Inner {
    pub(super) options: Options,
    pub(super) clock: Clock,
    pub(super) partition: Option<Partition>,
    store: Arc<dyn RedirectStore>,
    /// Most clients never learn anything, and need no look at store and call to see that.
    has_learned: AtomicBool,
    pub(super) forgotten: Forgotten,
    pub(super) others: Others,
}

impl Inner {
    pub(super) fn from_builder(mut builder: PermanentCacheBuilder) -> Arc<Self> {
        let (store, may_hold_something) = builder.take_store();
        let inner = Arc::new_cyclic(|me| {
            let others = builder.others(me);
            let PermanentCacheBuilder { options, clock, partition, .. } = builder;
            let has_learned = AtomicBool::new(may_hold_something || others.exist());
            let forgotten = Forgotten::default();
            Self { options, clock, partition, store, has_learned, forgotten, others }
        });
        inner.others.run();
        inner
    }

    /// Returns whether anything was ever stored, or may be at the end of a call.
    pub(super) fn has_learned(&self) -> bool {
        self.has_learned.load(Ordering::Relaxed)
    }

    pub(super) fn note_learned(&self) {
        self.has_learned.store(true, Ordering::Relaxed);
    }

    pub(super) fn get(&self, key: &str) -> Option<Arc<Entry>> {
        self.store.get(key)
    }

    /// Remembers what this process has learned.
    ///
    /// Not in place of what is newer ([RFC 9111 §4]): a slow call, or a snapshot, may come late.
    ///
    /// [RFC 9111 §4]: https://www.rfc-editor.org/rfc/rfc9111#section-4
    pub(super) fn put(&self, key: &str, entry: Entry) {
        if !self.is_news(key, &entry) {
            return;
        }
        let entry = Arc::new(entry);
        self.keep(key, &entry);
        if self.others.exist() {
            let ttl = Duration::from_secs(entry.remaining(self.clock.now()));
            self.others.put(key, &entry, ttl);
        }
    }

    /// Returns whether no newer redirect is known.
    pub(super) fn is_news(&self, key: &str, entry: &Entry) -> bool {
        self.get(key).is_none_or(|known| known.stored_at() <= entry.stored_at())
    }

    /// Remembers what is written elsewhere already.
    pub(super) fn keep(&self, key: &str, entry: &Arc<Entry>) {
        self.store.put(key, Arc::clone(entry));
        self.note_learned();
    }

    /// Forgets what this process has found to be wrong.
    pub(super) fn remove(&self, key: &str) {
        self.forgotten.note(key);
        self.forget(key);
        self.others.remove(key);
    }

    /// Forgets what is forgotten elsewhere already, or needs not be.
    pub(super) fn forget(&self, key: &str) {
        self.store.remove(key);
    }

    pub(super) fn remove_origin(&self, keys: &KeysOfOrigin) {
        self.retain(&mut |key, _| !keys.contain(key));
    }

    pub(super) fn clear(&self) {
        self.forgotten.note_all();
        self.forget_each(&mut |_, _| false);
        self.others.clear();
    }

    pub(super) fn retain(&self, keep: &mut dyn FnMut(&str, &Entry) -> bool) {
        let mut removed = Vec::<Box<str>>::new();
        self.forget_each(&mut |key, entry| {
            let is_kept = keep(key, entry);
            if !is_kept {
                self.forgotten.note(key);
            }
            if !is_kept && self.others.exist() {
                removed.push(key.into());
            }
            is_kept
        });
        removed.iter().for_each(|key| self.others.remove(key));
    }

    pub(super) fn forget_each(&self, keep: &mut dyn FnMut(&str, &Entry) -> bool) {
        self.store.retain(keep);
    }

    pub(super) fn for_each(&self, see: &mut dyn FnMut(&str, &Entry)) {
        self.store.retain(&mut |key, entry| {
            see(key, entry);
            true
        });
    }
}

#[cfg(any(feature = "snapshot", feature = "shared-store"))]
impl Inner {
    /// Checks what is written elsewhere: anybody may have written it.
    pub(super) fn admit(
        &self,
        written: super::record::Written,
    ) -> Result<(String, Entry), super::usable::NotUsed> {
        let super::record::Written { key, source, entry } = written;
        let entry = super::usable::admitted(entry, &source, self.clock.now(), &self.options)?;
        Ok((key, entry))
    }
}

/// Lends a buffer for a key, which lasts as long as the thread: to look one up costs no allocation.
pub(super) fn with_buffer<T>(use_it: impl FnOnce(&mut String) -> T) -> T {
    thread_local!(static BUFFER: RefCell<String> = const { RefCell::new(String::new()) });
    BUFFER.with(|buffer| match buffer.try_borrow_mut() {
        Ok(mut buffer) => use_it(&mut buffer),
        // A store of one's own may call back.
        Err(_) => use_it(&mut String::new()),
    })
}
