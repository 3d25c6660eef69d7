//! Which requests learn a redirect, and which use it ([RFC 9111 §4], [RFC 9110 §9.3.2]).
//!
//! [RFC 9111 §4]: https://www.rfc-editor.org/rfc/rfc9111#section-4
//! [RFC 9110 §9.3.2]: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2

use http::{Method, StatusCode};

use super::{entry::Entry, options::Methods};

/// Returns whether a redirect with `status` is learned where it answers a request with `method`.
pub(super) fn learns(method: &Method, status: StatusCode, methods: Methods) -> bool {
    matches!(*method, Method::GET | Method::HEAD) || edits_links(method, status, methods)
}

/// Returns whether a request with `method` uses any entry.
pub(super) fn may_use(method: &Method, methods: Methods) -> bool {
    learns(method, StatusCode::PERMANENT_REDIRECT, methods)
}

/// Returns whether a request with `method` uses `entry`. What a HEAD has learned is for HEAD only.
pub(super) fn uses(method: &Method, entry: &Entry, methods: Methods) -> bool {
    match (entry.method(), method) {
        (&Method::GET, &Method::GET | &Method::HEAD) | (&Method::HEAD, &Method::HEAD) => true,
        _ => edits_links(method, entry.status(), methods),
    }
}

/// A 301 may change the method; what CONNECT, OPTIONS and TRACE ask is about the server itself.
fn edits_links(method: &Method, status: StatusCode, methods: Methods) -> bool {
    match methods {
        Methods::Safe => false,
        Methods::Any308 => {
            status == StatusCode::PERMANENT_REDIRECT
                && !matches!(*method, Method::CONNECT | Method::OPTIONS | Method::TRACE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{policy::permanent::unix, rules::target::Target};

    const METHODS: [&str; 10] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "QUERY", "CONNECT", "OPTIONS", "TRACE"];

    #[test]
    fn get_and_head_learn_and_others_where_links_are_edited() {
        for method in METHODS {
            let is_safe = matches!(method, "GET" | "HEAD");
            let is_any = !matches!(method, "CONNECT" | "OPTIONS" | "TRACE");
            let method = method.parse().unwrap();
            let learns = |status, methods| learns(&method, status, methods);
            assert_eq!(learns(StatusCode::PERMANENT_REDIRECT, Methods::Safe), is_safe, "{method}");
            assert_eq!(learns(StatusCode::MOVED_PERMANENTLY, Methods::Safe), is_safe, "{method}");
            assert_eq!(learns(StatusCode::PERMANENT_REDIRECT, Methods::Any308), is_any, "{method}");
            assert_eq!(learns(StatusCode::MOVED_PERMANENTLY, Methods::Any308), is_safe, "{method}");
        }
    }

    #[test]
    fn what_a_get_has_learned_is_for_get_and_head_and_what_a_head_has_for_head() {
        let target = Target::new("https://b.test/".parse().unwrap(), None).unwrap();
        for learned in METHODS {
            let entry = Entry::new(target.clone(), unix::time(0), unix::time(1))
                .with_method(learned.parse().unwrap());
            let moved = entry.clone().with_status(StatusCode::MOVED_PERMANENTLY);
            for method in METHODS {
                let row = format!("{learned}, then {method}");
                let is_safe = matches!(
                    (learned, method),
                    ("GET", "GET") | ("GET", "HEAD") | ("HEAD", "HEAD")
                );
                let is_any = is_safe || !matches!(method, "CONNECT" | "OPTIONS" | "TRACE");
                let method = method.parse().unwrap();
                assert_eq!(uses(&method, &entry, Methods::Safe), is_safe, "{row}");
                assert_eq!(uses(&method, &moved, Methods::Safe), is_safe, "{row}");
                assert_eq!(uses(&method, &entry, Methods::Any308), is_any, "{row}");
                assert_eq!(uses(&method, &moved, Methods::Any308), is_safe, "{row}");
            }
        }
    }
}
