//! When a request asks for `100 Continue` ([RFC 9110 §10.1.1]).
//!
//! [RFC 9110 §10.1.1]: https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1

use http::{HeaderMap, HeaderValue, Method, Version, header, request};
use http_body::SizeHint;

/// Which requests ask for `100 Continue`, of those whose caller did not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threshold {
    /// None, and nothing waits.
    Off,
    /// Only those that ask by themselves.
    WhenAsked,
    /// Those with more content, in bytes, or of unknown length.
    Above(u64),
}

/// What a request does about `100 Continue`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// It sends its content at once.
    None,
    /// It has the field, and its content waits.
    Continue,
}

/// Decides for one request, and adds or removes `Expect` accordingly.
///
/// `content` is the size of the content, or `None` where there is none: then there is nothing to
/// expect (the client MUST NOT). A blank `Expect` says that the caller wants none.
pub(crate) fn decide(
    head: &mut request::Parts,
    content: Option<&SizeHint>,
    threshold: Threshold,
) -> Expectation {
    let caller = Caller::of(&head.headers);
    let Some(content) = content.filter(|content| !may_be_none(head, content)) else {
        if caller != Caller::Silent && caller != Caller::Other {
            head.headers.remove(header::EXPECT);
        }
        return Expectation::None;
    };
    match (caller, threshold) {
        (Caller::Blank, _) => {
            head.headers.remove(header::EXPECT);
            Expectation::None
        }
        (_, Threshold::Off) => Expectation::None,
        _ if is_tunnel(head) => Expectation::None,
        (Caller::Continue, _) if may_expect(head.version) => Expectation::Continue,
        (Caller::Silent, Threshold::Above(bytes)) if may_expect(head.version) => {
            let length = content.exact().or_else(|| content_length(&head.headers));
            if length.is_some_and(|length| length <= bytes) {
                return Expectation::None;
            }
            head.headers.insert(header::EXPECT, HeaderValue::from_static("100-continue"));
            Expectation::Continue
        }
        (Caller::Silent | Caller::Other | Caller::Continue, _) => Expectation::None,
    }
}

/// Returns whether a transport may send the request without content.
///
/// Content of no bytes it never asks for, and to a GET or HEAD with content of unknown length hyper gives none in
/// HTTP/1.1, unless a field says that there is some.
fn may_be_none(head: &request::Parts, content: &SizeHint) -> bool {
    let says = |name| head.headers.contains_key(name);
    match content.exact() {
        Some(length) => length == 0,
        None => {
            matches!(head.method, Method::GET | Method::HEAD)
                && !says(header::CONTENT_LENGTH)
                && !says(header::TRANSFER_ENCODING)
        }
    }
}

/// Returns whether the request is about its connection: CONNECT, or an upgrade.
pub(crate) fn is_tunnel(head: &request::Parts) -> bool {
    head.method == Method::CONNECT || head.headers.contains_key(header::UPGRADE)
}

/// Returns whether the transport of a request reports no informational response: HTTP/2 and HTTP/3.
pub(crate) fn is_unreported(version: Version) -> bool {
    version > Version::HTTP_11
}

/// Removes the expectation, for a server that answers it with 417. Others of the caller stay.
pub(crate) fn remove(headers: &mut HeaderMap) {
    let values = headers.get_all(header::EXPECT);
    let others: Vec<_> = values.iter().filter_map(others_of).collect();
    headers.remove(header::EXPECT);
    for value in others {
        headers.append(header::EXPECT, value);
    }
}

/// Returns what a field expects besides `100-continue`.
fn others_of(value: &HeaderValue) -> Option<HeaderValue> {
    let is_other = |member: &&[u8]| !member.is_empty() && !is_continue(member);
    let others: Vec<_> = members(value).filter(is_other).collect();
    if others.is_empty() {
        return None;
    }
    Some(HeaderValue::from_bytes(&others.join(&b", "[..])).expect("each was part of a value"))
}

/// Returns the members of the list that `Expect` is.
fn members(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

fn is_continue(member: &[u8]) -> bool {
    member.eq_ignore_ascii_case(b"100-continue")
}

/// What the caller's `Expect` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Silent,
    Blank,
    Continue,
    Other,
}

impl Caller {
    fn of(headers: &HeaderMap) -> Self {
        let mut caller = Self::Silent;
        for value in headers.get_all(header::EXPECT) {
            for member in members(value) {
                if is_continue(member) {
                    return Self::Continue;
                }
                caller = match caller {
                    Self::Silent | Self::Blank if member.is_empty() => Self::Blank,
                    _ => Self::Other,
                };
            }
        }
        caller
    }
}

/// A server MUST ignore the expectation of an HTTP/1.0 request.
fn may_expect(version: Version) -> bool {
    version >= Version::HTTP_11
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn size(exact: Option<u64>) -> SizeHint {
        exact.map_or_else(SizeHint::new, SizeHint::with_exact)
    }

    /// Of these hyper sends none in HTTP/1.1, and an expectation without content must not be.
    #[test]
    fn a_get_of_unknown_length_may_have_no_content() {
        for (method, expected) in [
            (Method::GET, Expectation::None),
            (Method::HEAD, Expectation::None),
            (Method::DELETE, Expectation::Continue),
        ] {
            for callers in [None, Some("100-continue")] {
                let mut request = Request::builder().method(&method);
                if let Some(expect) = callers {
                    request = request.header(header::EXPECT, expect);
                }
                let (mut head, ()) = request.body(()).unwrap().into_parts();
                let decide = |head: &mut request::Parts| {
                    let expectation = decide(head, Some(&size(None)), Threshold::Above(MIB));
                    let is_sent = head.headers.contains_key(header::EXPECT);
                    assert_eq!(is_sent, expectation == Expectation::Continue, "{method}");
                    expectation
                };
                assert_eq!(decide(&mut head), expected, "{method}, {callers:?}");
                head.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
                assert_eq!(decide(&mut head), Expectation::Continue, "{method}, {callers:?}");
            }
        }
    }

    #[test]
    fn large_content_and_callers_ask() {
        let above = Threshold::Above(MIB);
        // (the caller's Expect, content, threshold) -> (the field that is sent, waits)
        let table = [
            (None, Some(Some(MIB)), above, None, Expectation::None),
            (None, Some(Some(MIB + 1)), above, Some("100-continue"), Expectation::Continue),
            (None, Some(None), above, Some("100-continue"), Expectation::Continue),
            (None, None, above, None, Expectation::None),
            (None, Some(None), Threshold::WhenAsked, None, Expectation::None),
            (None, Some(None), Threshold::Off, None, Expectation::None),
            (
                Some("100-Continue"),
                Some(Some(1)),
                above,
                Some("100-Continue"),
                Expectation::Continue,
            ),
            (
                Some("x=1, 100-continue"),
                Some(Some(1)),
                Threshold::WhenAsked,
                Some("x=1, 100-continue"),
                Expectation::Continue,
            ),
            (Some("100-continue"), None, above, None, Expectation::None),
            (
                Some("100-continue"),
                Some(None),
                Threshold::Off,
                Some("100-continue"),
                Expectation::None,
            ),
            (Some(""), Some(None), above, None, Expectation::None),
            (Some(" "), Some(None), Threshold::WhenAsked, None, Expectation::None),
            (Some("x=1"), Some(None), above, Some("x=1"), Expectation::None),
        ];
        for (expect, content, threshold, sent, waits) in table {
            let mut request = Request::put("http://a.test/").body(()).unwrap();
            if let Some(expect) = expect {
                request.headers_mut().insert(header::EXPECT, HeaderValue::from_static(expect));
            }
            let (mut head, ()) = request.into_parts();
            let row = format!("{expect:?} {content:?} {threshold:?}");
            let found = decide(&mut head, content.map(size).as_ref(), threshold);
            assert_eq!(found, waits, "{row}");
            let found = head.headers.get(header::EXPECT).map(|value| value.to_str().unwrap());
            assert_eq!(found, sent, "{row}");
        }
    }

    #[test]
    fn the_length_may_be_in_the_head() {
        let request = Request::put("http://a.test/").header(header::CONTENT_LENGTH, 5);
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        let found = decide(&mut head, Some(&size(None)), Threshold::Above(MIB));
        assert_eq!(found, Expectation::None);
    }

    #[test]
    fn upgrades_and_old_versions_do_not_wait() {
        let put = || Request::put("http://a.test/");
        let table = [
            (put().header(header::UPGRADE, "h2c"), Expectation::None),
            (put().version(Version::HTTP_10), Expectation::None),
            (put().version(Version::HTTP_09), Expectation::None),
            (put().version(Version::HTTP_11), Expectation::Continue),
            (put().version(Version::HTTP_2), Expectation::Continue),
        ];
        for (request, waits) in table {
            let (mut head, ()) = request.body(()).unwrap().into_parts();
            let found = decide(&mut head, Some(&size(None)), Threshold::Above(MIB));
            assert_eq!(found, waits, "{head:?}");
        }
    }

    #[test]
    fn only_the_refused_expectation_is_removed() {
        let table = [
            (&["100-continue"][..], &[][..]),
            (&["x=1, 100-Continue,y"], &["x=1, y"]),
            (&["100-continue, ", "x=1"], &["x=1"]),
        ];
        for (before, after) in table {
            let mut headers = HeaderMap::new();
            for value in before {
                headers.append(header::EXPECT, HeaderValue::from_static(value));
            }
            remove(&mut headers);
            assert_eq!(Vec::from_iter(headers.get_all(header::EXPECT)), after, "{before:?}");
        }
    }
}
