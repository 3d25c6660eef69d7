//! The other processes that share a memory: there are none without the feature `shared-store`.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::{Entry, inner::Inner};
use crate::policy::Recollection;

/// What a memory has to do with others.
pub(super) struct Others {
    #[cfg(feature = "shared-store")]
    pub(super) shared: Option<Arc<dyn super::shared::Shared>>,
    #[cfg(feature = "shared-store")]
    memory: Weak<Inner>,
}

#[cfg(feature = "shared-store")]
impl Others {
    pub(super) fn of(
        memory: &Weak<Inner>,
        shared: Option<&super::shared::SharedCache>,
        entries: usize,
    ) -> Self {
        let shared = shared.map(|shared| shared.join(entries));
        Self { shared, memory: Weak::clone(memory) }
    }

    pub(super) fn exist(&self) -> bool {
        self.shared.is_some()
    }

    /// Begins to hear of them, unless that has begun.
    pub(super) fn run(&self) {
        if let Some(shared) = &self.shared {
            Arc::clone(shared).run(&self.memory);
        }
    }

    pub(super) fn put(&self, key: &str, entry: &Arc<Entry>, ttl: Duration) {
        if let Some(shared) = &self.shared {
            shared.put(key, entry, ttl);
        }
    }

    pub(super) fn remove(&self, key: &str) {
        if let Some(shared) = &self.shared {
            shared.remove(key);
        }
    }

    pub(super) fn clear(&self) {
        if let Some(shared) = &self.shared {
            shared.clear();
        }
    }

    /// Asks what they know of a key that is not known here, if that is worth it.
    pub(super) fn ask(&self, key: &str) -> Option<Recollection> {
        let shared = self.shared.as_ref().filter(|shared| shared.is_worth_asking(key))?;
        Some(Recollection::new(Arc::clone(shared).fetch(key.into())))
    }
}

#[cfg(feature = "shared-store")]
impl Drop for Others {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.close();
        }
    }
}

#[cfg(not(feature = "shared-store"))]
impl Others {
    pub(super) fn of(_: &Weak<Inner>) -> Self {
        Self {}
    }

    pub(super) fn exist(&self) -> bool {
        false
    }

    pub(super) fn run(&self) {}

    pub(super) fn put(&self, _: &str, _: &Arc<Entry>, _: Duration) {}

    pub(super) fn remove(&self, _: &str) {}

    pub(super) fn clear(&self) {}

    pub(super) fn ask(&self, _: &str) -> Option<Recollection> {
        None
    }
}
