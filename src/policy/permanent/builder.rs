//! How a memory is set up.

use std::{
    fmt,
    sync::{Arc, Weak},
    time::{Duration, SystemTime},
};

use http::request;

use super::{
    ClearSiteData, Commit, Fallback, Methods, PermanentCache, Plaintext, Queries, Reach,
    RedirectStore, SetCookie, Sharing, Statuses,
    clock::Clock,
    inner::Inner,
    memory::{Bounds, MemoryStore},
    options::Options,
    others::Others,
};

/// Tells whose request it is.
pub(super) type Partition = Arc<dyn Fn(&request::Parts) -> Option<Box<str>> + Send + Sync>;

/// Sets up a [`PermanentCache`].
///
/// ```
/// use std::time::Duration;
///
/// use tower_follow_redirect::policy::permanent::{PermanentCache, Statuses};
///
/// let cache = PermanentCache::builder()
///     .statuses(Statuses::With301)
///     .max_ttl(Duration::from_secs(60 * 60))
///     .max_entries(1000)
///     .build();
/// ```
#[must_use = "a builder does nothing before it builds"]
#[derive(Default)]
pub struct PermanentCacheBuilder {
    pub(super) options: Options,
    pub(super) bounds: Bounds,
    pub(super) store: Option<Arc<dyn RedirectStore>>,
    pub(super) clock: Clock,
    pub(super) partition: Option<Partition>,
    #[cfg(feature = "shared-store")]
    shared: Option<super::shared::SharedCache>,
}

impl PermanentCacheBuilder {
    /// Begins with what Chromium and Firefox do: 301 is remembered too, as soon as it is received, and
    /// for ever where it does not say for how long; a remembered target that fails is the answer.
    ///
    /// The rest is as by default: browsers do not ask whether a redirect came over TLS, we do.
    pub fn like_browsers() -> Self {
        Self { options: Options::browser(), ..Self::default() }
    }

    /// Sets which redirects are remembered; by default only 308.
    pub fn statuses(mut self, statuses: Statuses) -> Self {
        self.options.statuses = statuses;
        self
    }

    /// Sets which requests learn a redirect and use it; by default GET and HEAD.
    pub fn methods(mut self, methods: Methods) -> Self {
        self.options.methods = methods;
        self
    }

    /// Sets whose responses are remembered; by default those of many users.
    pub fn sharing(mut self, sharing: Sharing) -> Self {
        self.options.sharing = sharing;
        self
    }

    /// Sets for how long a redirect is remembered that does not say so itself; by default 24 hours.
    /// With zero it is not.
    pub fn heuristic(mut self, time: Duration) -> Self {
        self.options.heuristic = time;
        self
    }

    /// Sets whether that applies to a URI with a query; by default it does not.
    pub fn queries(mut self, queries: Queries) -> Self {
        self.options.queries = queries;
        self
    }

    /// Sets the longest time that a redirect is remembered for, whatever it says; by default 7 days.
    pub fn max_ttl(mut self, time: Duration) -> Self {
        self.options.max_ttl = time;
        self
    }

    /// Sets whether a redirect is remembered that came without TLS; by default only if it leads to
    /// `https` on the same host.
    pub fn plaintext(mut self, plaintext: Plaintext) -> Self {
        self.options.plaintext = plaintext;
        self
    }

    /// Sets how far a remembered redirect may lead; by default to any origin.
    pub fn reach(mut self, reach: Reach) -> Self {
        self.options.reach = reach;
        self
    }

    /// Sets whether a redirect is remembered that sets a cookie; by default it is not.
    pub fn set_cookie(mut self, set_cookie: SetCookie) -> Self {
        self.options.set_cookie = set_cookie;
        self
    }

    /// Sets when a redirect that was followed is remembered; by default when its chain has ended well.
    pub fn commit(mut self, commit: Commit) -> Self {
        self.options.commit = commit;
        self
    }

    /// Sets what happens where a remembered target fails; by default the old URI is asked once more.
    pub fn fallback(mut self, fallback: Fallback) -> Self {
        self.options.fallback = fallback;
        self
    }

    /// Sets how long ago all that led astray must have been learned for that; by default one minute. So
    /// each URI costs at most one more request in that time.
    pub fn fallback_min_age(mut self, age: Duration) -> Self {
        self.options.fallback_min_age = age;
        self
    }

    /// Sets whether `Clear-Site-Data` is obeyed; by default it is.
    pub fn clear_site_data(mut self, clear_site_data: ClearSiteData) -> Self {
        self.options.clear_site_data = clear_site_data;
        self
    }

    /// Sets the longest URI that is kept, source and target each; by default 4096 bytes.
    pub fn max_uri_len(mut self, bytes: usize) -> Self {
        self.options.max_uri_len = bytes;
        self
    }

    /// Sets how many redirects are kept in memory at most; by default 10,000, and at least 2.
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.bounds.entries = entries;
        self
    }

    /// Sets how many bytes they may take; by default 8 MiB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.bounds.bytes = bytes;
        self
    }

    /// Keeps what is remembered in a store of one's own, in place of that in memory.
    pub fn store(mut self, store: impl RedirectStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Shares what is remembered with other processes.
    #[cfg(feature = "shared-store")]
    pub fn shared(mut self, shared: super::shared::SharedCache) -> Self {
        self.shared = Some(shared);
        self
    }

    /// Separates what is remembered by tenant, cookie jar, or whatever else redirects differ by
    /// ([RFC 9111 §7.2]). It is asked once in a call, about the caller's request.
    ///
    /// ```
    /// use tower_follow_redirect::policy::permanent::PermanentCache;
    ///
    /// let cache = PermanentCache::builder().partition(|request| {
    ///     let tenant = request.headers.get("x-tenant")?;
    ///     Some(tenant.to_str().ok()?.into())
    /// });
    /// ```
    ///
    /// [RFC 9111 §7.2]: https://www.rfc-editor.org/rfc/rfc9111#section-7.2
    pub fn partition<F>(mut self, partition: F) -> Self
    where
        F: Fn(&request::Parts) -> Option<Box<str>> + Send + Sync + 'static,
    {
        self.partition = Some(Arc::new(partition));
        self
    }

    /// Sets the clock; by default it is the system's.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Clock::Other(Arc::new(now));
        self
    }

    /// Makes the memory.
    pub fn build(self) -> PermanentCache {
        PermanentCache::from_builder(self)
    }

    pub(super) fn others(&self, memory: &Weak<Inner>) -> Others {
        #[cfg(feature = "shared-store")]
        return Others::of(memory, self.shared.as_ref(), self.bounds.entries);
        #[cfg(not(feature = "shared-store"))]
        Others::of(memory)
    }

    /// Returns the store, and whether something may be in it already.
    pub(super) fn take_store(&mut self) -> (Arc<dyn RedirectStore>, bool) {
        match self.store.take() {
            Some(store) => (store, true),
            None => (Arc::new(MemoryStore::new(self.bounds)), false),
        }
    }
}

impl fmt::Debug for PermanentCacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermanentCacheBuilder")
            .field("options", &self.options)
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}
