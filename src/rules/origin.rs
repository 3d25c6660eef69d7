//! When two URIs have the same origin ([RFC 9110 §4.3.1], RFC 6454 §4).
//!
//! [RFC 9110 §4.3.1]: https://www.rfc-editor.org/rfc/rfc9110#section-4.3.1

use std::{borrow::Cow, fmt, net::IpAddr};

use http::{HeaderMap, HeaderValue, Uri, header};
use url::Host;

use super::plain;

/// Scheme, host and port of a URI, normalised.
///
/// Two origins are equal only if all three are: the scheme and the host in lower case, an IPv4 or
/// IPv6 address by its value and an internationalised name by its A-label, the port with the
/// scheme's default filled in. Any change of scheme is another origin, `http` to `https` too.
///
/// ```
/// use tower_follow_redirect::Origin;
///
/// let origin = |uri: &'static str| Origin::of(&http::Uri::from_static(uri)).unwrap();
/// assert_eq!(origin("http://API.a.test/x"), origin("http://api.a.test:80/y"));
/// assert_ne!(origin("http://a.test/"), origin("https://a.test/"));
/// assert_eq!(origin("http://[0:0:0:0:0:0:0:1]:8080/").to_string(), "http://[::1]:8080");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: Host,
    /// `None` only for an unknown scheme without a port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Scheme {
    Http,
    Https,
    Other(String),
}

impl Origin {
    /// Returns the origin of `uri`, or `None` where it has no scheme or no valid host: a request
    /// target in origin form (`/path`), `*`, or that of CONNECT.
    pub fn of(uri: &Uri) -> Option<Self> {
        let scheme = match uri.scheme_str()? {
            scheme if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
            scheme if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
            scheme => Scheme::Other(scheme.to_ascii_lowercase()),
        };
        let default = match scheme {
            Scheme::Http => Some(80),
            Scheme::Https => Some(443),
            Scheme::Other(_) => None,
        };
        let host = uri.host()?;
        let port = match port_text(uri.authority()?.as_str(), host) {
            "" => default,
            port => Some(port.parse().ok()?),
        };
        Some(Self { scheme, host: Host::parse(host).ok()?, port })
    }

    /// Returns the scheme in lower case.
    pub fn scheme(&self) -> &str {
        match &self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Other(scheme) => scheme,
        }
    }

    /// Returns the host as it stands in a URI: a domain in lower case, an IPv4 address, or an IPv6
    /// address in brackets.
    pub fn host(&self) -> Cow<'_, str> {
        match &self.host {
            Host::Domain(domain) => Cow::Borrowed(domain),
            address => Cow::Owned(address.to_string()),
        }
    }

    /// Returns the address, if the host is one: however it was written, as `0x7f.1` for `127.0.0.1`.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    /// Returns the port, with the default of `http` and `https` filled in.
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

/// Writes `https://b.test:8443`; the scheme's default port is left out.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.host)?;
        match (&self.scheme, self.port) {
            (Scheme::Http, Some(80)) | (Scheme::Https, Some(443)) | (_, None) => Ok(()),
            (_, Some(port)) => write!(f, ":{port}"),
        }
    }
}

/// Returns what stands after the colon that ends `host`. (`Uri::port` gives `None` for one that is
/// absent and for one that is out of range alike.)
pub(crate) fn port_text<'a>(authority: &'a str, host: &str) -> &'a str {
    // Most authorities are a host and nothing else.
    if authority.len() == host.len() {
        return "";
    }
    let without_userinfo = authority.rsplit('@').next().unwrap_or(authority);
    let rest = without_userinfo.get(host.len()..).unwrap_or("");
    rest.strip_prefix(':').unwrap_or(rest)
}

/// Returns whether two URIs have the same origin.
///
/// Two request targets in origin form (without scheme and authority) go to the same server: only a
/// service that is one server understands them. One in origin form and one with an authority do not.
///
/// ```
/// use http::Uri;
/// use tower_follow_redirect::rules::origin::same_origin;
///
/// let same = |a: &'static str, b: &'static str| {
///     same_origin(&Uri::from_static(a), &Uri::from_static(b))
/// };
/// assert!(same("https://a.test/x", "https://a.test:443/y"));
/// assert!(same("/x", "/y"));
/// assert!(!same("/x", "https://a.test/y"));
/// ```
pub fn same_origin(a: &Uri, b: &Uri) -> bool {
    // Most redirects write the authority as the request did: nothing to normalise then.
    if a.scheme() == b.scheme() && a.authority() == b.authority() {
        return true;
    }
    if plain::has_plain_origin(a) && plain::has_plain_origin(b) {
        return false;
    }
    same_when_normalised(a, b)
}

fn same_when_normalised(a: &Uri, b: &Uri) -> bool {
    match (Origin::of(a), Origin::of(b)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// Returns whether going from `from` to `to` gives up TLS.
///
/// ```
/// use http::Uri;
/// use tower_follow_redirect::rules::origin::is_downgrade;
///
/// let (secure, plain) = (Uri::from_static("https://a.test/"), Uri::from_static("http://a.test/"));
/// assert!(is_downgrade(&secure, &plain));
/// assert!(!is_downgrade(&plain, &secure));
/// ```
pub fn is_downgrade(from: &Uri, to: &Uri) -> bool {
    let https = |uri: &Uri| uri.scheme_str().is_some_and(|s| s.eq_ignore_ascii_case("https"));
    https(from) && !https(to)
}

/// Returns whether `Host` names another authority than the URI. Then it, and not the URI, says whose resource is
/// asked for ([RFC 9110 §7.1]).
///
/// [RFC 9110 §7.1]: https://www.rfc-editor.org/rfc/rfc9110#section-7.1
pub(crate) fn has_other_host(uri: &Uri, headers: &HeaderMap) -> bool {
    let Some(scheme) = uri.scheme_str() else { return false };
    let names_it = |host: &HeaderValue| {
        let named = host.to_str().ok().map(|host| format!("{scheme}://{host}/"));
        let named = named.and_then(|named| named.parse().ok());
        named.is_some_and(|named| same_origin(uri, &named))
    };
    !headers.get_all(header::HOST).iter().all(names_it)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn host_says_whose_resource_is_asked_for() {
        for (uri, host, is_other) in [
            ("https://a.test/x", None, false),
            ("https://a.test/x", Some("A.test:443"), false),
            ("https://a.test:8443/x", Some("a.test:8443"), false),
            ("https://a.test:8443/x", Some("a.test"), true),
            ("https://a.test/x", Some("b.test"), true),
            ("https://a.test/x", Some(""), true),
            ("/x", Some("b.test"), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(host) = host {
                headers.insert(header::HOST, HeaderValue::from_static(host));
            }
            assert_eq!(
                has_other_host(&Uri::from_static(uri), &headers),
                is_other,
                "{uri} {host:?}"
            );
        }
    }

    #[test]
    fn scheme_host_and_port_make_the_origin() {
        let table = [
            ("http://a.test/", "http://a.test/x?y", true),
            ("http://A.test/", "http://a.TEST/", true),
            ("HTTP://a.test/", "http://a.test/", true),
            ("http://a.test/", "http://a.test:80/", true),
            ("https://a.test:443/", "https://a.test/", true),
            ("http://[::1]/", "http://[0:0:0:0:0:0:0:1]/", true),
            ("http://127.0.0.1/", "http://0x7f.1/", true),
            ("http://user:pw@a.test/", "http://a.test/", true),
            ("http://xn--mnchen-3ya.test/", "http://XN--MNCHEN-3YA.test/", true),
            ("http://a.test/", "https://a.test/", false),
            ("http://a.test:443/", "https://a.test/", false),
            ("http://a.test/", "http://a.test:8080/", false),
            ("http://a.test/", "http://a.test:/", true),
            ("http://a.test/", "http://a.test:65616/", false),
            ("http://a.test/", "http://a.test./", false),
            ("http://a.test/", "http://b.a.test/", false),
            ("http://a.test/", "http://evila.test/", false),
            ("http://a.test/", "http://a.test.evil.test/", false),
            ("/x", "/y", true),
            ("/x", "http://a.test/", false),
            ("http://a.test/", "/x", false),
        ];
        for (a, b, expected) in table {
            let found = same_origin(&Uri::from_static(a), &Uri::from_static(b));
            assert_eq!(found, expected, "{a} and {b}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_is_plain_and_differs_is_another_origin(
            a in "https?://[aA]?\\.?(-|xn--)?(a|B|0x1)\\.?(test|T|1)?\\.?(:(80|443|8|08)?)?/",
            b in "https?://[aA]?\\.?(-|xn--)?(a|B|0x1)\\.?(test|T|1)?\\.?(:(80|443|8|08)?)?/",
        ) {
            let (a, b): (Uri, Uri) = (a.parse().unwrap(), b.parse().unwrap());
            let same = a.scheme() == b.scheme() && a.authority() == b.authority();
            prop_assert_eq!(same_origin(&a, &b), same || same_when_normalised(&a, &b));
        }
    }

    #[test]
    fn the_host_is_normalised() {
        let table = [
            ("http://A.test/", "a.test", None),
            ("http://0x7f.1/", "127.0.0.1", Some("127.0.0.1")),
            ("http://[0:0::1]/", "[::1]", Some("::1")),
        ];
        for (uri, host, ip) in table {
            let origin = Origin::of(&Uri::from_static(uri)).unwrap();
            assert_eq!(origin.host(), host);
            assert_eq!(origin.ip(), ip.map(|ip| ip.parse().unwrap()), "{uri}");
        }
    }

    #[test]
    fn only_giving_up_tls_is_a_downgrade() {
        let table = [
            ("https://a.test/", "http://a.test/", true),
            ("HTTPS://a.test/", "http://b.test/", true),
            ("http://a.test/", "https://a.test/", false),
            ("https://a.test/", "https://b.test/", false),
            ("http://a.test/", "http://b.test/", false),
        ];
        for (from, to, expected) in table {
            let found = is_downgrade(&Uri::from_static(from), &Uri::from_static(to));
            assert_eq!(found, expected, "{from} to {to}");
        }
    }
}
