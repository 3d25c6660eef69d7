//! Under which key a redirect is remembered ([RFC 9110 §4.2.3]).
//!
//! A key is `partition SP scheme://host[:port]path[?query]`. Without a partition it begins with the
//! scheme. No URI holds a space, so the last one ends the partition, whatever that holds.
//!
//! Nothing is normalised but what cannot matter to a server: the case of scheme and host, the default
//! port, the empty path. Nothing is percent-decoded.
//!
//! [RFC 9110 §4.2.3]: https://www.rfc-editor.org/rfc/rfc9110#section-4.2.3

use std::fmt::Write;

use http::Uri;

use crate::rules::origin::port_text;

pub(super) const END_OF_PARTITION: char = ' ';

/// Writes the key of `uri` into `buffer`, whose content goes.
///
/// Returns `false`, and leaves `buffer` empty, where a redirect of `uri` is never remembered: it is in
/// origin form, its scheme is neither `http` nor `https`, or its port is none.
pub(super) fn key(partition: Option<&str>, uri: &Uri, buffer: &mut String) -> bool {
    buffer.clear();
    let Some(resource) = Resource::of(uri) else { return false };
    if let Some(partition) = partition {
        buffer.push_str(partition);
        buffer.push(END_OF_PARTITION);
    }
    resource.site.write(buffer);
    buffer.push_str(resource.path);
    if let Some(query) = resource.query {
        buffer.push('?');
        buffer.push_str(query);
    }
    true
}

/// Returns whether `uri` has a key.
pub(super) fn exists(uri: &Uri) -> bool {
    Resource::of(uri).is_some()
}

/// Returns whether two URIs have the same key in one partition.
pub(super) fn is_same(a: &Uri, b: &Uri) -> bool {
    match (Resource::of(a), Resource::of(b)) {
        (Some(a), Some(b)) => a.site.is_same(&b.site) && a.path == b.path && a.query == b.query,
        _ => false,
    }
}

/// The keys of one origin, in all partitions.
pub(super) struct KeysOfOrigin {
    /// `https://a.test/`: with the slash, so that no longer host begins with it.
    prefix: String,
}

impl KeysOfOrigin {
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let mut prefix = String::new();
        Resource::of(uri)?.site.write(&mut prefix);
        prefix.push('/');
        Some(Self { prefix })
    }

    pub(super) fn contain(&self, key: &str) -> bool {
        let uri = key.rsplit(END_OF_PARTITION).next().unwrap_or(key);
        uri.starts_with(&self.prefix)
    }
}

/// What of a URI is in its key.
struct Resource<'u> {
    site: Site<'u>,
    path: &'u str,
    query: Option<&'u str>,
}

impl<'u> Resource<'u> {
    fn of(uri: &'u Uri) -> Option<Self> {
        // `*` is the server, and no resource.
        let path = Some(uri.path()).filter(|path| path.starts_with('/'))?;
        Some(Self { site: Site::of(uri)?, path, query: uri.query() })
    }
}

/// Scheme, host and port of a URI.
///
/// [`Origin`](crate::Origin) parses the host, and takes `0x7f.1` for `127.0.0.1`. For a key that is too
/// slow and too much.
pub(super) struct Site<'u> {
    scheme: Scheme,
    host: &'u str,
    port: u16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn of(uri: &Uri) -> Option<Self> {
        match uri.scheme_str()? {
            scheme if scheme.eq_ignore_ascii_case("http") => Some(Self::Http),
            scheme if scheme.eq_ignore_ascii_case("https") => Some(Self::Https),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl<'u> Site<'u> {
    pub(super) fn of(uri: &'u Uri) -> Option<Self> {
        let scheme = Scheme::of(uri)?;
        let authority = uri.authority()?;
        let host = Some(authority.host()).filter(|host| !host.is_empty())?;
        let port = match port_text(authority.as_str(), host) {
            "" => scheme.default_port(),
            // `u16` would take `+80` too.
            port if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
            _ => return None,
        };
        Some(Self { scheme, host, port })
    }

    pub(super) fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.scheme == other.scheme && self.is_same_host(other) && self.port == other.port
    }

    pub(super) fn is_same_host(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(other.host)
    }

    pub(super) fn has_default_port(&self) -> bool {
        self.port == self.scheme.default_port()
    }

    fn write(&self, buffer: &mut String) {
        buffer.push_str(self.scheme.as_str());
        buffer.push_str("://");
        let start = buffer.len();
        buffer.push_str(self.host);
        buffer[start..].make_ascii_lowercase();
        if !self.has_default_port() {
            // A `String` takes all that is written.
            let _ = write!(buffer, ":{}", self.port);
        }
    }
}

#[cfg(test)]
mod tests {
    use http::uri::PathAndQuery;
    use proptest::prelude::*;

    use super::*;

    fn key_of(partition: Option<&str>, uri: &str) -> Option<String> {
        let mut buffer = String::from("what was there before");
        let known = key(partition, &uri.parse().unwrap(), &mut buffer);
        assert!(known || buffer.is_empty(), "{uri}");
        known.then_some(buffer)
    }

    #[test]
    fn only_case_default_port_empty_path_and_fragment_are_normalised() {
        let table = [
            ("https://a.test/x", "https://a.test/x"),
            ("HTTPS://A.Test:443/x", "https://a.test/x"),
            ("http://a.test:80/x", "http://a.test/x"),
            ("http://a.test:/x", "http://a.test/x"),
            ("http://a.test:00080/x", "http://a.test/x"),
            ("http://a.test:443/x", "http://a.test:443/x"),
            ("https://a.test:80/x", "https://a.test:80/x"),
            ("https://a.test:08443/x", "https://a.test:8443/x"),
            ("https://a.test", "https://a.test/"),
            ("https://a.test?Q", "https://a.test/?Q"),
            ("https://a.test/x?", "https://a.test/x?"),
            ("https://a.test/x#y", "https://a.test/x"),
            ("https://a.test/X%2f%2F/../y?A=%41&", "https://a.test/X%2f%2F/../y?A=%41&"),
            ("https://a.test/%7Ea%41/", "https://a.test/%7Ea%41/"),
            ("https://u:p@A.test/x", "https://a.test/x"),
            ("https://u@A.test:444/x", "https://a.test:444/x"),
            ("https://a.test./x", "https://a.test./x"),
            ("http://[::AB]:80/x", "http://[::ab]/x"),
            ("http://0x7f.1/x", "http://0x7f.1/x"),
        ];
        for (uri, expected) in table {
            assert_eq!(key_of(None, uri).as_deref(), Some(expected), "{uri}");
            let with = key_of(Some("p"), uri);
            assert_eq!(with, Some(format!("p {expected}")), "{uri}");
        }
    }

    #[test]
    fn what_names_no_resource_of_http_has_no_key() {
        let table = [
            "/x",
            "*",
            "a.test:443",
            "ftp://a.test/x",
            "ws://a.test/x",
            "http://:80/x",
            "https://a.test:99999/x",
            "https://a.test:65536/x",
        ];
        for uri in table {
            assert_eq!(key_of(None, uri), None, "{uri}");
            assert_eq!(key_of(Some("p"), uri), None, "{uri}");
            assert!(KeysOfOrigin::of(&uri.parse().unwrap()).is_none(), "{uri}");
        }
        let mut server = Uri::from_static("https://a.test/").into_parts();
        server.path_and_query = Some(PathAndQuery::from_static("*"));
        assert!(!key(None, &server.try_into().unwrap(), &mut String::new()));
    }

    #[test]
    fn a_port_is_digits() {
        for port in ["+80", "8a", "-1"] {
            let Ok(uri) = format!("http://a.test:{port}/").parse() else { continue };
            assert!(!key(None, &uri, &mut String::new()), "{port}");
        }
        // So that the loop does not pass by in silence.
        assert!("http://a.test:+80/".parse::<Uri>().is_ok());
    }

    #[test]
    fn two_uris_are_the_same_if_their_keys_are() {
        let table = [
            ("https://a.test/x", "HTTPS://A.TEST:443/x#f", true),
            ("https://u@a.test", "https://a.test/", true),
            ("https://a.test/x", "http://a.test/x", false),
            ("https://a.test/x", "http://a.test:443/x", false),
            ("https://a.test/x", "https://b.test/x", false),
            ("https://a.test/x", "https://a.test:444/x", false),
            ("https://a.test/x", "https://a.test/X", false),
            ("https://a.test/x", "https://a.test/x?", false),
            ("https://a.test/x?a", "https://a.test/x?A", false),
            ("/x", "/x", false),
        ];
        for (a, b, expected) in table {
            let same = is_same(&a.parse().unwrap(), &b.parse().unwrap());
            assert_eq!(same, expected, "{a} and {b}");
            let keys = (key_of(None, a), key_of(None, b));
            assert_eq!(keys.0.is_some() && keys.0 == keys.1, expected, "{a} and {b}");
        }
    }

    #[test]
    fn the_keys_of_an_origin_are_found_in_every_partition() {
        let keys = KeysOfOrigin::of(&Uri::from_static("HTTPS://A.test:443/x?y")).unwrap();
        for (uri, expected) in [
            ("https://a.test", true),
            ("https://a.test/other?z", true),
            ("http://a.test/", false),
            ("https://a.test:444/", false),
            ("https://a.test.b.test/", false),
            ("https://b.test/?https://a.test/", false),
        ] {
            for partition in [None, Some(""), Some("p"), Some("https://a.test/ "), Some(" ")] {
                let key = key_of(partition, uri).unwrap();
                assert_eq!(keys.contain(&key), expected, "{key}");
            }
        }
    }

    #[test]
    fn a_key_needs_no_memory_where_the_buffer_has_some() {
        let mut buffer = String::with_capacity(64);
        let before = buffer.as_ptr();
        assert!(key(Some("p"), &Uri::from_static("https://A.test:8443/x?y"), &mut buffer));
        assert_eq!((buffer.as_ptr(), buffer.capacity()), (before, 64));
    }

    fn any_uri() -> impl Strategy<Value = Uri> {
        let known = "https?://([a-z]{0,3}@)?[a-z*.]{1,4}(:[0-9]{0,6})?[/?][ -~é]{0,8}";
        prop_oneof![known, "[ -~é]{0,24}"].prop_filter_map("no URI", |text| text.parse().ok())
    }

    fn any_partition() -> impl Strategy<Value = Option<String>> {
        prop::option::of(prop_oneof!["[a ]{0,3}", "https://a.test/ ?", any::<String>()])
    }

    proptest! {
        #[test]
        fn case_and_default_port_never_matter(
            scheme in prop_oneof![Just("http"), Just("https")],
            host in "[a-z0-9-]{1,8}(\\.[a-z]{1,3})?",
            rest in "(/[!$-;=@-Z_a-z~]{0,8})?(\\?[!$-;=?-Z_a-z~]{0,8})?",
        ) {
            let port = if scheme == "http" { 80 } else { 443 };
            let plain = format!("{scheme}://{host}{rest}");
            let other = format!(
                "{}://{}:{port}{rest}", scheme.to_ascii_uppercase(), host.to_ascii_uppercase(),
            );
            let plain_key = key_of(None, &plain);
            prop_assert!(plain_key.is_some());
            prop_assert_eq!(plain_key, key_of(None, &other));
        }

        #[test]
        fn partition_and_uri_are_never_confused_with_another_pair(
            a in (any_partition(), any_uri()),
            b in (any_partition(), any_uri()),
        ) {
            let (mut left, mut right) = (String::new(), String::new());
            let known = key(a.0.as_deref(), &a.1, &mut left) && key(b.0.as_deref(), &b.1, &mut right);
            if known && left == right {
                prop_assert_eq!(&a.0, &b.0);
                prop_assert!(is_same(&a.1, &b.1));
            }
        }

        #[test]
        fn the_key_of_a_uri_ends_with_its_part_after_the_last_space(
            partition in any_partition(), uri in any_uri(),
        ) {
            let (mut with, mut without) = (String::new(), String::new());
            if key(partition.as_deref(), &uri, &mut with) {
                prop_assert!(key(None, &uri, &mut without));
                prop_assert!(!without.contains(END_OF_PARTITION));
                prop_assert_eq!(with.rsplit(END_OF_PARTITION).next(), Some(&*without));
                prop_assert!(KeysOfOrigin::of(&uri).unwrap().contain(&with));
            }
        }
    }
}
