//! `Location`, against the `url` crate and the grammar of RFC 3986.
//!
//! The first line of an input is the URI that was requested, with its fragment, and the rest is the
//! `Location`.

use http::{HeaderMap, HeaderValue, Uri, header::LOCATION};
use tower_follow_redirect::{
    Target,
    rules::location::{self, BadLocation, LocationError},
};
use url::Url;

/// What a `Location` must lead to: a URI in text, and its fragment.
type Expected = Result<(String, Option<String>), LocationError>;

/// Resolves a `Location`, and compares with what the oracle says.
pub fn check(input: &[u8]) {
    let Some((base, location)) = split(input) else { return };
    let (base, fragment) = match base.split_once('#') {
        Some((base, fragment)) => (base, Some(fragment)),
        None => (base, None),
    };
    let Ok(base) = base.parse::<Uri>() else { return };
    if !is_base(&base) {
        return;
    }
    let found = location::resolve(&base, fragment, location);
    let written = found.as_ref().map(parts);
    let shown = location.escape_ascii();
    match (expected(&base, fragment, location), &written) {
        (Ok(expected), Ok(written)) => assert_eq!(*written, expected, "{base} {shown}"),
        (Err(expected), Err(error)) => {
            assert!(is_like(error, &expected), "{base} {shown}: {error:?}")
        }
        (expected, found) => panic!("{base} {shown}: found {found:?}, expected {expected:?}"),
    }
    if let Ok(target) = &found {
        check_target(target, &base);
    }
    if let Ok(value) = HeaderValue::from_bytes(location) {
        check_field(&base, fragment, value, &found);
    }
}

fn split(input: &[u8]) -> Option<(&str, &[u8])> {
    let end = input.iter().position(|&byte| byte == b'\n')?;
    Some((std::str::from_utf8(&input[..end]).ok()?, &input[end + 1..]))
}

/// A client can send a request to it, and `url` can read it.
fn is_base(base: &Uri) -> bool {
    match base.scheme_str() {
        Some("http" | "https") => Url::parse(&base.to_string()).is_ok(),
        Some(_) => false,
        None => base.authority().is_none(),
    }
}

fn parts(target: &Target) -> (String, Option<String>) {
    (target.uri().to_string(), target.fragment().map(str::to_owned))
}

/// `InvalidReference` cannot be made here, so that one stands for all.
fn is_like(error: &LocationError, expected: &LocationError) -> bool {
    let invalid = |error: &_| matches!(error, LocationError::Bad(BadLocation::Invalid(_)));
    error == expected || (invalid(error) && *expected == INVALID)
}

/// Stands for [`BadLocation::Invalid`].
const INVALID: LocationError = LocationError::Bad(BadLocation::TooMany);

/// What `url` makes of it, save for what RFC 3986 does not allow.
fn expected(base: &Uri, fragment: Option<&str>, location: &[u8]) -> Expected {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let Some(start) = location.iter().position(|byte| !is_space(byte)) else {
        return Err(LocationError::Missing);
    };
    let end = location.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    let text = text(&location[start..end]);
    let parts = Rfc3986::of(&text);
    parts.check()?;
    let (origin, absolute) = match (base.authority(), parts.scheme, parts.authority) {
        (Some(_), _, _) => (origin(base), true),
        (None, Some(_), _) => (Url::parse("http://base.invalid/").expect("a URL"), true),
        (None, None, Some(_)) => return Err(BadLocation::NoScheme.into()),
        (None, None, None) => (origin(base), false),
    };
    let mut url = origin.join(&text).map_err(|_| INVALID)?;
    let fragment = url.fragment().or(fragment).map(str::to_owned);
    url.set_fragment(None);
    let _ = (url.set_username(""), url.set_password(None));
    let written = if absolute { url.as_str() } else { &url[url::Position::BeforePath..] };
    // RFC 3986 has no such name, and `http::Uri` has neither those nor what is too long.
    let is_odd_name =
        absolute && url.host_str().is_some_and(|host| host.contains(['"', '`', '{', '}']));
    if is_odd_name || written.len() > usize::from(u16::MAX) - 1 {
        return Err(BadLocation::NoRequestTarget.into());
    }
    Ok((written.to_owned(), fragment))
}

/// The URL of a request: `*` is its server.
fn origin(base: &Uri) -> Url {
    let text = match base.authority() {
        Some(_) => base.to_string(),
        None => format!("http://base.invalid{}", base.to_string().trim_start_matches('*')),
    };
    let mut url = Url::parse(&text).expect("a URL");
    if base.path() == "*" {
        url.set_path("/");
    }
    url
}

/// Percent-encodes what is no UTF-8.
fn text(location: &[u8]) -> String {
    std::str::from_utf8(location).map_or_else(
        |_| {
            let byte = |byte: &u8| match byte {
                0..=0x7f => char::from(*byte).to_string(),
                _ => format!("%{byte:02X}"),
            };
            location.iter().map(byte).collect()
        },
        str::to_owned,
    )
}

/// A reference, split as RFC 3986 appendix B does.
struct Rfc3986<'a> {
    whole: &'a str,
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
}

impl<'a> Rfc3986<'a> {
    fn of(whole: &'a str) -> Self {
        let until = |text: &'a str, ends: &[char]| text.find(ends).unwrap_or(text.len());
        let colon = until(whole, &[':', '/', '?', '#']);
        let is_scheme = |name: &str| {
            let mut chars = name.chars();
            chars.next().is_some_and(|first| first.is_ascii_alphabetic())
                && chars.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        };
        let (scheme, rest) = match (whole.get(colon..colon + 1), &whole[..colon]) {
            (Some(":"), name) if is_scheme(name) => (Some(name), &whole[colon + 1..]),
            _ => (None, whole),
        };
        let authority = rest.strip_prefix("//").map(|rest| &rest[..until(rest, &['/', '?', '#'])]);
        Self { whole, scheme, authority }
    }

    /// What is refused before anybody tries to make something of it.
    fn check(&self) -> Result<(), LocationError> {
        if self.whole.contains(|c: char| c.is_ascii_control()) {
            return Err(BadLocation::Control.into());
        }
        if self.whole.split(['?', '#']).next().is_some_and(|before| before.contains('\\')) {
            return Err(BadLocation::Backslash.into());
        }
        match (self.scheme.map(str::to_ascii_lowercase).as_deref(), self.authority) {
            (None | Some("http" | "https"), Some("")) | (Some("http" | "https"), None) => {
                Err(BadLocation::NoHost.into())
            }
            (None | Some("http" | "https"), _) => Ok(()),
            (Some(other), _) => Err(LocationError::Scheme(other.into())),
        }
    }
}

/// What holds for every target, whatever led to it.
fn check_target(target: &Target, base: &Uri) {
    let uri = target.uri();
    let Some(authority) = uri.authority() else {
        assert!(base.authority().is_none(), "{base} gave {uri}");
        assert!(uri.scheme().is_none() && uri.path().starts_with('/'), "{uri}");
        return;
    };
    assert!(matches!(uri.scheme_str(), Some("http" | "https")), "{uri}");
    assert!(!authority.as_str().contains('@'), "{uri}");
    // Policies, the credential scope and the connection read the same host in it.
    let url = Url::parse(&uri.to_string()).expect("a URL");
    assert_eq!(url.host_str(), uri.host(), "{uri}");
    assert_eq!(url.as_str(), uri.to_string());
    let again = location::resolve(base, target.fragment(), uri.to_string().as_bytes());
    assert_eq!(again.as_ref(), Ok(target), "{uri} leads elsewhere");
}

/// The field is read as its value is, and twice the same is once.
fn check_field(
    base: &Uri,
    fragment: Option<&str>,
    value: HeaderValue,
    expected: &Result<Target, LocationError>,
) {
    let too_long = Err(BadLocation::TooLong.into());
    let expected = if value.len() > 64 * 1024 { &too_long } else { expected };
    let mut headers = HeaderMap::from_iter([(LOCATION, value.clone())]);
    assert_eq!(&location::target(base, fragment, &headers), expected);
    headers.append(LOCATION, value);
    assert_eq!(&location::target(base, fragment, &headers), expected);
    headers.append(LOCATION, HeaderValue::from_static("/another"));
    if let Ok(target) = location::target(base, fragment, &headers) {
        assert!(target.uri().path().ends_with("/another"), "one of two was chosen");
    }
}
