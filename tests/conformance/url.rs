//! URLs as they are compared: by hand, since a URL parser would hide what the crate does to them.

use std::fmt;

/// A URL without userinfo and fragment; scheme and host in lower case, default port and an empty
/// path written one way.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    pub origin: Origin,
    target: String,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: String,
    host: String,
    port: Option<String>,
}

impl Origin {
    pub fn new(scheme: &str, host: &str, port: Option<&str>) -> Self {
        let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
        let default = match &*scheme {
            "http" => "80",
            "https" => "443",
            _ => "",
        };
        let port = port.filter(|port| !port.is_empty() && *port != default).map(str::to_owned);
        Self { scheme, host, port }
    }

    /// Returns the URL of a request target of this origin.
    pub fn url(&self, target: &str) -> Url {
        // A target in authority form names no resource.
        let target = if target.starts_with(['/', '*']) { target } else { "/" };
        Url { origin: self.clone(), target: target.into() }
    }
}

impl Url {
    /// Returns path and query.
    #[cfg(feature = "hyper")]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Reads an absolute URL, and its fragment.
    pub fn parse(url: &str) -> (Self, Option<&str>) {
        let (url, fragment) = match url.split_once('#') {
            Some((url, fragment)) => (url, Some(fragment)),
            None => (url, None),
        };
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let host_and_port = authority.rsplit('@').next().unwrap_or(authority);
        let (host, port) = split_port(host_and_port);
        let slash = if target.starts_with('/') { "" } else { "/" };
        let target = format!("{slash}{target}");
        (Self { origin: Origin::new(scheme, host, port), target }, fragment)
    }
}

/// Splits `[::1]:80`.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { scheme, host, port } = &self.origin;
        write!(f, "{scheme}://{host}")?;
        if let Some(port) = port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.target)
    }
}
