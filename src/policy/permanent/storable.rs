//! Whether a redirect that was followed is remembered ([RFC 9111 §3]).
//!
//! [RFC 9111 §3]: https://www.rfc-editor.org/rfc/rfc9111#section-3

use http::{HeaderMap, Uri, header, request, response};

use super::{
    directives::{Directives, Seconds, has_pragma_no_cache},
    entry::Entry,
    freshness::freshness,
    key, methods,
    options::{Options, SetCookie, Sharing},
    trust,
    vary::Selection,
};
use crate::{
    policy::s3::SignedWith,
    rules::{origin, target::Target},
};

/// Why a redirect is not remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotStored {
    /// The status is not permanent, or not wanted.
    Status,
    /// There is not exactly one line of `Location`.
    Location,
    /// `Location` holds a user name or a password.
    Userinfo,
    /// Source or target has no key.
    NoKey,
    /// It leads to itself.
    Itself,
    /// The method is not one that learns.
    Method,
    /// The request or the response says `no-store`.
    NoStore,
    /// The response says `no-cache`: it would have to be validated each time.
    NoCache,
    /// The response says `Pragma: no-cache`, and nothing better.
    Pragma,
    /// The response is `private`, and the cache is shared.
    Private,
    /// The request has credentials, the cache is shared, and the response does not permit it.
    Authorization,
    /// `Vary` leaves no other request that could match, or names a secret.
    Vary,
    /// The response sets a cookie.
    SetCookie,
    /// It is stale on arrival.
    Stale,
    /// It may come from anybody, or leads where it must not.
    Untrusted,
    /// Source or target is too long.
    TooLong,
}

/// Makes the entry of a response that was received `now` and followed to `target`.
///
/// Of several reasons not to, the first is given, in the order of [`NotStored`].
pub(super) fn store(
    request: &request::Parts,
    response: &response::Parts,
    target: &Target,
    now: u64,
    options: &Options,
) -> Result<Entry, NotStored> {
    let says = Directives::of(&response.headers);
    ensure(options.statuses.contain(response.status), NotStored::Status)?;
    let target = at_location(&request.uri, &response.headers, target)?;
    // It is the answer to another request than the URI says.
    ensure(!origin::has_other_host(&request.uri, &request.headers), NotStored::NoKey)?;
    let learns = methods::learns(&request.method, response.status, options.methods);
    ensure(learns, NotStored::Method)?;
    may_be_kept(request, response, &says, options)?;
    let selection = Selection::of(&request.headers, &response.headers).ok_or(NotStored::Vary)?;
    sets_no_cookie(&response.headers, options)?;
    let freshness =
        freshness(&request.uri, &response.headers, &says, now, options).ok_or(NotStored::Stale)?;
    ensure(trust::trusted(&request.uri, target.uri(), options), NotStored::Untrusted)?;
    ensure(trust::are_short(&request.uri, target.uri(), options), NotStored::TooLong)?;
    Ok(Entry::received(target, now, freshness)
        .with_status(response.status)
        .with_method(request.method.clone())
        .with_selection(selection))
}

fn ensure(holds: bool, otherwise: NotStored) -> Result<(), NotStored> {
    if holds { Ok(()) } else { Err(otherwise) }
}

/// Returns the target without a fragment that only the request had.
fn at_location(source: &Uri, headers: &HeaderMap, target: &Target) -> Result<Target, NotStored> {
    let mut lines = headers.get_all(header::LOCATION).iter();
    let (Some(location), None) = (lines.next(), lines.next()) else {
        return Err(NotStored::Location);
    };
    ensure(!has_userinfo(location.as_bytes()), NotStored::Userinfo)?;
    ensure(key::exists(source) && key::exists(target.uri()), NotStored::NoKey)?;
    ensure(!key::is_same(source, target.uri()), NotStored::Itself)?;
    let fragment = target.fragment().filter(|_| location.as_bytes().contains(&b'#'));
    Target::new(target.uri().clone(), fragment).map_err(|_| NotStored::NoKey)
}

/// Returns whether a URI reference has an `@` in its authority (RFC 3986 §3.2.1).
fn has_userinfo(reference: &[u8]) -> bool {
    let is_end = |byte: &u8| matches!(byte, b'/' | b'?' | b'#');
    let reference = reference.trim_ascii();
    let scheme_end = reference.iter().position(is_end).unwrap_or(reference.len());
    let (scheme, rest) = reference.split_at(scheme_end);
    let Some(rest) = rest.strip_prefix(b"//") else { return false };
    let is_authority = matches!(scheme, [] | [.., b':']);
    is_authority && rest.split(is_end).next().is_some_and(|authority| authority.contains(&b'@'))
}

/// What request and response say of caches.
fn may_be_kept(
    request: &request::Parts,
    response: &response::Parts,
    says: &Directives,
    options: &Options,
) -> Result<(), NotStored> {
    let is_unwanted = says.no_store || Directives::of(&request.headers).no_store;
    ensure(!is_unwanted, NotStored::NoStore)?;
    ensure(!says.no_cache, NotStored::NoCache)?;
    let is_old = !response.headers.contains_key(header::CACHE_CONTROL);
    ensure(!(is_old && has_pragma_no_cache(&response.headers)), NotStored::Pragma)?;
    match options.sharing {
        Sharing::Private => Ok(()),
        Sharing::Shared => {
            ensure(!says.private, NotStored::Private)?;
            let is_personal = has_credentials(request) || is_signed(response);
            ensure(!is_personal || is_for_all(says), NotStored::Authorization)
        }
    }
}

/// A client makes `Authorization` of a user name in the URI.
fn has_credentials(request: &request::Parts) -> bool {
    let authority = request.uri.authority();
    request.headers.contains_key(header::AUTHORIZATION)
        || authority.is_some_and(|authority| authority.as_str().contains('@'))
}

/// A signer inside makes `Authorization`, and says so.
fn is_signed(response: &response::Parts) -> bool {
    response.extensions.get::<SignedWith>().is_some()
}

/// Returns whether the answer to a request with credentials is for others too ([RFC 9111 §3.5]).
///
/// [RFC 9111 §3.5]: https://www.rfc-editor.org/rfc/rfc9111#section-3.5
fn is_for_all(says: &Directives) -> bool {
    says.public || says.must_revalidate || matches!(says.s_maxage, Seconds::Valid(_))
}

fn sets_no_cookie(headers: &HeaderMap, options: &Options) -> Result<(), NotStored> {
    match options.set_cookie {
        SetCookie::Forget => Ok(()),
        SetCookie::Refuse => {
            ensure(!headers.contains_key(header::SET_COOKIE), NotStored::SetCookie)
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, Method, Request, Response, StatusCode};

    use super::*;
    use crate::{
        policy::permanent::options::{Methods, Plaintext, Reach, Statuses},
        rules::location::resolve,
    };

    /// 2026-01-01T00:00:00Z.
    const NOW: u64 = 1_767_225_600;

    type Fields<'a> = &'a [(&'a str, &'a str)];

    /// A redirect that is remembered, unless a test changes that.
    #[derive(Clone, Copy)]
    struct Case<'a> {
        method: &'a str,
        uri: &'a str,
        request: Fields<'a>,
        status: u16,
        location: &'a str,
        response: Fields<'a>,
        options: Options,
    }

    impl Case<'_> {
        fn new() -> Self {
            Self {
                method: "GET",
                uri: "https://a.test/x",
                request: &[],
                status: 308,
                location: "https://b.test/y",
                response: &[],
                options: Options::default(),
            }
        }

        fn store(&self) -> Result<Entry, NotStored> {
            let (mut request, ()) = Request::new(()).into_parts();
            request.method = self.method.parse().unwrap();
            request.uri = self.uri.parse().unwrap();
            append(&mut request.headers, self.request);
            let (mut response, ()) = Response::new(()).into_parts();
            response.status = StatusCode::from_u16(self.status).unwrap();
            append(&mut response.headers, &[("location", self.location)]);
            append(&mut response.headers, self.response);
            let fragment = Some("of-the-request");
            let target = resolve(&request.uri, fragment, self.location.as_bytes()).unwrap();
            store(&request, &response, &target, NOW, &self.options)
        }

        fn refusal(&self) -> Option<NotStored> {
            self.store().err()
        }
    }

    fn append(headers: &mut HeaderMap, fields: Fields<'_>) {
        for (name, value) in fields {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
    }

    #[test]
    fn an_entry_holds_what_the_response_said() {
        let entry = Case {
            method: "HEAD",
            request: &[("foo", "1")],
            location: "//b.test/y?z#f",
            response: &[("cache-control", "max-age=100"), ("age", "30"), ("vary", "foo")],
            ..Case::new()
        };
        let entry = entry.store().unwrap();
        assert_eq!(entry.target().uri(), "https://b.test/y?z");
        assert_eq!(entry.target().fragment(), Some("f"));
        assert_eq!((entry.status().as_u16(), entry.method()), (308, &Method::HEAD));
        assert_eq!(entry.stored_seconds(), NOW);
        assert_eq!((entry.age(NOW), entry.remaining(NOW)), (30, 70));
        let vary: Vec<_> = entry.vary().map(|(n, v)| (n.as_str(), v.unwrap().as_bytes())).collect();
        assert_eq!(vary, [("foo", &b"1"[..])]);
        let statuses = Statuses::With301;
        let moved = Case {
            status: 301,
            options: Options { statuses, ..Options::default() },
            ..Case::new()
        };
        assert_eq!(moved.store().unwrap().status(), 301);
    }

    #[test]
    fn the_fragment_of_a_request_is_not_kept() {
        assert_eq!(Case::new().store().unwrap().target().fragment(), None);
    }

    #[test]
    fn for_ever_is_as_long_as_dates_go() {
        let entry = Case { options: Options::browser(), ..Case::new() }.store().unwrap();
        let until = httpdate::fmt_http_date(entry.fresh_until());
        assert_eq!(until, "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn only_a_permanent_redirect_is_remembered() {
        let with_301 = Options { statuses: Statuses::With301, ..Options::default() };
        for status in (300..309).chain([200, 404, 410, 500]) {
            let response = &[("cache-control", "max-age=100")];
            let case = Case { status, response, ..Case::new() };
            let expected = (status != 308).then_some(NotStored::Status);
            assert_eq!(case.refusal(), expected, "{status}");
            let case = Case { options: with_301, ..case };
            let expected = (status != 301 && status != 308).then_some(NotStored::Status);
            assert_eq!(case.refusal(), expected, "{status}");
        }
    }

    #[test]
    fn there_is_one_location_to_another_resource_and_no_secret_in_it() {
        use NotStored::{Itself, NoKey, Userinfo};
        let long = "https://a.test/x";
        let table = [
            (long, "https://b.test/y", None),
            (long, "/y@z", None),
            (long, "y//u@b.test/", None),
            (long, "?//u@b.test/", None),
            (long, "https://b.test/y@z?a@b#c@d", None),
            (long, "https://b.test?//u@z", None),
            (long, "https://u:p@b.test/y", Some(Userinfo)),
            (long, " https://u@b.test/y ", Some(Userinfo)),
            (long, "https://@b.test/y", Some(Userinfo)),
            (long, "https://u@b.test?y", Some(Userinfo)),
            (long, "https://u@b.test#y", Some(Userinfo)),
            (long, " //u@b.test", Some(Userinfo)),
            (long, "https://b.test?y@z", None),
            (long, "https://b.test#y@z", None),
            (long, "/x", Some(Itself)),
            (long, "#f", Some(Itself)),
            (long, "HTTPS://A.TEST:443/x", Some(Itself)),
            ("https://A.test:443/x", "https://a.test/x", Some(Itself)),
            (long, "?", None),
            ("/x", "https://b.test/", Some(NoKey)),
            ("/x", "/y", Some(NoKey)),
            ("https://a.test:99999/x", "https://b.test/", Some(NoKey)),
        ];
        for (uri, location, expected) in table {
            let response = &[("cache-control", "max-age=100")];
            let case = Case { uri, location, response, ..Case::new() };
            assert_eq!(case.refusal(), expected, "{uri} {location}");
        }
        for second in ["https://b.test/y", "https://c.test/", ""] {
            let case = Case { response: &[("location", second)], ..Case::new() };
            assert_eq!(case.refusal(), Some(NotStored::Location), "{second}");
        }
        let (request, ()) = Request::get(long).body(()).unwrap().into_parts();
        let (response, ()) = Response::builder().status(308).body(()).unwrap().into_parts();
        let target = Target::new(Uri::from_static("https://b.test/"), None).unwrap();
        let found = store(&request, &response, &target, NOW, &Options::default());
        assert_eq!(found, Err(NotStored::Location));
    }

    #[test]
    fn a_target_without_a_host_has_no_key() {
        let (request, ()) = Request::get("https://a.test/x").body(()).unwrap().into_parts();
        let response = Response::builder().status(308).header(header::LOCATION, "/y").body(());
        let (response, ()) = response.unwrap().into_parts();
        let target = Target::new(Uri::from_static("/y"), None).unwrap();
        let found = store(&request, &response, &target, NOW, &Options::default());
        assert_eq!(found, Err(NotStored::NoKey));
    }

    #[test]
    fn get_and_head_learn() {
        let any = Options { methods: Methods::Any308, ..Options::default() };
        let any = Options { statuses: Statuses::With301, ..any };
        let refusal =
            |method, status, options| Case { method, status, options, ..Case::new() }.refusal();
        for method in ["GET", "HEAD"] {
            assert_eq!(refusal(method, 308, Options::default()), None, "{method}");
            assert_eq!(refusal(method, 301, any), None, "{method}");
        }
        for method in ["PUT", "POST", "DELETE", "M-SEARCH"] {
            let refused = Some(NotStored::Method);
            assert_eq!(refusal(method, 308, Options::default()), refused, "{method}");
            assert_eq!(refusal(method, 308, any), None, "{method}");
            assert_eq!(refusal(method, 301, any), refused, "{method}");
        }
    }

    #[test]
    fn what_is_said_of_caches_holds() {
        use NotStored::{NoCache, NoStore, Pragma, Private, Stale};
        let table: [(Fields<'_>, Fields<'_>, Option<NotStored>); 18] = [
            (&[], &[("cache-control", "No-StOrE, max-age=9")], Some(NoStore)),
            (&[], &[("cache-control", "max-age=9"), ("cache-control", "no-store")], Some(NoStore)),
            (&[], &[("cache-control", "no-store, must-understand")], Some(NoStore)),
            (&[], &[("cache-control", "foo=\"no-store, no-cache\", max-age=9")], None),
            (&[("cache-control", "no-store")], &[("cache-control", "max-age=9")], Some(NoStore)),
            (&[("cache-control", "no-cache")], &[("cache-control", "max-age=9")], None),
            (&[("cache-control", "private")], &[], None),
            (&[("pragma", "no-cache")], &[], None),
            (&[], &[("cache-control", "max-age=9, No-CaChE")], Some(NoCache)),
            (&[], &[("cache-control", "max-age=9, no-cache=\"set-cookie\"")], Some(NoCache)),
            (&[], &[("pragma", "No-Cache")], Some(Pragma)),
            (&[], &[("pragma", "no-cache"), ("expires", "0")], Some(Pragma)),
            (&[], &[("pragma", "no-cache"), ("cache-control", "max-age=9")], None),
            (&[], &[("pragma", "no-cache"), ("cache-control", "foo")], None),
            (&[], &[("cache-control", "PRIVATE, max-age=9")], Some(Private)),
            (&[], &[("cache-control", "private=\"foo\", max-age=9")], Some(Private)),
            (&[], &[("cache-control", "max-age=0")], Some(Stale)),
            (&[], &[("cache-control", "max-age=9"), ("age", "9")], Some(Stale)),
        ];
        for (request, response, expected) in table {
            let case = Case { request, response, ..Case::new() };
            assert_eq!(case.refusal(), expected, "{request:?} {response:?}");
        }
        let one = Options { sharing: Sharing::Private, ..Options::default() };
        let response = &[("cache-control", "private")];
        assert_eq!(Case { response, options: one, ..Case::new() }.refusal(), None);
    }

    #[test]
    fn an_answer_to_credentials_is_for_others_only_if_it_says_so() {
        let refused = Some(NotStored::Authorization);
        for (line, expected) in [
            ("max-age=9", refused),
            ("max-age=9, public", None),
            ("max-age=9, must-revalidate", None),
            ("s-maxage=9", None),
            ("max-age=9, s-maxage=a", refused),
        ] {
            let response = &[("cache-control", line)];
            let request: Fields<'_> = &[("authorization", "Bearer t")];
            let case = Case { request, response, ..Case::new() };
            assert_eq!(case.refusal(), expected, "{line}");
            let uri = "https://u@a.test/x";
            assert_eq!(Case { uri, response, ..Case::new() }.refusal(), expected, "{line}");
            let options = Options { sharing: Sharing::Private, ..Options::default() };
            assert_eq!(Case { options, ..case }.refusal(), None, "{line}");
        }
        let request = &[("cookie", "a=b")];
        assert_eq!(Case { request, ..Case::new() }.refusal(), None);
    }

    #[test]
    fn the_other_rules_are_asked_too() {
        use NotStored::{SetCookie as Cookie, Stale, TooLong, Untrusted, Vary};
        let case = Case::new();
        let default = Options::default();
        let long = format!("https://b.test/{}", "y".repeat(4096 - 14));
        let longest = &long[..4096];
        let table = [
            (Case { response: &[("vary", "foo, *")], ..case }, Some(Vary)),
            (Case { response: &[("vary", "cookie")], ..case }, Some(Vary)),
            (Case { response: &[("set-cookie", "a=b")], ..case }, Some(Cookie)),
            (
                Case {
                    response: &[("set-cookie", "a=b")],
                    options: Options { set_cookie: SetCookie::Forget, ..default },
                    ..case
                },
                None,
            ),
            (Case { uri: "https://a.test/x?q", ..case }, Some(Stale)),
            (Case { location: "http://b.test/y", ..case }, Some(Untrusted)),
            (Case { uri: "http://a.test/x", ..case }, Some(Untrusted)),
            (Case { uri: "http://b.test/x", ..case }, None),
            (
                Case {
                    uri: "http://b.test/x",
                    options: Options { plaintext: Plaintext::Never, ..default },
                    ..case
                },
                Some(Untrusted),
            ),
            (
                Case { options: Options { reach: Reach::SameOrigin, ..default }, ..case },
                Some(Untrusted),
            ),
            (Case { location: longest, ..case }, None),
            (Case { location: &long, ..case }, Some(TooLong)),
            (Case { uri: longest, ..case }, None),
            (Case { uri: &long, ..case }, Some(TooLong)),
        ];
        for (at, (case, expected)) in table.iter().enumerate() {
            assert_eq!(case.refusal(), *expected, "row {at}");
        }
    }
}
