//! Which responses of the server contradict what is remembered ([RFC 9111 §4.4]).
//!
//! Where an unsafe response has its own `Location` or `Content-Location`, what is remembered of those
//! stays.
//!
//! [RFC 9111 §4.4]: https://www.rfc-editor.org/rfc/rfc9111#section-4.4

use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};

use super::{
    key::Site,
    list,
    options::{ClearSiteData, Options},
};

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Returns whether the redirect of a URI is forgotten because a request for it was answered.
///
/// An unsafe method that succeeds may have changed everything. A GET or HEAD that gets any answer has
/// the latest: where that is a permanent redirect again, it is remembered anew. An answer that says
/// "not now" says nothing of the redirect.
pub(super) fn dropped_by(method: &Method, status: StatusCode) -> bool {
    match *method {
        Method::GET | Method::HEAD => !is_not_now(status),
        _ if method.is_safe() => false,
        // RFC 9111 wants it of methods whose safety is unknown, too.
        _ => status.is_success() || status.is_redirection(),
    }
}

fn is_not_now(status: StatusCode) -> bool {
    const TOO_EARLY: u16 = 425;
    status.is_server_error()
        || status.as_u16() == TOO_EARLY
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// Returns whether a response from `uri` wants all redirects of its origin forgotten
/// ([Clear-Site-Data §3.1]). Without TLS anybody could.
///
/// [Clear-Site-Data §3.1]: https://www.w3.org/TR/clear-site-data/#header
pub(super) fn clears_site(uri: &Uri, headers: &HeaderMap, options: &Options) -> bool {
    let is_obeyed = match options.clear_site_data {
        ClearSiteData::Obey => true,
        ClearSiteData::Ignore => false,
    };
    // Few responses have the field, so that the URI is looked at last.
    is_obeyed
        && list::members(headers, &CLEAR_SITE_DATA)
            .any(|member| member == b"\"cache\"" || member == b"\"*\"")
        && Site::of(uri).is_some_and(|site| site.is_https())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> StatusCode {
        StatusCode::from_u16(code).unwrap()
    }

    #[test]
    fn an_unsafe_method_that_succeeds_drops() {
        for method in ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "CONNECT", "get"] {
            let method = method.parse().unwrap();
            for code in [200, 201, 204, 299, 300, 301, 303, 304, 307, 308, 399] {
                assert!(dropped_by(&method, status(code)), "{method} {code}");
            }
            for code in [400, 401, 404, 410, 429, 499, 500, 503, 600] {
                assert!(!dropped_by(&method, status(code)), "{method} {code}");
            }
        }
    }

    #[test]
    fn any_answer_to_get_or_head_drops_but_not_now() {
        for method in [Method::GET, Method::HEAD] {
            for code in [200, 206, 301, 302, 304, 307, 308, 400, 401, 403, 404, 410, 421, 451] {
                assert!(dropped_by(&method, status(code)), "{method} {code}");
            }
            for code in [408, 425, 429, 500, 502, 503, 504, 599] {
                assert!(!dropped_by(&method, status(code)), "{method} {code}");
            }
        }
    }

    #[test]
    fn other_safe_methods_drop_nothing() {
        for method in [Method::OPTIONS, Method::TRACE] {
            for code in [200, 301, 308, 404, 500] {
                assert!(!dropped_by(&method, status(code)), "{method} {code}");
            }
        }
    }

    #[test]
    fn a_site_is_cleared_by_a_quoted_name_over_tls() {
        let https = "HTTPS://a.test/x";
        let obey = Options::default();
        let ignore = Options { clear_site_data: ClearSiteData::Ignore, ..obey };
        let table: [(&str, &[&str], Options, bool); 14] = [
            (https, &["\"cache\""], obey, true),
            (https, &["\"*\""], obey, true),
            (https, &["\"cookies\", \"cache\""], obey, true),
            (https, &["\"cookies\"", " \"cache\" "], obey, true),
            (https, &["\"cookies\",\"a, \\\" b\",\"*\""], obey, true),
            (https, &[], obey, false),
            (https, &["\"cookies\", \"storage\""], obey, false),
            (https, &["cache"], obey, false),
            (https, &["*"], obey, false),
            (https, &["\"Cache\""], obey, false),
            (https, &["\"a, \\\"cache\\\", b\""], obey, false),
            (https, &["\"cache\""], ignore, false),
            ("http://a.test/x", &["\"cache\""], obey, false),
            ("/x", &["\"cache\""], obey, false),
        ];
        for (uri, lines, options, expected) in table {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(CLEAR_SITE_DATA, line.parse().unwrap());
            }
            let found = clears_site(&uri.parse().unwrap(), &headers, &options);
            assert_eq!(found, expected, "{uri} {lines:?}");
        }
    }
}
