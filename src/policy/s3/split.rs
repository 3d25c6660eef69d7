//! A strict reader of URLs: what it does not know it refuses, and nothing is normalised but the case of
//! scheme and host.
//!
//! The `url` crate would rewrite paths (`/key/./././name` is another key than `/key/name`), and
//! [`http::Uri`] takes a port that is out of range for none.

use std::borrow::Cow;

use super::refused::Reason;

/// The parts of an `http` or `https` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) scheme: Scheme,
    /// In lower case.
    pub(super) host: String,
    /// As it stands there; `None` if it is the scheme's default.
    pub(super) port: Option<&'a str>,
    /// As it stands there, and never empty.
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> &'static str {
        match self {
            Self::Http => "80",
            Self::Https => "443",
        }
    }
}

/// Makes a `Location` that has no scheme, or no host either, absolute.
pub(super) fn absolute<'l>(location: &'l str, base: &Parts<'_>) -> Cow<'l, str> {
    let scheme = base.scheme.as_str();
    if location.starts_with("//") {
        return format!("{scheme}:{location}").into();
    }
    if location.starts_with('/') {
        return format!("{scheme}://{}{location}", base.authority()).into();
    }
    location.into()
}

/// Splits an absolute URL. Its fragment is left out.
pub(super) fn split(url: &str) -> Result<Parts<'_>, Reason> {
    if url.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
        return Err(Reason::BadLocation);
    }
    let (scheme, rest) = url.split_once("://").ok_or(Reason::BadLocation)?;
    let scheme = match scheme {
        scheme if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
        scheme if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
        _ => return Err(Reason::BadLocation),
    };
    let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    if authority.contains('@') {
        return Err(Reason::UserInfo);
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    if host.is_empty() || host.contains(['[', ']']) {
        return Err(Reason::BadLocation);
    }
    if port.is_some_and(|port| port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit())) {
        return Err(Reason::Port);
    }
    Ok(Parts {
        scheme,
        host: host.to_ascii_lowercase(),
        port: port.filter(|port| *port != scheme.default_port()),
        path: if path.is_empty() { "/" } else { path },
        query,
    })
}

impl Parts<'_> {
    /// Writes host and port.
    pub(super) fn authority(&self) -> String {
        with_port(&self.host, self.port)
    }
}

pub(super) fn with_port(host: &str, port: Option<&str>) -> String {
    match port {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_refused() {
        let table = [
            ("https://a.test@b.test/", Reason::UserInfo),
            ("https://@a.test/", Reason::UserInfo),
            ("https://a.test:/", Reason::Port),
            ("https://a.test:80x/", Reason::Port),
            ("https://[::1]/", Reason::BadLocation),
            ("https:///x", Reason::BadLocation),
            ("https:a.test", Reason::BadLocation),
            ("ftp://a.test/", Reason::BadLocation),
            ("nelson.txt", Reason::BadLocation),
            ("", Reason::BadLocation),
            (" https://a.test/", Reason::BadLocation),
            ("https://a.test\\@b.test/", Reason::BadLocation),
            ("https://a.test/\u{fc}", Reason::BadLocation),
            ("https://a.test/\t", Reason::BadLocation),
        ];
        for (url, reason) in table {
            assert_eq!(split(url), Err(reason), "{url}");
        }
    }

    #[test]
    fn the_path_stays_as_it_is() {
        let parts = split("HTTPS://A.test:443/a/%2e%2e/./b//c?x=/?y#f").unwrap();
        let expected = Parts {
            scheme: Scheme::Https,
            host: "a.test".into(),
            port: None,
            path: "/a/%2e%2e/./b//c",
            query: Some("x=/?y"),
        };
        assert_eq!(parts, expected);
        assert_eq!(split("http://a.test:443").unwrap().port, Some("443"));
        assert_eq!(split("http://a.test:99999?").unwrap().port, Some("99999"));
    }
}
