//! Which object a request is about, whatever the form of its URL.

use std::borrow::Cow;

/// How a URL names the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// By its host.
    Virtual,
    /// By the first segment of its path.
    Path,
}

/// The bucket and the key of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource<'a> {
    pub(super) style: Style,
    /// Decoded.
    pub(super) bucket: Cow<'a, [u8]>,
    /// As it stands in the path; `/` for the bucket itself.
    pub(super) key: &'a str,
}

impl<'a> Resource<'a> {
    /// Reads a path, with the bucket that the host names.
    pub(super) fn new(bucket: Option<&'a str>, path: &'a str) -> Self {
        if let Some(bucket) = bucket {
            return Self { style: Style::Virtual, bucket: bucket.as_bytes().into(), key: path };
        }
        let (bucket, key) = path_style(path);
        let key = if key.is_empty() { "/" } else { key };
        Self { style: Style::Path, bucket: decode(bucket), key }
    }

    pub(super) fn has_bucket_of(&self, other: &Resource<'_>) -> bool {
        self.bucket == other.bucket
    }

    pub(super) fn has_key_of(&self, other: &Resource<'_>) -> bool {
        decode(self.key) == decode(other.key)
    }
}

/// Splits `/bucket/key` into `bucket` and `/key`.
fn path_style(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split_at(path.find('/').unwrap_or(path.len()))
}

/// Writes the path of a resource in a style, with every octet of the key as it stands in `path`.
pub(super) fn path_in(style: Style, path: &str, resource: &Resource<'_>) -> Option<String> {
    Some(match (resource.style, style) {
        (Style::Virtual, Style::Virtual) | (Style::Path, Style::Path) => path.to_owned(),
        (Style::Path, Style::Virtual) => resource.key.to_owned(),
        (Style::Virtual, Style::Path) => {
            format!("/{}{}", std::str::from_utf8(&resource.bucket).ok()?, resource.key)
        }
    })
}

/// Returns the query that goes to a redirect's target: the request's own, and with it at most one `rk`
/// that the target has. `None` if the target's differs otherwise.
pub(super) fn query<'a>(
    own: Option<&'a str>,
    target: Option<&str>,
) -> Option<Option<Cow<'a, str>>> {
    let of_own: Vec<&str> = parameters(own).collect();
    let (keys, mut rest): (Vec<_>, Vec<_>) = parameters(target)
        .partition(|parameter| is_routing_key(parameter) && !of_own.contains(parameter));
    let mut of_own = of_own;
    let order = |parameters: &mut Vec<&str>| parameters.sort_by_cached_key(|p| decoded(p));
    order(&mut of_own);
    order(&mut rest);
    if !of_own.iter().map(|p| decoded(p)).eq(rest.iter().map(|p| decoded(p))) {
        return None;
    }
    match keys[..] {
        [] => Some(own.map(Cow::Borrowed)),
        [key] => Some(Some(match own {
            Some(own) if !own.is_empty() => format!("{own}&{key}").into(),
            _ => key.to_owned().into(),
        })),
        [..] => None,
    }
}

/// Returns the parameters of a query, without empty ones.
fn parameters(query: Option<&str>) -> impl Iterator<Item = &str> {
    query.unwrap_or_default().split('&').filter(|parameter| !parameter.is_empty())
}

/// `rk=8d47490b`: S3's key for the route of a request.
fn is_routing_key(parameter: &str) -> bool {
    let key = parameter.strip_prefix("rk=");
    key.is_some_and(|key| !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Name and value of a parameter; one without `=` has an empty value.
fn decoded(parameter: &str) -> (Cow<'_, [u8]>, Cow<'_, [u8]>) {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    (decode(name), decode(value))
}

/// Returns whether a query has a parameter, whatever the case of its name.
pub(super) fn has_parameter(query: Option<&str>, name: &str) -> bool {
    parameters(query).any(|parameter| decoded(parameter).0.eq_ignore_ascii_case(name.as_bytes()))
}

/// Decodes `%2F`. What is no such triplet stays.
fn decode(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return text.as_bytes().into();
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let octet = match after {
            [high, low, after @ ..] if *first == b'%' => hex(*high).zip(hex(*low)).map(|(h, l)| {
                rest = after;
                h << 4 | l
            }),
            _ => None,
        };
        decoded.push(octet.unwrap_or(*first));
    }
    decoded.into()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_gains_one_routing_key_at_most() {
        let table = [
            (None, None, Some(None)),
            (None, Some(""), Some(None)),
            (None, Some("rk=1a"), Some(Some("rk=1a"))),
            (Some("a&&b=%31"), Some("b=1&a=&rk=2"), Some(Some("a&&b=%31&rk=2"))),
            (Some("rk=1"), Some("rk=1"), Some(Some("rk=1"))),
            (Some("a"), None, None),
            (None, Some("a"), None),
            (None, Some("rk=1&rk=2"), None),
            (None, Some("rk="), None),
            (None, Some("rk=%31"), None),
            (None, Some("RK=1"), None),
            (Some("a=1"), Some("a=1&a=1"), None),
            (Some("a%3Db=c"), Some("a=b=c"), None),
            (Some("a=b%26c"), Some("a=b&c"), None),
        ];
        for (own, target, expected) in table {
            let found = query(own, target);
            let found = found.as_ref().map(|found| found.as_deref());
            assert_eq!(found, expected, "{own:?} {target:?}");
        }
    }

    #[test]
    fn a_path_changes_its_style_and_no_octet_of_the_key() {
        let by_path = Resource::new(None, "/quotes/a/%2e%2e//b");
        assert_eq!((&*by_path.bucket, by_path.key), (&b"quotes"[..], "/a/%2e%2e//b"));
        let table = [
            (None, "/quotes/a/./b", Style::Virtual, "/a/./b"),
            (None, "/quotes", Style::Virtual, "/"),
            (None, "/quotes", Style::Path, "/quotes"),
            (None, "/q%75otes/a", Style::Path, "/q%75otes/a"),
            (Some("quotes"), "/a%2fb", Style::Path, "/quotes/a%2fb"),
            (Some("quotes"), "/a%2fb", Style::Virtual, "/a%2fb"),
        ];
        for (bucket, path, style, expected) in table {
            let resource = Resource::new(bucket, path);
            assert_eq!(path_in(style, path, &resource).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn decoding_leaves_what_is_no_triplet() {
        for (text, decoded) in [("%41%zz%4", "A%zz%4"), ("%%41", "%A"), ("a", "a"), ("%", "%")] {
            assert_eq!(&*decode(text), decoded.as_bytes(), "{text}");
        }
    }
}
