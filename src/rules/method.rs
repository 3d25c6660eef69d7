//! Which method the next request uses, and whether its content goes along ([RFC 9110 §15.4]).
//!
//! [RFC 9110 §15.4]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4

use http::{Method, StatusCode};

/// Whether the next request carries the content of the one before it.
///
/// ```
/// use http::{Method, StatusCode};
/// use tower_follow_redirect::rules::method::{Content, MethodRules, rewrite};
///
/// let rules = MethodRules::default();
/// let (method, content) = rewrite(StatusCode::FOUND, &Method::POST, &rules).unwrap();
/// assert_eq!((method, content), (Method::GET, Content::Drop));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// The content is sent again, with the fields that describe it.
    Keep,
    /// The next request has no content, and no field that describes one.
    Drop,
}

/// What one status does to the method of a request.
///
/// ```
/// use http::StatusCode;
/// use tower_follow_redirect::FollowRedirectLayer;
/// use tower_follow_redirect::rules::method::MethodRule;
///
/// // curl's `--post302`: a POST that meets a 302 stays a POST.
/// let layer = FollowRedirectLayer::new().method_rule(StatusCode::FOUND, MethodRule::Keep);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MethodRule {
    /// Every method is kept, with its content.
    Keep,
    /// POST becomes GET, every other method is kept ([RFC 9110 §15.4.2], note).
    ///
    /// [RFC 9110 §15.4.2]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4.2
    PostToGet,
    /// Every method but HEAD becomes GET, and content is dropped ([RFC 9110 §15.4.4]).
    ///
    /// [RFC 9110 §15.4.4]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4.4
    ToGet,
}

/// The method rules of the statuses that leave a choice.
///
/// The default is what RFC 9110 describes and browsers do: `PostToGet` for 301 and 302, `ToGet` for
/// 303. 307 and 308 leave no choice: they keep the method.
///
/// ```
/// use tower_follow_redirect::rules::method::{MethodRule, MethodRules};
///
/// assert_eq!(MethodRules::default().found, MethodRule::PostToGet);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodRules {
    /// 301 Moved Permanently.
    pub moved_permanently: MethodRule,
    /// 302 Found.
    pub found: MethodRule,
    /// 303 See Other.
    pub see_other: MethodRule,
}

impl Default for MethodRules {
    fn default() -> Self {
        Self {
            moved_permanently: MethodRule::PostToGet,
            found: MethodRule::PostToGet,
            see_other: MethodRule::ToGet,
        }
    }
}

/// Returns what a redirect makes of `method`, or `None` where `status` is no redirect to follow.
///
/// 300, 304, 305, 306 and every unknown 3xx give `None`: an unknown one is treated as 300
/// ([RFC 9110 §15]), and 300 leaves the choice to the user.
///
/// ```
/// use http::{Method, StatusCode};
/// use tower_follow_redirect::rules::method::{Content, MethodRules, rewrite};
///
/// let rules = MethodRules::default();
/// let found = rewrite(StatusCode::FOUND, &Method::POST, &rules);
/// assert_eq!(found, Some((Method::GET, Content::Drop)));
/// let temporary = rewrite(StatusCode::TEMPORARY_REDIRECT, &Method::POST, &rules);
/// assert_eq!(temporary, Some((Method::POST, Content::Keep)));
/// assert_eq!(rewrite(StatusCode::NOT_MODIFIED, &Method::GET, &rules), None);
/// ```
///
/// [RFC 9110 §15]: https://www.rfc-editor.org/rfc/rfc9110#section-15
pub fn rewrite(
    status: StatusCode,
    method: &Method,
    rules: &MethodRules,
) -> Option<(Method, Content)> {
    let rule = match status {
        StatusCode::MOVED_PERMANENTLY => rules.moved_permanently,
        StatusCode::FOUND => rules.found,
        StatusCode::SEE_OTHER => rules.see_other,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => MethodRule::Keep,
        _ => return None,
    };
    Some(match rule {
        MethodRule::PostToGet if *method == Method::POST => (Method::GET, Content::Drop),
        MethodRule::Keep | MethodRule::PostToGet => (method.clone(), Content::Keep),
        MethodRule::ToGet if *method == Method::HEAD => (Method::HEAD, Content::Drop),
        MethodRule::ToGet => (Method::GET, Content::Drop),
    })
}

/// Returns whether `status` is a redirect that can be followed (301, 302, 303, 307, 308).
///
/// ```
/// use http::StatusCode;
/// use tower_follow_redirect::rules::method::is_redirect;
///
/// assert!(is_redirect(StatusCode::PERMANENT_REDIRECT));
/// assert!(!is_redirect(StatusCode::MULTIPLE_CHOICES));
/// ```
pub fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Content = Content::Keep;
    const DROP: Content = Content::Drop;

    #[test]
    fn follows_the_table_of_rfc_9110() {
        let rules = MethodRules::default();
        let table = [
            (301, "POST", Some(("GET", DROP))),
            (301, "GET", Some(("GET", KEEP))),
            (301, "HEAD", Some(("HEAD", KEEP))),
            (301, "PUT", Some(("PUT", KEEP))),
            (301, "QUERY", Some(("QUERY", KEEP))),
            (302, "POST", Some(("GET", DROP))),
            (302, "DELETE", Some(("DELETE", KEEP))),
            (302, "PROPFIND", Some(("PROPFIND", KEEP))),
            (303, "POST", Some(("GET", DROP))),
            (303, "GET", Some(("GET", DROP))),
            (303, "HEAD", Some(("HEAD", DROP))),
            (303, "PUT", Some(("GET", DROP))),
            (303, "QUERY", Some(("GET", DROP))),
            (303, "OPTIONS", Some(("GET", DROP))),
            (307, "POST", Some(("POST", KEEP))),
            (307, "GET", Some(("GET", KEEP))),
            (308, "PATCH", Some(("PATCH", KEEP))),
            (308, "MKCOL", Some(("MKCOL", KEEP))),
            (200, "GET", None),
            (300, "GET", None),
            (304, "GET", None),
            (305, "GET", None),
            (306, "POST", None),
            (309, "GET", None),
            (399, "PUT", None),
            (400, "GET", None),
        ];
        for (status, method, expected) in table {
            let status = StatusCode::from_u16(status).unwrap();
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let found = rewrite(status, &method, &rules);
            let found = found.as_ref().map(|(method, content)| (method.as_str(), *content));
            assert_eq!(found, expected, "{status} after {method}");
            assert_eq!(found.is_some(), is_redirect(status), "{status}");
        }
    }

    #[test]
    fn each_status_can_be_configured() {
        let rules = MethodRules {
            moved_permanently: MethodRule::Keep,
            found: MethodRule::ToGet,
            see_other: MethodRule::Keep,
        };
        let table = [
            (301, Method::POST, (Method::POST, KEEP)),
            (302, Method::DELETE, (Method::GET, DROP)),
            (302, Method::HEAD, (Method::HEAD, DROP)),
            (303, Method::POST, (Method::POST, KEEP)),
            (307, Method::POST, (Method::POST, KEEP)),
        ];
        for (status, method, expected) in table {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(rewrite(status, &method, &rules), Some(expected), "{status} after {method}");
        }
    }
}
