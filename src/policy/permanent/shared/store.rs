//! What a shared store does.

use std::{convert::Infallible, error::Error, fmt, future::Future, time::Duration};

use crate::policy::permanent::Source;

/// Keeps remembered redirects where other processes find them.
///
/// It carries bytes, and need not know what they say: they are authenticated and checked when they come
/// back. So a store may be slow, fail, or lie; a [`PermanentCache`](crate::policy::PermanentCache)
/// waits for it only
/// [so long](super::SharedCache::timeout), and its errors are counted, not returned.
///
/// Futures are dropped when they take too long.
///
/// ```
/// use std::{collections::HashMap, convert::Infallible, sync::{Arc, Mutex}, time::Duration};
///
/// use tower_follow_redirect::policy::permanent::{
///     PermanentCache,
///     shared::{NoChanges, SharedCache, SharedStore},
/// };
///
/// /// For several memories in one process. It keeps what has expired, and tells nobody of changes.
/// #[derive(Clone, Default)]
/// struct Shelf(Arc<Mutex<HashMap<String, Vec<u8>>>>);
///
/// impl SharedStore for Shelf {
///     type Error = Infallible;
///     type Changes = NoChanges;
///
///     async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Infallible> {
///         Ok(self.0.lock().unwrap().get(key).cloned())
///     }
///
///     async fn put(&self, key: &str, value: Vec<u8>, _: Duration) -> Result<(), Infallible> {
///         self.0.lock().unwrap().insert(key.into(), value);
///         Ok(())
///     }
///
///     async fn remove(&self, key: &str) -> Result<(), Infallible> {
///         self.0.lock().unwrap().remove(key);
///         Ok(())
///     }
///
///     async fn clear(&self) -> Result<(), Infallible> {
///         self.0.lock().unwrap().clear();
///         Ok(())
///     }
///
///     async fn load(&self, limit: usize) -> Result<Vec<(String, Vec<u8>)>, Infallible> {
///         Ok(self.0.lock().unwrap().clone().into_iter().take(limit).collect())
///     }
///
///     async fn listen(&self) -> Result<NoChanges, Infallible> {
///         Ok(NoChanges::new())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let shared = SharedCache::new(Shelf::default(), *b"a secret of thirty-two bytes ...").read_through();
/// let cache = PermanentCache::builder().shared(shared).build();
/// # }
/// ```
pub trait SharedStore: Send + Sync + 'static {
    /// Why the store failed.
    type Error: Error + Send + Sync + 'static;

    /// What other processes change, as long as it is listened to.
    type Changes: Changes<Error = Self::Error>;

    /// Returns what is kept under `key`.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, Self::Error>> + Send;

    /// Keeps `value` under `key` for the time `ttl`, and tells other processes.
    fn put(
        &self,
        key: &str,
        value: Vec<u8>,
        ttl: Duration,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Drops what is kept under `key`, and tells other processes.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Drops everything, and tells other processes.
    fn clear(&self) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Returns up to `limit` of all keys with their values, for a process that has just started.
    fn load(
        &self,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(String, Vec<u8>)>, Self::Error>> + Send;

    /// Begins to listen to what other processes change. A store that cannot tell returns
    /// [`NoChanges`].
    fn listen(&self) -> impl Future<Output = Result<Self::Changes, Self::Error>> + Send;
}

/// What other processes change in a [`SharedStore`].
///
/// ```
/// use std::convert::Infallible;
/// use tokio::sync::mpsc;
/// use tower_follow_redirect::policy::permanent::shared::{Change, Changes};
///
/// /// Hears from other processes through a channel.
/// struct Heard(mpsc::Receiver<Change>);
///
/// impl Changes for Heard {
///     type Error = Infallible;
///
///     async fn next(&mut self) -> Result<Change, Infallible> {
///         match self.0.recv().await {
///             Some(change) => Ok(change),
///             None => std::future::pending().await,
///         }
///     }
/// }
/// ```
pub trait Changes: Send + 'static {
    /// Why the store failed.
    type Error: Error + Send + Sync + 'static;

    /// Waits for the next change. After an error the store is listened to anew, and
    /// [loaded](SharedStore::load), for what was missed.
    fn next(&mut self) -> impl Future<Output = Result<Change, Self::Error>> + Send;
}

/// What another process has changed in a [`SharedStore`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Something else is kept under a key now.
    Put {
        /// The key.
        key: String,
        /// What is kept under it.
        value: Vec<u8>,
    },
    /// Nothing is kept under a key any more.
    Removed {
        /// The key.
        key: String,
    },
    /// Nothing is kept at all any more.
    Cleared,
}

/// Shows neither values nor queries: both may be secret.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, key) = match self {
            Self::Put { key, .. } => ("Put", key),
            Self::Removed { key } => ("Removed", key),
            Self::Cleared => return f.write_str("Cleared"),
        };
        f.debug_tuple(name).field(&Source::of(key)).finish()
    }
}

/// The changes of a store that cannot tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoChanges<E = Infallible>(std::marker::PhantomData<fn() -> E>);

impl<E> NoChanges<E> {
    /// Makes it.
    pub fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<E: Error + Send + Sync + 'static> Changes for NoChanges<E> {
    type Error = E;

    async fn next(&mut self) -> Result<Change, E> {
        std::future::pending().await
    }
}
