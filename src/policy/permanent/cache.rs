//! The memory itself.

use std::{fmt, sync::Arc};

use http::Uri;

use super::{
    Entry, PermanentCacheBuilder, Source,
    inner::{Inner, with_buffer},
    key,
};

/// Remembers permanent redirects, so that the next request goes to the new URI at once.
///
/// It is off unless it is added to the policy, where it has no opinion on whether a redirect is
/// followed:
///
/// ```
/// # use bytes::Bytes;
/// # use http::{Request, Response, header::LOCATION};
/// # use http_body_util::Empty;
/// # use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// # use tower_follow_redirect::ReplayBody;
/// use tower_follow_redirect::{FollowRedirectLayer, History, Policy};
/// use tower_follow_redirect::policy::{HttpsOnly, permanent::PermanentCache};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// # type Body = Empty<Bytes>;
/// # let server = service_fn(|request: Request<ReplayBody<Body>>| async move {
/// #     let response = match request.uri().path() {
/// #         "/old" => Response::builder().status(308).header(LOCATION, "/new"),
/// #         _ => Response::builder(),
/// #     };
/// #     Ok::<_, BoxError>(response.body(Body::new())?)
/// # });
/// let cache = PermanentCache::new();
/// let layer = FollowRedirectLayer::new().with_policy(HttpsOnly.and(cache.clone()));
/// // `server` answers /old with 308 to /new.
/// let client = ServiceBuilder::new().layer(layer).service(server);
///
/// for is_remembered in [false, true] {
///     let request = Request::get("https://a.test/old").body(Body::new())?;
///     let response = client.clone().oneshot(request).await?;
///     let history = History::of(&response).expect("it was redirected");
///     assert_eq!(history.effective_uri(), "https://a.test/new");
///     // The second time nobody asks for /old.
///     assert_eq!(history.hops()[0].is_from_cache(), is_remembered);
/// }
/// # Ok(())
/// # }
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

    pub(super) fn from_builder(builder: PermanentCacheBuilder) -> Self {
        Self { inner: Inner::from_builder(builder) }
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

    /// Forgets everything, in a shared store too.
    pub fn clear(&self) {
        self.inner.clear();
    }

    /// Forgets each redirect that `keep` returns `false` for.
    ///
    /// `keep` must not call this memory or a clone of it, which may be locked then, so that it would wait for ever.
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

    /// Returns how the shared store has done, or `None` if there is none.
    #[cfg(feature = "shared-store")]
    pub fn shared_status(&self) -> Option<super::shared::SharedStatus> {
        Some(self.inner.others.shared.as_ref()?.status())
    }

    /// Waits until the shared store was told what this process has learned so far, or that was given
    /// up.
    ///
    /// A store that fails is tried for a while: set a timeout around it. Outside a runtime with a clock
    /// nothing is told, and this does not wait.
    #[cfg(feature = "shared-store")]
    pub async fn flush(&self) {
        // It may have been made outside of the runtime.
        self.inner.others.run();
        if let Some(shared) = &self.inner.others.shared {
            Arc::clone(shared).flushed().await;
        }
    }

    /// Returns how many redirects are kept, stale ones too. It looks at each of them.
    pub fn len(&self) -> usize {
        let mut count = 0;
        self.inner.for_each(&mut |_, _| count += 1);
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
