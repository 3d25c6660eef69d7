//! A URI to request, with the fragment that it has no place for.

use std::fmt;

use http::{Uri, uri::PathAndQuery};

use super::location::{BadLocation, LocationError};

/// Where a redirect points: a URI to request, and the fragment that goes with it.
///
/// ```
/// use http::Uri;
/// use tower_follow_redirect::rules::location::resolve;
///
/// let base = Uri::from_static("https://a.test/x/y");
/// let target = resolve(&base, Some("intro"), b"../z?q").unwrap();
/// assert_eq!(target.uri(), "https://a.test/z?q");
/// assert_eq!(target.fragment(), Some("intro"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    uri: Uri,
    fragment: Option<Box<str>>,
}

impl Target {
    /// Makes a target of a URI and a fragment.
    ///
    /// # Errors
    ///
    /// Fails if `uri` has a scheme that is neither `http` nor `https` (in lower case, as transports
    /// want it), or has an authority but no scheme. A URI with neither (`/path`) stays on the server
    /// of the request.
    ///
    /// ```
    /// use http::Uri;
    /// use tower_follow_redirect::Target;
    ///
    /// let target = Target::new(Uri::from_static("https://b.test/z"), Some("intro")).unwrap();
    /// assert_eq!(target.fragment(), Some("intro"));
    /// assert!(Target::new(Uri::from_static("ftp://b.test/z"), None).is_err());
    /// ```
    pub fn new(uri: Uri, fragment: Option<&str>) -> Result<Self, LocationError> {
        match uri.scheme_str() {
            Some("http" | "https") => {}
            Some(scheme) => return Err(LocationError::Scheme(scheme.to_ascii_lowercase().into())),
            None if uri.authority().is_some() => return Err(BadLocation::NoScheme.into()),
            None => {}
        }
        Ok(Self { uri: without_userinfo(uri), fragment: fragment.map(Into::into) })
    }

    /// Makes a target of an absolute URI of `http` or `https` that has no userinfo.
    pub(super) fn of_plain(uri: Uri, fragment: Option<&str>) -> Self {
        Self { uri, fragment: fragment.map(Into::into) }
    }

    /// Makes the target of a request that was sent, whatever its scheme.
    pub(crate) fn of_request(uri: Uri, fragment: Option<Box<str>>) -> Self {
        Self { uri: without_userinfo(uri), fragment }
    }

    /// Returns the URI to request: absolute, or `/path` where the request had no authority either.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the fragment, without its `#`: the one of `Location`, else the one inherited.
    pub fn fragment(&self) -> Option<&str> {
        self.fragment.as_deref()
    }

    /// Returns the URI with its fragment.
    pub(crate) fn url(&self) -> String {
        match &self.fragment {
            Some(fragment) => format!("{}#{fragment}", self.uri),
            None => self.uri.to_string(),
        }
    }

    /// Returns the target of a request with `fragment`, which it keeps unless it has one of its own
    /// ([RFC 9110 §10.2.2]).
    ///
    /// [RFC 9110 §10.2.2]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.2
    pub(crate) fn inheriting(self, fragment: Option<&str>) -> Self {
        let fragment = self.fragment.or_else(|| fragment.map(Into::into));
        Self { uri: self.uri, fragment }
    }

    /// Returns the target of a request to `server`, whose origin a target without one has.
    pub(crate) fn on(self, server: &Uri) -> Self {
        if self.uri.authority().is_some() {
            return self;
        }
        let mut parts = self.uri.clone().into_parts();
        parts.scheme = server.scheme().cloned();
        parts.authority = server.authority().cloned();
        let uri = Uri::from_parts(parts).map_or(self.uri, without_userinfo);
        Self { uri, fragment: self.fragment }
    }

    pub(crate) fn into_parts(self) -> (Uri, Option<Box<str>>) {
        (self.uri, self.fragment)
    }
}

/// Writes origin and path only: a query may carry a signature.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target").field(&format_args!("{}", redacted(&self.uri))).finish()
    }
}

/// Removes `user:password@`: it would show in logs and reach a proxy.
pub(crate) fn without_userinfo(uri: Uri) -> Uri {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if !authority.as_bytes().contains(&b'@') {
        return uri;
    }
    let Some((_, host)) = authority.rsplit_once('@') else { return uri };
    let Ok(authority) = host.parse() else { return uri };
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(authority);
    // That of CONNECT has neither scheme nor path.
    if parts.scheme.is_some() {
        parts.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
    }
    Uri::from_parts(parts).unwrap_or(uri)
}

/// Shows scheme, host, port and path of a URI; a query becomes `?…`, userinfo disappears.
pub(crate) fn redacted(uri: &Uri) -> impl fmt::Display + '_ {
    struct Redacted<'a>(&'a Uri);

    impl fmt::Display for Redacted<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            if let Some(scheme) = self.0.scheme() {
                write!(f, "{scheme}://")?;
            }
            if let Some(authority) = self.0.authority() {
                f.write_str(authority.as_str().rsplit('@').next().unwrap_or_default())?;
            }
            f.write_str(self.0.path())?;
            if self.0.query().is_some() { f.write_str("?…") } else { Ok(()) }
        }
    }

    Redacted(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_query_nor_userinfo_is_shown() {
        let uri = Uri::from_static("https://u:secret@a.test:8443/x?sig=secret");
        assert_eq!(redacted(&uri).to_string(), "https://a.test:8443/x?…");
        assert_eq!(redacted(&Uri::from_static("/x")).to_string(), "/x");
        for (uri, shown) in [
            ("https://u:secret@a.test:8443", "https://a.test:8443/"),
            ("u:secret@a.test:443", "a.test:443"),
        ] {
            assert_eq!(without_userinfo(Uri::from_static(uri)).to_string(), shown);
        }
    }

    #[test]
    fn a_path_stays_on_its_server() {
        for (path, server, expected) in [
            ("/y?q", "https://u:secret@a.test:8443/x", "https://a.test:8443/y?q"),
            ("/y", "/x", "/y"),
            ("http://b.test/y", "https://a.test/x", "http://b.test/y"),
        ] {
            let target = Target::new(Uri::from_static(path), Some("f")).unwrap();
            let target = target.on(&Uri::from_static(server));
            assert_eq!(target.url(), format!("{expected}#f"));
        }
    }
}
