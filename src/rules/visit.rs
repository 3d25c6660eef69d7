//! When two requests of one chain are the same: then it loops.

use http::{HeaderName, HeaderValue, Method, Uri, request};

use super::next::Secrets;

/// A request that was sent, as far as it makes a loop to send it again.
#[derive(PartialEq, Eq)]
pub(crate) struct Visit {
    method: Method,
    uri: Uri,
    credentials: Vec<(HeaderName, HeaderValue)>,
}

impl Visit {
    pub(crate) fn new(request: &request::Parts, secrets: &Secrets) -> Self {
        let credentials = secrets.of(&request.headers);
        Self { method: request.method.clone(), uri: request.uri.clone(), credentials }
    }
}
