//! The memory itself.

use std::{
    cell::RefCell,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::Uri;

use super::{
    Entry, PermanentCacheBuilder, RedirectStore, Source,
    builder::Partition,
    clock::Clock,
    key::{self, KeysOfOrigin},
    options::Options,
};

/// Remembers permanent redirects, so that the next request goes to the new URI at once.
///
/// It is off unless it is added to the policy, where it has no opinion on whether a redirect is followed:
///
/// ```
/// use tower_follow_redirect::{FollowRedirectLayer, Policy};
/// use tower_follow_redirect::policy::{HttpsOnly, permanent::PermanentCache};
///
/// let cache = PermanentCache::new();
/// let layer = FollowRedirectLayer::new().with_policy(HttpsOnly.and(cache.clone()));
/// ```
///
/// The [module](super) says when a redirect is remembered, used and forgotten. Clones share one memory.
///
/// A request's `Cache-Control` (`no-cache`, `no-store`, `max-age`, `min-fresh`) and `Pragma: no-cache`
/// are heeded, and so is the request extension [`RedirectCacheMode`]. A request with a
/// [`RequestPolicy`](crate::policy::RequestPolicy) neither uses the memory nor changes it, unless that
/// policy has a clone of it.
#[derive(Clone)]
pub struct PermanentCache {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) options: Options,
    pub(super) clock: Clock,
    pub(super) partition: Option<Partition>,
    store: Arc<dyn RedirectStore>,
    /// Most clients never remember anything, and need no look at the store to see that.
    has_stored: AtomicBool,
}

/// How a request uses a [`PermanentCache`]: a request extension.
///
/// It holds for the whole call, and so comes along to every origin.
///
/// ```
/// use http::Request;
/// use tower_follow_redirect::policy::permanent::RedirectCacheMode;
///
/// let request = Request::get("https://a.test/").extension(RedirectCacheMode::Reload).body(())?;
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectCacheMode {
    /// What is remembered is used, and what is learned is remembered.
    #[default]
    Default,
    /// Neither. What the answers contradict is forgotten all the same.
    Bypass,
    /// What is remembered is not used, but learned anew.
    Reload,
}

impl PermanentCache {
    /// Makes a memory of up to 10,000 redirects and 8 MiB, with the defaults that the
    /// [module](super) lists.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Begins to set up a memory.
    pub fn builder() -> PermanentCacheBuilder {
        PermanentCacheBuilder::default()
    }

    pub(super) fn from_builder(mut builder: PermanentCacheBuilder) -> Self {
        let (store, has_stored) = builder.take_store();
        let PermanentCacheBuilder { options, clock, partition, .. } = builder;
        let has_stored = AtomicBool::new(has_stored);
        Self { inner: Arc::new(Inner { options, clock, partition, store, has_stored }) }
    }

    /// Forgets the redirect of `uri`, where requests have no partition.
    pub fn remove(&self, uri: &Uri) {
        self.remove_from(None, uri);
    }

    /// Forgets the redirect of `uri` in one partition.
    pub fn remove_from(&self, partition: Option<&str>, uri: &Uri) {
        with_buffer(|key| {
            if key::key(partition, uri, key) {
                self.inner.remove(key);
            }
        });
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.retain(|_, _| false);
    }

    /// Forgets each redirect that `keep` returns `false` for.
    ///
    /// ```
    /// use tower_follow_redirect::policy::permanent::PermanentCache;
    ///
    /// # let cache = PermanentCache::new();
    /// cache.retain(|source, _| !source.uri().starts_with("https://a.test/"));
    /// ```
    pub fn retain(&self, mut keep: impl FnMut(Source<'_>, &Entry) -> bool) {
        self.inner.retain(&mut |key, entry| keep(Source::of(key), entry));
    }

    /// Returns how many redirects are kept, stale ones too. It looks at each of them.
    pub fn len(&self) -> usize {
        let mut count = 0;
        self.inner.store.retain(&mut |_, _| {
            count += 1;
            true
        });
        count
    }

    /// Returns whether no redirect is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for PermanentCache {
    fn default() -> Self {
        Self::new()
    }
}

/// Shows nothing of what is remembered.
impl fmt::Debug for PermanentCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermanentCache")
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}

impl Inner {
    pub(super) fn has_stored(&self) -> bool {
        self.has_stored.load(Ordering::Relaxed)
    }

    pub(super) fn get(&self, key: &str) -> Option<Arc<Entry>> {
        self.store.get(key)
    }

    pub(super) fn put(&self, key: &str, entry: Entry) {
        self.store.put(key, Arc::new(entry));
        self.has_stored.store(true, Ordering::Relaxed);
    }

    pub(super) fn remove(&self, key: &str) {
        self.store.remove(key);
    }

    pub(super) fn forget_origin(&self, uri: &Uri) {
        if let Some(keys) = KeysOfOrigin::of(uri) {
            self.retain(&mut |key, _| !keys.contain(key));
        }
    }

    fn retain(&self, keep: &mut dyn FnMut(&str, &Entry) -> bool) {
        self.store.retain(keep);
    }
}

/// Lends a buffer for a key, which lasts as long as the thread: looking up costs no allocation.
pub(super) fn with_buffer<T>(use_it: impl FnOnce(&mut String) -> T) -> T {
    thread_local!(static BUFFER: RefCell<String> = const { RefCell::new(String::new()) });
    BUFFER.with(|buffer| match buffer.try_borrow_mut() {
        Ok(mut buffer) => use_it(&mut buffer),
        // A store of one's own may call back.
        Err(_) => use_it(&mut String::new()),
    })
}
