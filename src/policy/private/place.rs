//! Where a request goes: a host and a port, however they are written.

use std::net::IpAddr;

use http::Uri;
use url::Host;

/// A host, and a port if one is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: Host,
    pub(super) port: Option<u16>,
}

impl Place {
    /// Returns where a URI leads, or `None` if its host is neither a name nor an address.
    pub(super) fn of(host: &str, uri: &Uri) -> Option<Self> {
        let port = uri.port_u16().or_else(|| match uri.scheme_str() {
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => Some(80),
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => Some(443),
            Some(_) | None => None,
        });
        Some(Self { host: read(host)?, port })
    }

    /// Reads `host`, `host:port`, an address, or `[address]:port`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self { host: of_address(address), port: None });
        }
        match text.rsplit_once(':') {
            Some((host, port)) if !text.ends_with(']') => {
                Some(Self { host: read(host)?, port: Some(port.parse().ok()?) })
            }
            Some(_) | None => Some(Self { host: read(text)?, port: None }),
        }
    }
}

/// Reads a host as the URL standard does: `0x7f.1`, `2130706433` and `１２７.0.0.1` are `127.0.0.1`, and
/// `LOCALHOST.` is `localhost`.
pub(super) fn read(host: &str) -> Option<Host> {
    match Host::parse(host).ok()? {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            (!name.is_empty()).then(|| Host::Domain(name.to_owned()))
        }
        address => Some(address),
    }
}

fn of_address(address: IpAddr) -> Host {
    match address {
        IpAddr::V4(address) => Host::Ipv4(address),
        IpAddr::V6(address) => Host::Ipv6(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_however_it_is_written() {
        let table = [
            ("Example.COM", Some("example.com")),
            ("localhost.", Some("localhost")),
            ("localhost..", Some("localhost")),
            ("lo%63alhost", Some("localhost")),
            ("127.0.0.1", Some("127.0.0.1")),
            ("127.0.0.1.", Some("127.0.0.1")),
            ("127.1", Some("127.0.0.1")),
            ("0x7f.1", Some("127.0.0.1")),
            ("0X7F000001", Some("127.0.0.1")),
            ("2130706433", Some("127.0.0.1")),
            ("017700000001", Some("127.0.0.1")),
            ("0177.0.0.01", Some("127.0.0.1")),
            ("１２７．０．０．１", Some("127.0.0.1")),
            ("127。0。0。1", Some("127.0.0.1")),
            ("ⓛocalhost", Some("localhost")),
            ("[::1]", Some("[::1]")),
            ("[0:0:0:0:0:ffff:127.0.0.1]", Some("[::ffff:7f00:1]")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("127.0.0.1.5", None),
            ("4294967296", None),
            ("08.0.0.1", None),
            ("[fe80::1%25eth0]", None),
            ("::1", None),
            ("a b", None),
            (".", None),
            ("", None),
        ];
        for (text, expected) in table {
            let found = read(text).map(|host| host.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_port_is_that_of_the_scheme_if_none_is_written() {
        let table = [
            ("http://a.test/", Some(80)),
            ("HTTPS://a.test/", Some(443)),
            ("https://a.test:8443/", Some(8443)),
            ("ws://a.test/", None),
            ("a.test:99", Some(99)),
        ];
        for (uri, port) in table {
            let place = Place::of("a.test", &Uri::from_static(uri)).unwrap();
            assert_eq!(place.port, port, "{uri}");
        }
    }

    #[test]
    fn what_is_listed_may_have_a_port() {
        let table = [
            ("a.test", Some(("a.test", None))),
            ("a.test:80", Some(("a.test", Some(80)))),
            ("127.0.0.1:80", Some(("127.0.0.1", Some(80)))),
            ("::1", Some(("[::1]", None))),
            ("[::1]", Some(("[::1]", None))),
            ("[::1]:80", Some(("[::1]", Some(80)))),
            ("a.test:", None),
            ("a.test:65536", None),
            ("http://a.test", None),
            ("", None),
        ];
        for (text, expected) in table {
            let found = Place::parse(text).map(|place| (place.host.to_string(), place.port));
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(found, expected, "{text}");
        }
    }
}
