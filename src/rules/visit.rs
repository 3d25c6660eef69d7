//! When two requests of one chain are the same: then it loops.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use super::next::Secrets;

/// A request that was sent, as far as it makes a loop to send it again.
#[derive(PartialEq, Eq)]
pub(crate) struct Visit {
    method: Method,
    uri: Uri,
    credentials: Vec<(HeaderName, HeaderValue)>,
}

impl Visit {
    pub(crate) fn new(
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        secrets: Secrets<'_>,
    ) -> Self {
        Self { method: method.clone(), uri: uri.clone(), credentials: secrets.of(headers) }
    }
}
