//! Which header fields describe content or a single hop ([RFC 9110 §15.4], steps 2 and 5; §7.6.1).
//!
//! [RFC 9110 §15.4]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4

use http::header::{self, HeaderMap, HeaderName};

/// Fields that go when the content goes, besides every `Content-*` field (RFC 9110 §8 and §6.6,
/// RFC 9530, RFC 3230).
static CONTENT_FIELDS: [HeaderName; 6] = [
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
    header::EXPECT,
    header::LAST_MODIFIED,
    header::TRAILER,
    header::TRANSFER_ENCODING,
];

/// Fields that were meant for the method that is given up: preconditions ([RFC 9110 §13.1]), and a range
/// ([RFC 9110 §14.2]), which without its `If-Range` would ask for a part of anything.
///
/// [RFC 9110 §13.1]: https://www.rfc-editor.org/rfc/rfc9110#section-13.1
/// [RFC 9110 §14.2]: https://www.rfc-editor.org/rfc/rfc9110#section-14.2
static METHOD_FIELDS: [HeaderName; 7] = [
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::RANGE,
    // It says where an unsafe request comes from; the GET that takes its place is a safe one.
    header::ORIGIN,
];

/// Fields of a single connection, besides those that `Connection` names ([RFC 9110 §7.6.1]).
///
/// `Transfer-Encoding` belongs to the content and stays with it: without it a body that the caller
/// encoded would be read as something else.
///
/// [RFC 9110 §7.6.1]: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
static HOP_FIELDS: [HeaderName; 5] = [
    header::CONNECTION,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Removes every field that describes content, or how it is sent.
///
/// That is `Content-*`, `Digest`, `Repr-Digest`, `Last-Modified`; and `Transfer-Encoding`, `Trailer`,
/// `Expect`.
///
/// ```
/// use http::header::{ACCEPT, CONTENT_TYPE, EXPECT, HeaderMap, HeaderValue};
/// use tower_follow_redirect::rules::fields;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
/// headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
/// headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
/// fields::drop_content_fields(&mut headers);
/// assert_eq!(headers.len(), 1);
/// ```
pub fn drop_content_fields(headers: &mut HeaderMap) {
    let prefixed: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("content-")).cloned().collect();
    for name in prefixed.iter().chain(&CONTENT_FIELDS) {
        headers.remove(name);
    }
}

/// Removes the fields that were meant for another method: the preconditions (`If-*`), `Range`, and
/// `Origin`.
///
/// ```
/// use http::header::{ACCEPT, HeaderMap, HeaderValue, IF_MATCH};
/// use tower_follow_redirect::rules::fields;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
/// headers.insert(IF_MATCH, HeaderValue::from_static("\"v1\""));
/// fields::drop_method_fields(&mut headers);
/// assert_eq!(headers.len(), 1);
/// ```
pub fn drop_method_fields(headers: &mut HeaderMap) {
    for name in &METHOD_FIELDS {
        headers.remove(name);
    }
}

/// Removes the fields that were meant for one connection, and those that `Connection` names.
///
/// `Host` and `Transfer-Encoding` stay even where `Connection` names them.
///
/// `TE: trailers` is kept where `Connection` does not name it: that is how HTTP/2 and gRPC write it,
/// and there it is no hop-by-hop field ([RFC 9113 §8.2.2]).
///
/// ```
/// use http::header::{ACCEPT, CONNECTION, HeaderMap, HeaderValue, UPGRADE};
/// use tower_follow_redirect::rules::fields;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
/// headers.insert(CONNECTION, HeaderValue::from_static("x-trace"));
/// headers.insert("x-trace", HeaderValue::from_static("1"));
/// headers.insert(UPGRADE, HeaderValue::from_static("h2c"));
/// fields::drop_hop_fields(&mut headers);
/// assert_eq!(headers.keys().collect::<Vec<_>>(), [ACCEPT]);
/// ```
///
/// [RFC 9113 §8.2.2]: https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2
pub fn drop_hop_fields(headers: &mut HeaderMap) {
    // Most requests have none, and one look at the names is cheaper than a search for each.
    if !headers.keys().any(|name| *name == header::TE || HOP_FIELDS.contains(name)) {
        return;
    }
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        // Fields that no peer may call hop-by-hop: they would take the request's meaning along.
        .filter(|name| *name != header::HOST && *name != header::TRANSFER_ENCODING)
        .collect();
    for name in named.iter().chain(&HOP_FIELDS) {
        headers.remove(name);
    }
    let only_trailers = headers
        .get_all(header::TE)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"trailers"));
    if !only_trailers {
        headers.remove(header::TE);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn everything_that_describes_content_goes() {
        let gone = [
            "content-type",
            "content-length",
            "content-encoding",
            "content-language",
            "content-location",
            "content-digest",
            "content-md5",
            "content-range",
            "content-disposition",
            "digest",
            "repr-digest",
            "transfer-encoding",
            "trailer",
            "expect",
            "last-modified",
        ];
        for name in gone {
            let mut found = headers(&[(name, "x"), ("accept", "*/*"), ("x-content", "1")]);
            found.append(name, HeaderValue::from_static("second"));
            drop_content_fields(&mut found);
            assert_eq!(found, headers(&[("accept", "*/*"), ("x-content", "1")]), "{name}");
        }
    }

    #[test]
    fn what_was_meant_for_another_method_goes() {
        let mut found = headers(&[
            ("if-none-match", "\"v1\""),
            ("if-range", "\"v1\""),
            ("range", "bytes=9-"),
            ("origin", "https://a.test"),
            ("content-type", "text/plain"),
            ("want-content-digest", "sha-256=1"),
        ]);
        drop_method_fields(&mut found);
        let rest = [("content-type", "text/plain"), ("want-content-digest", "sha-256=1")];
        assert_eq!(found, headers(&rest));
        drop_content_fields(&mut found);
        assert_eq!(found, headers(&rest[1..]));
    }

    #[test]
    fn fields_of_one_connection_go() {
        let mut found = headers(&[
            ("connection", "keep-alive, X-Mine"),
            ("connection", "x-other"),
            ("x-mine", "1"),
            ("x-other", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("te", "gzip"),
            ("upgrade", "h2c"),
            ("accept", "*/*"),
        ]);
        drop_hop_fields(&mut found);
        assert_eq!(found, headers(&[("accept", "*/*")]));
    }

    #[test]
    fn te_trailers_is_kept_where_connection_does_not_name_it() {
        let mut grpc = headers(&[("te", "trailers")]);
        drop_hop_fields(&mut grpc);
        assert_eq!(grpc, headers(&[("te", "trailers")]));

        let mut hop = headers(&[("te", "trailers"), ("connection", "TE")]);
        drop_hop_fields(&mut hop);
        assert_eq!(hop, HeaderMap::new());
    }

    #[test]
    fn connection_cannot_name_the_host_or_the_framing_away() {
        let fields = [("host", "a.test"), ("transfer-encoding", "chunked")];
        let mut found = headers(&fields);
        found.insert("connection", HeaderValue::from_static("host, transfer-encoding"));
        drop_hop_fields(&mut found);
        assert_eq!(found, headers(&fields));
    }
}
