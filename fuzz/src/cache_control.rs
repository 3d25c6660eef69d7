//! `Cache-Control`, `Expires`, `Age`, `Vary` and `Pragma`, against another reading of RFC 9111.
//!
//! A line of an input is a field: its first byte says which ([`field`]), and the rest is its value. A
//! line with `!` sets the memory up, and how much later it is asked.

mod oracle;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header, request, response};
use tower_follow_redirect::policy::permanent::{PermanentCache, Sharing};

use crate::memory::{Clock, NOW, contents, recalls, seconds, teach};
use oracle::{Remembered, Setup};

/// Lets a server redirect a request, and compares what is remembered with what the oracle says.
pub fn check(input: &[u8]) {
    let case = Case::of(input);
    let expected = oracle::remembered(&case.setup, &case.request, &case.response, NOW);
    let (clock, cache, found) = case.learn();
    assert_eq!(found, expected, "{case:?}");
    case.check_recall(&clock, &cache, found.as_ref());
    case.check_changes(found.as_ref());
}

#[derive(Clone, Debug)]
struct Case {
    setup: Setup,
    request: HeaderMap,
    response: HeaderMap,
    /// After so many seconds it is asked for.
    later: u64,
}

/// Which field of which message a line is about.
fn field(code: u8) -> Option<(Side, HeaderName)> {
    Some(match code {
        b'C' => (Side::Response, header::CACHE_CONTROL),
        b'E' => (Side::Response, header::EXPIRES),
        b'D' => (Side::Response, header::DATE),
        b'A' => (Side::Response, header::AGE),
        b'V' => (Side::Response, header::VARY),
        b'P' => (Side::Response, header::PRAGMA),
        b'S' => (Side::Response, header::SET_COOKIE),
        b'c' => (Side::Request, header::CACHE_CONTROL),
        b'p' => (Side::Request, header::PRAGMA),
        b'a' => (Side::Request, header::AUTHORIZATION),
        b'l' => (Side::Request, header::ACCEPT_LANGUAGE),
        b'x' => (Side::Request, HeaderName::from_static("x")),
        _ => return None,
    })
}

enum Side {
    Request,
    Response,
}

impl Case {
    fn of(input: &[u8]) -> Self {
        let mut case = Self {
            setup: Setup::default(),
            request: HeaderMap::new(),
            response: HeaderMap::new(),
            later: 0,
        };
        for line in input.split(|&byte| byte == b'\n') {
            let Some((&code, text)) = line.split_first() else { continue };
            if let (b'!', [setup, later @ ..]) = (code, text) {
                case.setup = Setup { is_private: setup & 1 != 0, has_query: setup & 2 != 0 };
                case.later = later.iter().take(5).fold(0, |sum, &byte| sum << 8 | u64::from(byte));
            }
            let Some((side, name)) = field(code) else { continue };
            let Ok(value) = HeaderValue::from_bytes(text) else { continue };
            match side {
                Side::Request => case.request.append(name, value),
                Side::Response => case.response.append(name, value),
            };
        }
        case
    }

    fn request(&self, headers: HeaderMap) -> request::Parts {
        let uri = if self.setup.has_query { "https://a.test/x?q" } else { "https://a.test/x" };
        let (mut request, ()) = Request::get(uri).body(()).expect("a request").into_parts();
        request.headers = headers;
        request
    }

    fn response(&self) -> response::Parts {
        let response = Response::builder().status(308).body(()).expect("a response");
        let (mut response, ()) = response.into_parts();
        response.headers.clone_from(&self.response);
        response.headers.insert(header::LOCATION, HeaderValue::from_static("https://b.test/y"));
        response
    }

    /// Makes a memory, and returns what it has learned.
    fn learn(&self) -> (Clock, PermanentCache, Option<Remembered>) {
        let clock = Clock::at(NOW);
        let sharing = if self.setup.is_private { Sharing::Private } else { Sharing::Shared };
        let cache = clock.builder().sharing(sharing).build();
        teach(&cache, &self.request(self.request.clone()), &self.response());
        let found = contents(&cache).pop().map(|(_, _, entry)| {
            assert_eq!(entry.target().uri(), "https://b.test/y");
            assert_eq!(seconds(entry.stored_at()), NOW);
            Remembered {
                age: entry.initial_age().as_secs(),
                remaining: seconds(entry.fresh_until()).saturating_sub(NOW),
                vary: entry.vary().map(|(name, value)| (name.clone(), value.cloned())).collect(),
            }
        });
        (clock, cache, found)
    }

    /// What is remembered is used while it is fresh, for requests that do not object.
    fn check_recall(&self, clock: &Clock, cache: &PermanentCache, found: Option<&Remembered>) {
        clock.set(NOW + self.later);
        let expected = found.is_some_and(|found| oracle::is_used(found, &self.request, self.later));
        let same = self.request(self.request.clone());
        assert_eq!(recalls(cache, &same), expected, "{self:?}");
        let mut other = self.request.clone();
        for (name, _) in found.iter().flat_map(|found| &found.vary) {
            other.append(name, HeaderValue::from_static("something else"));
            assert!(!recalls(cache, &self.request(other.clone())), "{self:?}: {name} differs");
        }
    }

    /// What cannot matter does not, and `no-store` always does.
    fn check_changes(&self, found: Option<&Remembered>) {
        let lines: Vec<_> = self.response.get_all(header::CACHE_CONTROL).iter().cloned().collect();
        let with = |lines: &mut dyn Iterator<Item = HeaderValue>| {
            let mut other = self.clone();
            other.response.remove(header::CACHE_CONTROL);
            lines.for_each(|line| {
                other.response.append(header::CACHE_CONTROL, line);
            });
            other.learn().2
        };
        let mut reversed = lines.iter().rev().cloned();
        assert_eq!(with(&mut reversed).as_ref(), found, "{self:?}, in another order");
        let mut twice = lines.iter().chain(&lines).cloned();
        assert_eq!(with(&mut twice).as_ref(), found, "{self:?}, twice");
        let no_store = HeaderValue::from_static("no-store");
        let mut forbidden = lines.iter().cloned().chain([no_store.clone()]);
        assert_eq!(with(&mut forbidden), None, "{self:?}, and no-store");
        let mut other = self.clone();
        other.request.append(header::CACHE_CONTROL, no_store);
        assert_eq!(other.learn().2, None, "{self:?}, and no-store in the request");
    }
}
