//! A store that the runner reaches into.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tower_follow_redirect::policy::permanent::{Entry, RedirectStore};

/// Keeps what it is given, unchecked. Clones are one store.
#[derive(Clone, Default)]
pub struct Shelf {
    entries: Arc<Mutex<BTreeMap<Box<str>, Arc<Entry>>>>,
    is_down: Arc<AtomicBool>,
}

impl Shelf {
    /// Sets whether it answers nothing and takes nothing.
    pub fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    fn if_up<R: Default>(&self, run: impl FnOnce(&mut BTreeMap<Box<str>, Arc<Entry>>) -> R) -> R {
        if self.is_down.load(Ordering::SeqCst) {
            return R::default();
        }
        run(&mut self.entries.lock().unwrap())
    }
}

impl RedirectStore for Shelf {
    fn get(&self, key: &str) -> Option<Arc<Entry>> {
        self.if_up(|entries| entries.get(key).cloned())
    }

    fn put(&self, key: &str, entry: Arc<Entry>) {
        self.if_up(|entries| {
            entries.insert(key.into(), entry);
        });
    }

    fn remove(&self, key: &str) {
        self.if_up(|entries| {
            entries.remove(key);
        });
    }

    fn retain(&self, keep: &mut dyn FnMut(&str, &Entry) -> bool) {
        self.if_up(|entries| entries.retain(|key, entry| keep(key, entry)));
    }
}
