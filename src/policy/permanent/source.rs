//! What a key says.

use super::key::END_OF_PARTITION;

/// The URI that a remembered redirect is about, and the partition it is in.
///
/// ```
/// use tower_follow_redirect::policy::permanent::PermanentCache;
///
/// /// Forgets all that was learned for somebody who logs out.
/// fn log_out(cache: &PermanentCache, user: &str) {
///     cache.retain(|source, _| source.partition() != Some(user));
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Source<'k> {
    partition: Option<&'k str>,
    uri: &'k str,
}

impl<'k> Source<'k> {
    pub(super) fn of(key: &'k str) -> Self {
        match key.rsplit_once(END_OF_PARTITION) {
            Some((partition, uri)) => Self { partition: Some(partition), uri },
            None => Self { partition: None, uri: key },
        }
    }

    /// Returns the partition, if there is one.
    pub fn partition(&self) -> Option<&'k str> {
        self.partition
    }

    /// Returns the URI in its normal form: scheme and host in lower case, without default port.
    pub fn uri(&self) -> &'k str {
        self.uri
    }
}

/// Shows neither query nor partition: both may be secret.
impl std::fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let uri = self.uri.split_once('?').map_or(self.uri, |(before, _)| before);
        f.debug_struct("Source")
            .field("has_partition", &self.partition.is_some())
            .field("uri", &uri)
            .finish()
    }
}
