//! Which requests a response is for: those that agree in the fields `Vary` names ([RFC 9111 §4.1]).
//!
//! [RFC 9111 §4.1]: https://www.rfc-editor.org/rfc/rfc9111#section-4.1

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::rules::credentials;

/// A response that varies with more is for nobody else.
const MOST_NAMES: usize = 8;

/// The fields that `Vary` names, with their values in the request that was answered. All lines of a
/// field are one value; a field that was absent has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selection(Box<[(HeaderName, Option<HeaderValue>)]>);

impl Selection {
    /// Returns what is to be stored of a request and the response to it.
    ///
    /// There is nothing to store (`None`) where no other request could match, and where a secret would
    /// have to be kept.
    pub(super) fn of(request: &HeaderMap, response: &HeaderMap) -> Option<Self> {
        let mut selected: Vec<(HeaderName, Option<HeaderValue>)> = Vec::new();
        let lines = response.get_all(header::VARY).iter();
        let names = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
        for name in names.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty()) {
            if name == b"*" {
                return None;
            }
            let name = HeaderName::from_bytes(name).ok()?;
            if selected.iter().any(|(known, _)| *known == name) {
                continue;
            }
            if credentials::is_secret_field(&name) || selected.len() == MOST_NAMES {
                return None;
            }
            let value = joined(request, &name)?;
            selected.push((name, value));
        }
        Some(Self(selected.into()))
    }

    /// Returns whether it holds no more than [`of`](Self::of) gives.
    #[cfg(any(feature = "snapshot", feature = "shared-store"))]
    pub(super) fn may_be_kept(&self) -> bool {
        let is_secret = |(name, _): &(HeaderName, _)| credentials::is_secret_field(name);
        self.0.len() <= MOST_NAMES && !self.0.iter().any(is_secret)
    }

    /// Returns whether `request` agrees in all fields.
    pub(super) fn matches(&self, request: &HeaderMap) -> bool {
        self.0.iter().all(|(name, value)| match value {
            Some(value) => is_joined(value.as_bytes(), lines(request, name)),
            None => !request.contains_key(name),
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&HeaderName, Option<&HeaderValue>)> {
        self.0.iter().map(|(name, value)| (name, value.as_ref()))
    }
}

impl FromIterator<(HeaderName, Option<HeaderValue>)> for Selection {
    fn from_iter<I: IntoIterator<Item = (HeaderName, Option<HeaderValue>)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

fn lines<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(name).iter().map(|line| line.as_bytes().trim_ascii())
}

/// Returns the value of a field (`Some(None)` if it is absent), or `None` where it must not be stored.
///
/// It is a copy: the original may be a part of a large buffer, which would be kept with it.
fn joined(request: &HeaderMap, name: &HeaderName) -> Option<Option<HeaderValue>> {
    if request.get_all(name).iter().any(HeaderValue::is_sensitive) {
        return None;
    }
    if !request.contains_key(name) {
        return Some(None);
    }
    let lines: Vec<&[u8]> = lines(request, name).collect();
    HeaderValue::from_bytes(&lines.join(&b", "[..])).ok().map(Some)
}

/// Returns whether `value` is what `lines` give when they are joined, without joining them.
fn is_joined<'h>(value: &[u8], lines: impl Iterator<Item = &'h [u8]>) -> bool {
    let mut rest = Some(value);
    let mut separator: &[u8] = b"";
    let mut is_present = false;
    for line in lines {
        is_present = true;
        rest = rest
            .and_then(|rest| rest.strip_prefix(separator))
            .and_then(|rest| rest.strip_prefix(line));
        separator = b", ";
    }
    is_present && rest.is_some_and(<[u8]>::is_empty)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_request_must_agree_in_every_named_field() {
        type Fields = &'static [(&'static str, &'static str)];
        let table: [(&str, Fields, Fields, bool); 20] = [
            ("", &[("foo", "1")], &[("foo", "2")], true),
            ("foo", &[("foo", "1")], &[("foo", "1")], true),
            ("Foo", &[("foo", "1")], &[("FOO", "1")], true),
            ("foo", &[("foo", "1")], &[("foo", " 1\t")], true),
            ("foo", &[("foo", " 1\t")], &[("foo", "1")], true),
            ("foo", &[("foo", "1"), ("bar", "2")], &[("foo", "1"), ("bar", "3")], true),
            ("foo", &[("foo", "1")], &[("foo", "2")], false),
            ("foo", &[("foo", "a")], &[("foo", "A")], false),
            ("foo", &[("foo", "1")], &[("foo", "11")], false),
            ("foo", &[("foo", "11")], &[("foo", "1")], false),
            ("foo", &[("foo", "1")], &[], false),
            ("foo", &[], &[("foo", "1")], false),
            ("foo", &[], &[], true),
            ("foo", &[("foo", "")], &[], false),
            ("foo", &[], &[("foo", "")], false),
            ("foo", &[("foo", "1, 2")], &[("foo", "1"), ("foo", "2")], true),
            ("foo", &[("foo", " 1"), ("foo", "2 ")], &[("foo", "1, 2")], true),
            ("foo", &[("foo", "1"), ("foo", "2")], &[("foo", "1")], false),
            ("foo, ,bar", &[("foo", "1"), ("bar", "2")], &[("foo", "1"), ("bar", "2")], true),
            ("foo, bar", &[("foo", "1"), ("bar", "2")], &[("foo", "1"), ("bar", "3")], false),
        ];
        for (vary, stored, now, expected) in table {
            let selection = Selection::of(&headers(stored), &headers(&[("vary", vary)])).unwrap();
            assert_eq!(selection.matches(&headers(now)), expected, "{vary}: {stored:?}, {now:?}");
        }
        let response = headers(&[("vary", "foo"), ("vary", "bar")]);
        let selection = Selection::of(&headers(&[("bar", "2")]), &response).unwrap();
        assert!(!selection.matches(&headers(&[("bar", "3")])));
        assert!(selection.matches(&headers(&[("bar", "2")])));
    }

    #[test]
    fn what_no_other_request_may_match_is_not_stored() {
        let request = headers(&[("foo", "1")]);
        for vary in [
            &["*"][..],
            &["foo, *"],
            &["*,foo"],
            &["foo", "*"],
            &["Cookie"],
            &["foo, cookie"],
            &["authorization"],
            &["Proxy-Authorization"],
            &["x-api-key"],
            &["X-Amz-Security-Token"],
            &["a b"],
            &["\"foo\""],
        ] {
            let mut response = HeaderMap::new();
            for line in vary {
                response.append(header::VARY, line.parse().unwrap());
            }
            assert_eq!(Selection::of(&request, &response), None, "{vary:?}");
        }
        let none = Selection::of(&request, &HeaderMap::new());
        assert_eq!(none, Some(Selection::default()));
    }

    #[test]
    fn eight_names_are_the_most() {
        let store = |vary: &str| Selection::of(&HeaderMap::new(), &headers(&[("vary", vary)]));
        assert_eq!(store("a,b,c,d,e,f,g,h").unwrap().iter().count(), 8);
        assert_eq!(store("a,b,c,d,e,f,g,h,i"), None);
        assert_eq!(store("a,b,c,d,e,f,g,h,a,B,C").unwrap().iter().count(), 8);
    }

    #[test]
    fn a_value_that_is_marked_sensitive_is_not_stored() {
        let mut secret = HeaderValue::from_static("s");
        secret.set_sensitive(true);
        let mut request = headers(&[("foo", "1")]);
        request.append("foo", secret);
        assert_eq!(Selection::of(&request, &headers(&[("vary", "foo")])), None);
        assert!(Selection::of(&request, &headers(&[("vary", "bar")])).is_some());
    }

    proptest! {
        #[test]
        fn values_match_if_joining_them_gives_the_same(
            stored in prop::collection::vec("[a, ]{0,3}", 0..4),
            now in prop::collection::vec("[a, ]{0,3}", 0..4),
        ) {
            let of = |lines: &[String]| {
                let fields: Vec<(&str, &str)> = lines.iter().map(|line| ("foo", &**line)).collect();
                headers(&fields)
            };
            let join = |lines: &[String]| {
                let lines: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
                (!lines.is_empty()).then(|| lines.join(", "))
            };
            let selection = Selection::of(&of(&stored), &headers(&[("vary", "foo")])).unwrap();
            prop_assert_eq!(selection.matches(&of(&now)), join(&stored) == join(&now));
        }
    }
}
