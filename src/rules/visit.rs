//! When two requests of one chain are the same: then it loops.

use http::{HeaderMap, Method, Uri};

use super::next::Secrets;

/// A request that was sent, as far as it makes a loop to send it again.
#[derive(PartialEq, Eq)]
pub(crate) struct Visit {
    method: Method,
    uri: Uri,
    /// In any order: to remove a field from a map moves others.
    credentials: HeaderMap,
}

impl Visit {
    pub(crate) fn new(
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        secrets: Secrets<'_>,
    ) -> Self {
        let mut credentials = HeaderMap::new();
        for (name, value) in secrets.of(headers) {
            credentials.append(name, value);
        }
        Self { method: method.clone(), uri: uri.clone(), credentials }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    fn visit(fields: &[(&str, &'static str)]) -> Visit {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = header::HeaderName::try_from(*name).unwrap();
            headers.append(name, HeaderValue::from_static(value));
        }
        let uri = Uri::from_static("http://a.test/");
        Visit::new(&Method::GET, &uri, &headers, Secrets::default())
    }

    #[test]
    fn the_order_of_credentials_makes_no_difference_and_their_values_do() {
        let sent = visit(&[("authorization", "a"), ("accept", "x"), ("cookie", "b")]);
        assert!(sent == visit(&[("cookie", "b"), ("authorization", "a")]));
        for other in [
            visit(&[("authorization", "a")]),
            visit(&[("authorization", "a"), ("cookie", "c")]),
            visit(&[("authorization", "a"), ("cookie", "b"), ("cookie", "b")]),
        ] {
            assert!(sent != other);
        }
    }
}
