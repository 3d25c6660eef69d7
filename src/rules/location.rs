//! Where a redirect points ([RFC 9110 §10.2.2], RFC 3986 §5).
//!
//! A `Location` is resolved as browsers do (the [`url`] crate), and what RFC 9110 §4.2 and RFC 3986
//! call invalid is refused before it can be reinterpreted: an empty host (`http:///x`), an `http:`
//! without an authority, a backslash, a control character. Userinfo is removed. A fragment is
//! inherited and kept beside the [`Uri`], which has no place for one.
//!
//! [RFC 9110 §10.2.2]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.2

use std::{borrow::Cow, fmt, str};

use http::{HeaderMap, Uri, header};
use url::Url;

use super::{plain, target::Target};

/// Why a redirect has no target that could be requested.
///
/// ```
/// use http::Uri;
/// use tower_follow_redirect::rules::location::{LocationError, resolve};
///
/// let base = Uri::from_static("https://a.test/");
/// assert_eq!(resolve(&base, None, b" "), Err(LocationError::Missing));
/// let error = resolve(&base, None, b"ftp://b.test/").unwrap_err();
/// assert_eq!(error.to_string(), "the scheme `ftp` is neither http nor https");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocationError {
    /// There is no `Location`, or it is empty or blank.
    Missing,
    /// `Location` cannot be resolved to a URI.
    Bad(BadLocation),
    /// `Location` has a scheme that is neither `http` nor `https`.
    Scheme(Box<str>),
}

/// What is wrong with a `Location`.
///
/// ```
/// use http::Uri;
/// use tower_follow_redirect::rules::location::{BadLocation, LocationError, resolve};
///
/// let resolve = |location: &[u8]| resolve(&Uri::from_static("https://a.test/"), None, location);
/// assert_eq!(resolve(b"https:///b.test/"), Err(LocationError::Bad(BadLocation::NoHost)));
/// assert_eq!(resolve(b"\\\\b.test/"), Err(LocationError::Bad(BadLocation::Backslash)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadLocation {
    /// It is longer than the [limit](LocationLimit::bytes).
    TooLong,
    /// It is there more often than the [limit](LocationLimit::fields) allows, if always the same.
    TooMany,
    /// There are several, and they differ.
    Several,
    /// It holds a control character.
    Control,
    /// It holds a backslash before its query, which some take for a slash.
    Backslash,
    /// It names `http` or `https` but no host ([RFC 9110 §4.2.1]).
    ///
    /// [RFC 9110 §4.2.1]: https://www.rfc-editor.org/rfc/rfc9110#section-4.2.1
    NoHost,
    /// It has a host but no scheme, and the request had none to inherit.
    NoScheme,
    /// It is no URI reference.
    Invalid(InvalidReference),
    /// It is longer than a [`Uri`] may be (65,534 bytes), or otherwise not one.
    NoRequestTarget,
}

/// Why a string is no URI reference.
///
/// ```
/// use http::Uri;
/// use tower_follow_redirect::rules::location::resolve;
///
/// let error = resolve(&Uri::from_static("https://a.test/"), None, b"https://[::1/").unwrap_err();
/// assert_eq!(error.to_string(), "Location is no URI reference: invalid IPv6 address");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidReference {
    error: url::ParseError,
}

impl BadLocation {
    fn invalid(error: url::ParseError) -> Self {
        Self::Invalid(InvalidReference { error })
    }
}

impl From<BadLocation> for LocationError {
    fn from(bad: BadLocation) -> Self {
        Self::Bad(bad)
    }
}

impl fmt::Display for LocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no Location"),
            Self::Bad(bad) => bad.fmt(f),
            Self::Scheme(scheme) => write!(f, "the scheme `{scheme}` is neither http nor https"),
        }
    }
}

impl fmt::Display for BadLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "Location is longer than the limit",
            Self::TooMany => "there are more Location fields than the limit allows",
            Self::Several => "several Location fields differ",
            Self::Control => "Location holds a control character",
            Self::Backslash => "Location holds a backslash",
            Self::NoHost => "Location names no host",
            Self::NoScheme => "Location names no scheme, and the request had none",
            Self::Invalid(InvalidReference { error }) => {
                return write!(f, "Location is no URI reference: {error}");
            }
            Self::NoRequestTarget => "Location is too long, or no request target",
        })
    }
}

impl std::error::Error for LocationError {}
impl std::error::Error for BadLocation {}

/// How much of a `Location` is read.
///
/// By default up to 64 KiB, which is as long as a [`Uri`] can be, and up to 8 equal fields. What is
/// longer would be kept by the history with its fragment, for every hop.
///
/// ```
/// use tower_follow_redirect::{FollowRedirectLayer, LocationLimit};
///
/// // RFC 9110 §4.1 recommends to support 8000 bytes. A second field is a mistake of the server.
/// let layer = FollowRedirectLayer::new().location_limit(LocationLimit::bytes(8000).fields(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocationLimit {
    bytes: usize,
    fields: usize,
}

impl LocationLimit {
    /// Refuses what is longer than so many bytes, as it is in the field.
    pub fn bytes(bytes: usize) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// Sets how often the field may be there, always with the same value: with 1, only once.
    #[must_use]
    pub fn fields(mut self, fields: usize) -> Self {
        self.fields = fields;
        self
    }
}

impl Default for LocationLimit {
    fn default() -> Self {
        Self { bytes: 64 * 1024, fields: 8 }
    }
}

/// Reads the `Location` of a response that answered a request for `base`, within the default
/// [`LocationLimit`].
///
/// `fragment` is that of the request, to be inherited. Equal duplicates of the field count as one.
///
/// ```
/// use http::{HeaderMap, HeaderValue, Uri, header::LOCATION};
/// use tower_follow_redirect::rules::location::{self, LocationError};
///
/// let base = Uri::from_static("https://a.test/x");
/// let mut headers = HeaderMap::new();
/// assert_eq!(location::target(&base, None, &headers), Err(LocationError::Missing));
/// headers.insert(LOCATION, HeaderValue::from_static("//b.test/y"));
/// assert_eq!(location::target(&base, None, &headers)?.uri(), "https://b.test/y");
/// # Ok::<(), LocationError>(())
/// ```
///
/// # Errors
///
/// Fails if there is no `Location`, if two differ, if it passes the limit, and where [`resolve`] fails.
pub fn target(
    base: &Uri,
    fragment: Option<&str>,
    headers: &HeaderMap,
) -> Result<Target, LocationError> {
    target_within(LocationLimit::default(), base, fragment, headers)
}

/// Reads a `Location` as [`target`] does, within a limit.
pub(crate) fn target_within(
    limit: LocationLimit,
    base: &Uri,
    fragment: Option<&str>,
    headers: &HeaderMap,
) -> Result<Target, LocationError> {
    let mut values = headers.get_all(header::LOCATION).iter().map(|value| value.as_bytes());
    let first = values.next().ok_or(LocationError::Missing)?;
    if first.len() > limit.bytes {
        return Err(BadLocation::TooLong.into());
    }
    for (count, other) in (2..).zip(values) {
        if trim(other) != trim(first) {
            return Err(BadLocation::Several.into());
        }
        if count > limit.fields {
            return Err(BadLocation::TooMany.into());
        }
    }
    resolve(base, fragment, first)
}

/// Resolves the value of a `Location` against `base`, the URI that was requested.
///
/// `fragment` is that of the request; it is inherited where `location` has none. Bytes that are not
/// UTF-8 are percent-encoded as they are. Where `base` is in origin form, what a relative reference
/// gives is in origin form too.
///
/// # Errors
///
/// Fails if `location` is blank, invalid, or neither `http` nor `https`.
///
/// ```
/// use http::Uri;
/// use tower_follow_redirect::rules::location::resolve;
///
/// let base = Uri::from_static("https://a.test/x/y?q");
/// let target = resolve(&base, None, b"//user:secret@b.test/z")?;
/// assert_eq!(target.uri(), "https://b.test/z");
/// assert_eq!(resolve(&base, None, b"?page=2")?.uri(), "https://a.test/x/y?page=2");
/// # Ok::<(), tower_follow_redirect::rules::location::LocationError>(())
/// ```
pub fn resolve(
    base: &Uri,
    fragment: Option<&str>,
    location: &[u8],
) -> Result<Target, LocationError> {
    let location = trim(location);
    if location.is_empty() {
        return Err(LocationError::Missing);
    }
    match plain::resolve(base, location) {
        Some(uri) => Ok(Target::of_plain(uri, fragment)),
        None => resolve_any(base, fragment, location),
    }
}

/// Resolves a reference that may be written in any way.
fn resolve_any(
    base: &Uri,
    fragment: Option<&str>,
    location: &[u8],
) -> Result<Target, LocationError> {
    let reference = text(location);
    let kind = Reference::of(&reference)?;
    let mut url = match (kind, base.authority()) {
        (Reference::Absolute, _) => Url::parse(&reference),
        (_, Some(_)) => base_url(base).and_then(|base| base.join(&reference)),
        (Reference::Network, None) => return Err(BadLocation::NoScheme.into()),
        (Reference::Relative, None) => return origin_form(base, fragment, &reference),
    }
    .map_err(BadLocation::invalid)?;

    let own_fragment = url.fragment().map(str::to_owned);
    url.set_fragment(None);
    let fragment = own_fragment.as_deref().or(fragment);
    if !matches!(url.scheme(), "http" | "https") {
        return Err(LocationError::Scheme(url.scheme().into()));
    }
    // Neither can fail for a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Target::new(request_target(url.into())?, fragment)
}

/// The three forms of a URI reference (RFC 3986 §4.1 and §4.2).
#[derive(Clone, Copy)]
enum Reference {
    Absolute,
    /// `//host/path`.
    Network,
    Relative,
}

impl Reference {
    fn of(reference: &str) -> Result<Self, LocationError> {
        if reference.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(BadLocation::Control.into());
        }
        let end = reference.find(['?', '#']).unwrap_or(reference.len());
        if reference[..end].contains('\\') {
            return Err(BadLocation::Backslash.into());
        }
        let (kind, rest) = match scheme(reference) {
            Some((scheme, rest)) if is_http(scheme) => (Self::Absolute, rest),
            Some((scheme, _)) => {
                return Err(LocationError::Scheme(scheme.to_ascii_lowercase().into()));
            }
            None if reference.starts_with("//") => (Self::Network, reference),
            None => return Ok(Self::Relative),
        };
        match rest.strip_prefix("//").map(|authority| authority.bytes().next()) {
            None | Some(None | Some(b'/' | b'?' | b'#')) => Err(BadLocation::NoHost.into()),
            Some(Some(_)) => Ok(kind),
        }
    }
}

/// Splits `scheme ":" rest` (RFC 3986 §3.1).
fn scheme(reference: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = reference.split_once(':')?;
    let valid = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    valid.then_some((scheme, rest))
}

fn is_http(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

fn base_url(base: &Uri) -> Result<Url, url::ParseError> {
    let mut url = Url::parse(&base.to_string())?;
    if base.path() == "*" {
        url.set_path("/");
    }
    Ok(url)
}

/// Resolves a relative reference where the request had only a path: the result has only a path.
fn origin_form(
    base: &Uri,
    fragment: Option<&str>,
    reference: &str,
) -> Result<Target, LocationError> {
    let mut url = Url::parse("http://origin-form.invalid/").map_err(BadLocation::invalid)?;
    if base.path() != "*" {
        url.set_path(base.path());
        url.set_query(base.query());
    }
    let url = url.join(reference).map_err(BadLocation::invalid)?;
    let path = match url.query() {
        Some(query) => Cow::from(format!("{}?{query}", url.path())),
        None => Cow::from(url.path()),
    };
    Target::new(request_target(path.into_owned())?, url.fragment().or(fragment))
}

fn request_target(uri: String) -> Result<Uri, BadLocation> {
    Uri::try_from(uri).map_err(|_| BadLocation::NoRequestTarget)
}

/// Percent-encodes what is not UTF-8, byte by byte.
fn text(location: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(location) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(location.iter().fold(String::new(), |mut text, &byte| {
            match byte {
                0x80.. => text.push_str(&format!("%{byte:02X}")),
                _ => text.push(char::from(byte)),
            }
            text
        })),
    }
}

/// Removes optional whitespace at both ends ([RFC 9110 §5.6.3]).
///
/// [RFC 9110 §5.6.3]: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.3
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resolved(base: &str, location: &[u8]) -> Result<String, LocationError> {
        let target = resolve(&base.parse().unwrap(), None, location)?;
        let uri = target.uri().to_string();
        Ok(match target.fragment() {
            Some(fragment) => format!("{uri}#{fragment}"),
            None => uri,
        })
    }

    #[test]
    fn resolves_references() {
        let table: &[(&str, &[u8], &str)] = &[
            ("http://a.test/x/y", b"http://b.test", "http://b.test/"),
            ("http://a.test/x/y", b"HTTP://B.test/Z", "http://b.test/Z"),
            ("http://a.test/x/y", b"//b.test/z", "http://b.test/z"),
            ("https://a.test/x/y", b"/z", "https://a.test/z"),
            ("https://a.test/x/y", b"z", "https://a.test/x/z"),
            ("https://a.test/x/y", b"../../../z", "https://a.test/z"),
            ("https://a.test/x/y?q", b"?r=/s", "https://a.test/x/y?r=/s"),
            ("https://a.test/x/y?q", b"#f", "https://a.test/x/y?q#f"),
            ("https://a.test/x/y", b"./././z/../w", "https://a.test/x/w"),
            ("https://a.test/", b" /z \t", "https://a.test/z"),
            ("https://a.test/", b"/a b?c d", "https://a.test/a%20b?c%20d"),
            ("https://a.test/", "/é?é".as_bytes(), "https://a.test/%C3%A9?%C3%A9"),
            ("https://a.test/", b"/\xe9?\xff", "https://a.test/%E9?%FF"),
            ("https://a.test/", "//münchen.test/".as_bytes(), "https://xn--mnchen-3ya.test/"),
            ("https://a.test/", b"http://[::1]:8080/x", "http://[::1]:8080/x"),
            ("https://a.test/", b"http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"),
            ("https://a.test/", b"http://0x7f.1/", "http://127.0.0.1/"),
            ("https://a.test/", b"http://u:p@b.test/x", "http://b.test/x"),
            ("https://a.test/", b"http://u:p%40q@b.test/x", "http://b.test/x"),
            ("https://u:p@a.test/x", b"/y", "https://a.test/y"),
            ("https://u:p@a.test/x", b"//b.test/", "https://b.test/"),
            ("https://a.test/", b"https://a.test:443/x", "https://a.test/x"),
            ("https://a.test/", b"http://unix:/var/run.sock", "http://unix/var/run.sock"),
            ("https://a.test/", b"/x%0d%0ay:%201", "https://a.test/x%0d%0ay:%201"),
            ("https://a.test/", b"h ttp://1.2.3.4/", "https://a.test/h%20ttp://1.2.3.4/"),
            ("http://a.test/", b"http://b.test#@evil.test/x", "http://b.test/#@evil.test/x"),
            ("http://a.test/", b"/x?a=\\b", "http://a.test/x?a=\\b"),
            ("/x/y?q", b"z", "/x/z"),
            ("/x/y?q", b"?r", "/x/y?r"),
            ("/x/y", b"/z?r#f", "/z?r#f"),
            ("/x/y", b"http://b.test/z", "http://b.test/z"),
            ("*", b"/z", "/z"),
            ("*", b"http://b.test/z", "http://b.test/z"),
        ];
        for (base, location, expected) in table {
            let found = resolved(base, location).map_err(|error| error.to_string());
            assert_eq!(found.as_deref(), Ok(*expected), "{}", location.escape_ascii());
        }
    }

    #[test]
    fn refuses_what_the_rfcs_call_invalid() {
        let long = format!("/{}", "x".repeat(70_000));
        let table: &[(&str, &[u8], LocationError)] = &[
            ("http://a.test/", b"", LocationError::Missing),
            ("http://a.test/", b" \t ", LocationError::Missing),
            ("http://a.test/", b"http:///b.test/", BadLocation::NoHost.into()),
            ("http://a.test/", b"http:/b.test/", BadLocation::NoHost.into()),
            ("http://a.test/", b"https:b.test", BadLocation::NoHost.into()),
            ("http://a.test/", b"http://", BadLocation::NoHost.into()),
            ("http://a.test/", b"http://?x", BadLocation::NoHost.into()),
            ("http://a.test/", b"///b.test/", BadLocation::NoHost.into()),
            ("http://a.test/", b"/\\b.test/", BadLocation::Backslash.into()),
            ("http://a.test/", b"\\\\b.test/", BadLocation::Backslash.into()),
            ("http://a.test/", b"/a\tb", BadLocation::Control.into()),
            ("http://a.test/", b"/a\r\nb: c", BadLocation::Control.into()),
            ("http://a.test/", long.as_bytes(), BadLocation::NoRequestTarget.into()),
            ("http://a.test/", b"javascript:alert(1)", LocationError::Scheme("javascript".into())),
            ("http://a.test/", b"FTP://b.test/", LocationError::Scheme("ftp".into())),
            ("http://a.test/", b"mailto:a@b", LocationError::Scheme("mailto".into())),
            ("http://a.test/", b"ws://b.test/", LocationError::Scheme("ws".into())),
            ("/x", b"//b.test/", BadLocation::NoScheme.into()),
        ];
        for (base, location, expected) in table {
            let found = resolved(base, location);
            assert_eq!(found.as_ref(), Err(expected), "{}", location.escape_ascii());
        }
    }

    #[test]
    fn refuses_a_host_or_port_that_cannot_be() {
        let table: &[&[u8]] = &[
            b"http://b.test:99999/",
            b"http://b.test:port/",
            b"http://:80/",
            b"http://u@/",
            b"http://1.2 .3.4/",
            b"http://[localhost]:80/",
            b"http://[::1%25.a.test]/",
            b"http://b.test%2F127.0.0.1/",
            b"http://b\xe9.test/",
            b"//super:invalid:url%/",
        ];
        for location in table {
            let found = resolved("http://a.test/", location);
            let invalid = matches!(found, Err(LocationError::Bad(BadLocation::Invalid(_))));
            assert!(invalid, "{} gave {found:?}", location.escape_ascii());
        }
    }

    #[test]
    fn a_fragment_is_inherited_unless_location_has_its_own() {
        let base = Uri::from_static("http://a.test/");
        let fragment = |location: &[u8]| {
            let target = resolve(&base, Some("old"), location).unwrap();
            target.fragment().map(str::to_owned)
        };
        assert_eq!(fragment(b"/x").as_deref(), Some("old"));
        assert_eq!(fragment(b"/x#new").as_deref(), Some("new"));
        assert_eq!(fragment(b"/x#").as_deref(), Some(""));
    }

    #[test]
    fn equal_duplicates_count_as_one() {
        let base = Uri::from_static("http://a.test/");
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::LOCATION, http::HeaderValue::from_static(value));
            }
            target(&base, None, &headers).map(|target| target.uri().to_string())
        };
        assert_eq!(read(&[]), Err(LocationError::Missing));
        assert_eq!(read(&["", " "]), Err(LocationError::Missing));
        assert_eq!(read(&["/x", "/x "]).as_deref(), Ok("http://a.test/x"));
        assert_eq!(read(&["/x", "/y"]), Err(BadLocation::Several.into()));
        assert_eq!(read(&["/x", ""]), Err(BadLocation::Several.into()));
    }

    const AUTHORITY: &str = "([a-z]|[aT0]|[.-]|--){0,3}(test|test|1|xn--a|0x7f|T)\\.?\
        (:|:[0-9]{1,4}|:80|:443|:65536|:x)?";

    fn nearly_plain_base() -> impl Strategy<Value = String> {
        let base = format!("https?://(u@)?{AUTHORITY}/x/y");
        proptest::string::string_regex(&base).unwrap()
    }

    /// References that need no normalisation, and those that nearly need none.
    fn nearly_plain() -> impl Strategy<Value = String> {
        let path = "(/|/[a-z]{1,2}|/[a-zA-Z0-9_~!$&()*+,;=:@%.'-]{1,2}|/\\.{1,3}|/%2[eE]){0,4}";
        let odd = "[ |^`{}\"<>\\\\é']?";
        let query = "\\?[a-zA-Z0-9/?%&=.'~-]{0,3}";
        let reference = format!(
            "((https?|https?|HTTP|ftp)://{AUTHORITY})?{path}{odd}({query}{odd})?(#[a-z]?)?"
        );
        proptest::string::string_regex(&reference).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_is_plain_is_what_the_url_standard_makes_of_it(
            base in nearly_plain_base(),
            reference in nearly_plain(),
        ) {
            if let Ok(base) = base.parse::<Uri>() {
                if let Some(uri) = plain::resolve(&base, reference.as_bytes()) {
                    let target = resolve_any(&base, None, reference.as_bytes()).unwrap();
                    // As strings: two URIs are equal where their hosts are, in any case.
                    prop_assert_eq!(Target::of_plain(uri, None).url(), target.url());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn resolving_never_panics_and_gives_an_absolute_http_uri(
            location in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..64),
                "(https?:)?[/\\\\]{0,4}[a-z@:\\[\\]%.0-9é-]{0,12}(:[0-9]{0,6})?[/?#a-z .%{}|^\"<>]{0,16}"
                    .prop_map(String::into_bytes),
            ],
            base in prop_oneof![
                Just("http://a.test/x/y?q"), Just("https://u:p@a.test:8443"), Just("https://[::1]/*"),
            ],
        ) {
            let base = Uri::from_static(base);
            if let Ok(target) = resolve(&base, None, &location) {
                let uri = target.uri();
                prop_assert!(matches!(uri.scheme_str(), Some("http" | "https")));
                prop_assert!(uri.host().is_some_and(|host| !host.is_empty()));
                prop_assert!(!uri.authority().unwrap().as_str().contains('@'));
                prop_assert!(crate::rules::origin::Origin::of(uri).is_some(), "{}", uri);
                // The policy, the credential scope and the connection see one and the same parse.
                let again = Url::parse(&uri.to_string()).unwrap();
                prop_assert_eq!(again.host_str(), uri.host());
            }
        }
    }
}
