//! How a shared store does.

/// How a shared store has done so far; see
/// [`PermanentCache::shared_status`](super::super::PermanentCache::shared_status).
///
/// ```
/// use tower_follow_redirect::policy::permanent::PermanentCache;
///
/// /// For a health check: whether this process still learns from the others.
/// fn is_shared(cache: &PermanentCache) -> bool {
///     cache.shared_status().is_some_and(|status| !status.is_left_alone)
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedStatus {
    /// How many attempts on the store have failed, or took too long.
    pub errors: u64,
    /// How many changes the store was not told of: the queue was full, or they failed for too
    /// long.
    pub dropped: u64,
    /// How many entries were not taken in: they are not authentic, not trusted, or not fresh.
    pub rejected: u64,
    /// Whether the store is left alone for now.
    pub is_left_alone: bool,
}
