//! For how long a response is fresh, and how old it is already ([RFC 9111 §4.2]).
//!
//! [RFC 9111 §4.2]: https://www.rfc-editor.org/rfc/rfc9111#section-4.2

use http::{HeaderMap, HeaderName, Uri, header};

use super::{
    directives::{Directives, Seconds, delta_seconds},
    options::{Options, Queries, Sharing},
    unix,
};

/// How long a response received now stays fresh, and its age by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Freshness {
    pub(super) age: u64,
    /// Never zero.
    pub(super) remaining: u64,
}

/// Returns the freshness of a response from `source` that was received `now`, or `None` if it is stale.
pub(super) fn freshness(
    source: &Uri,
    headers: &HeaderMap,
    directives: &Directives,
    now: u64,
    options: &Options,
) -> Option<Freshness> {
    let lifetime = explicit(headers, directives, now, options.sharing)
        .unwrap_or_else(|| heuristic(source, options));
    let age = age(headers, now);
    let remaining = lifetime.saturating_sub(age).min(options.max_ttl.as_secs());
    (remaining > 0).then_some(Freshness { age, remaining })
}

/// Returns the lifetime that the response states. What it states wrongly is zero.
fn explicit(
    headers: &HeaderMap,
    directives: &Directives,
    now: u64,
    sharing: Sharing,
) -> Option<u64> {
    let s_maxage = match sharing {
        Sharing::Shared => directives.s_maxage,
        Sharing::Private => Seconds::Absent,
    };
    match (s_maxage, directives.max_age) {
        (Seconds::Valid(lifetime), _) | (Seconds::Absent, Seconds::Valid(lifetime)) => {
            Some(lifetime)
        }
        (Seconds::Invalid, _) | (Seconds::Absent, Seconds::Invalid) => Some(0),
        (Seconds::Absent, Seconds::Absent) => expires(headers, now),
    }
}

/// Returns `Expires - Date`. An `Expires` that cannot be read is in the past ([RFC 9111 §5.3]).
///
/// [RFC 9111 §5.3]: https://www.rfc-editor.org/rfc/rfc9111#section-5.3
fn expires(headers: &HeaderMap, now: u64) -> Option<u64> {
    headers.get(header::EXPIRES)?;
    let Some(expires) = date(headers, &header::EXPIRES) else { return Some(0) };
    Some(expires.saturating_sub(date(headers, &header::DATE).unwrap_or(now)))
}

fn heuristic(source: &Uri, options: &Options) -> u64 {
    match (source.query(), options.queries) {
        (Some(_), Queries::ExplicitOnly) => 0,
        (None, _) | (Some(_), Queries::LikeOthers) => options.heuristic.as_secs(),
    }
}

/// Returns the age of a response that was received `now` ([RFC 9111 §4.2.3]).
///
/// [RFC 9111 §4.2.3]: https://www.rfc-editor.org/rfc/rfc9111#section-4.2.3
fn age(headers: &HeaderMap, now: u64) -> u64 {
    let apparent = date(headers, &header::DATE).map_or(0, |date| now.saturating_sub(date));
    stated_age(headers).unwrap_or(0).max(apparent)
}

/// Returns the first member of `Age`. One that is invalid is ignored ([RFC 9111 §5.1]).
///
/// [RFC 9111 §5.1]: https://www.rfc-editor.org/rfc/rfc9111#section-5.1
fn stated_age(headers: &HeaderMap) -> Option<u64> {
    let line = headers.get(header::AGE)?.as_bytes();
    delta_seconds(line.split(|&byte| byte == b',').next()?.trim_ascii())
}

/// Reads a field that has one line, which is a date ([RFC 9110 §5.6.7]).
///
/// [RFC 9110 §5.6.7]: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let mut lines = headers.get_all(name).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let text = line.to_str().ok()?;
    // `httpdate` takes any byte before the time in a date of RFC 850, as in `06-Nov-94T08:49:37`.
    let has_time = text.split(' ').any(|word| word.find(':') == Some(2));
    has_time.then(|| httpdate::parse_http_date(text).ok().map(unix::seconds))?
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    /// 2026-01-01T00:00:00Z.
    const NOW: u64 = 1_767_225_600;

    fn at(seconds: i64) -> String {
        httpdate::fmt_http_date(unix::time(NOW.checked_add_signed(seconds).unwrap()))
    }

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        headers
    }

    fn of(fields: &[(&str, &str)], options: &Options) -> Option<Freshness> {
        let headers = headers(fields);
        let directives = Directives::of(&headers);
        freshness(&Uri::from_static("https://a.test/x"), &headers, &directives, NOW, options)
    }

    fn remaining(fields: &[(&str, &str)]) -> u64 {
        of(fields, &Options::default()).map_or(0, |freshness| freshness.remaining)
    }

    #[test]
    fn the_first_that_states_a_lifetime_counts() {
        const DAY: u64 = 86_400;
        let (later, soon, past, now) = (at(120), at(60), at(-60), at(0));
        let table: [(&[(&str, &str)], u64); 20] = [
            (&[], DAY),
            (&[("cache-control", "public")], DAY),
            (&[("cache-control", "foo")], DAY),
            (&[("last-modified", &past)], DAY),
            (&[("cache-control", "max-age=7")], 7),
            (&[("cache-control", "max-age=0")], 0),
            (&[("cache-control", "s-maxage=7")], 7),
            (&[("cache-control", "max-age=7, s-maxage=8")], 8),
            (&[("cache-control", "max-age=7, s-maxage=0")], 0),
            (&[("cache-control", "max-age=7"), ("expires", &soon), ("date", &now)], 7),
            (&[("cache-control", "max-age=7"), ("expires", "0")], 7),
            (&[("cache-control", "max-age=0"), ("expires", &soon)], 0),
            (&[("expires", &soon), ("date", &now)], 60),
            (&[("expires", &soon)], 60),
            (&[("expires", &soon), ("date", &past)], 60),
            (&[("expires", &later), ("date", &soon)], 60),
            (&[("expires", &soon), ("date", "foo")], 60),
            (&[("expires", &soon), ("date", &now), ("date", &soon)], 60),
            (&[("expires", &past)], 0),
            (&[("expires", &now), ("date", &now)], 0),
        ];
        for (fields, expected) in table {
            assert_eq!(remaining(fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn a_lifetime_stated_wrongly_is_over() {
        let soon = at(60);
        let table: [&[(&str, &str)]; 8] = [
            &[("cache-control", "max-age=a")],
            &[("cache-control", "max-age=7, max-age=8")],
            &[("cache-control", "s-maxage=a, max-age=7")],
            &[("cache-control", "max-age=a"), ("expires", &soon)],
            &[("expires", "0")],
            &[("expires", "")],
            &[("expires", &soon), ("expires", &soon)],
            &[("expires", &soon.replace("GMT", "CET"))],
        ];
        for fields in table {
            assert_eq!(remaining(fields), 0, "{fields:?}");
        }
        let latin = http::HeaderValue::from_bytes(b"\xe4").unwrap();
        let headers = HeaderMap::from_iter([(header::EXPIRES, latin)]);
        assert_eq!(expires(&headers, NOW), Some(0));
    }

    #[test]
    fn one_user_has_no_use_for_s_maxage() {
        let options = Options { sharing: Sharing::Private, ..Options::default() };
        for (line, expected) in [
            ("max-age=7, s-maxage=8", Some(7)),
            ("max-age=7, s-maxage=0", Some(7)),
            ("max-age=7, s-maxage=a", Some(7)),
            ("s-maxage=8", Some(86_400)),
        ] {
            let found = of(&[("cache-control", line)], &options);
            assert_eq!(found.map(|freshness| freshness.remaining), expected, "{line}");
        }
    }

    #[test]
    fn age_is_what_is_stated_or_what_the_dates_show() {
        let (past, soon) = (at(-60), at(60));
        let table: [(&[(&str, &str)], u64); 17] = [
            (&[], 0),
            (&[("age", "7")], 7),
            (&[("age", " 7 ,8")], 7),
            (&[("age", "7"), ("age", "8")], 7),
            (&[("age", "99999999999999999999")], 1 << 31),
            (&[("age", "-7")], 0),
            (&[("age", "7.0")], 0),
            (&[("age", "\"7\"")], 0),
            (&[("age", "abc")], 0),
            (&[("age", ",7")], 0),
            (&[("age", "abc"), ("age", "7")], 0),
            (&[("date", &past)], 60),
            (&[("date", &soon)], 0),
            (&[("date", "foo")], 0),
            (&[("date", &past), ("age", "7")], 60),
            (&[("date", &past), ("age", "70")], 70),
            (&[("date", &past), ("date", &past)], 0),
        ];
        for (fields, expected) in table {
            assert_eq!(age(&headers(fields), NOW), expected, "{fields:?}");
        }
    }

    #[test]
    fn what_is_as_old_as_it_may_get_is_stale() {
        for (age, expected) in [("99", 1), ("100", 0), ("101", 0)] {
            let fields = [("cache-control", "max-age=100"), ("age", age)];
            assert_eq!(remaining(&fields), expected, "{age}");
        }
        let found = of(&[("cache-control", "max-age=100"), ("age", "30")], &Options::default());
        assert_eq!(found, Some(Freshness { age: 30, remaining: 70 }));
        // The guess has an age too.
        assert_eq!(remaining(&[("age", "86399")]), 1);
        assert_eq!(remaining(&[("age", "86400")]), 0);
    }

    #[test]
    fn the_cap_is_for_what_remains() {
        let options = Options { max_ttl: Duration::from_secs(50), ..Options::default() };
        for (line, age, expected) in
            [("max-age=100", "0", 50), ("max-age=100", "40", 50), ("max-age=100", "60", 40)]
        {
            let found = of(&[("cache-control", line), ("age", age)], &options).unwrap();
            assert_eq!(found.remaining, expected, "{line} {age}");
        }
        let unlimited = Options::browser();
        assert_eq!(of(&[], &unlimited).unwrap().remaining, u64::MAX);
        assert_eq!(of(&[("age", "7")], &unlimited).unwrap().remaining, u64::MAX - 7);
    }

    #[test]
    fn a_query_needs_an_explicit_lifetime() {
        let like_others = Options { queries: Queries::LikeOthers, ..Options::default() };
        for (uri, options, expected) in [
            ("https://a.test/x", Options::default(), true),
            ("https://a.test/x?", Options::default(), false),
            ("https://a.test/x?q", Options::default(), false),
            ("https://a.test/x?q", like_others, true),
        ] {
            let uri = Uri::from_static(uri);
            let found = |headers| {
                let directives = Directives::of(&headers);
                freshness(&uri, &headers, &directives, NOW, &options).is_some()
            };
            assert_eq!(found(HeaderMap::new()), expected, "{uri}");
            assert!(found(headers(&[("cache-control", "max-age=7")])), "{uri}");
        }
    }

    #[test]
    fn a_date_has_one_of_three_forms() {
        let table = [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("Sunday, 06-Nov-94T08:49:37 GMT", None),
            ("Sunday, 06-Nov-94\t08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 UTC", None),
            ("Sun, 06 Nov 1994 08:49:37 +0000", None),
            ("Sun, 06 Nov 1994 08:49:37 gmt", None),
            ("Sun, 06 Nov 1994 08:49:37", None),
            ("Sun, 06 nov 1994 08:49:37 GMT", None),
            ("Mon, 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 6 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 94 08:49:37 GMT", None),
            ("Sun 06 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06-Nov-1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 8:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08.49.37 GMT", None),
            ("Sun, 06  Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 24:49:37 GMT", None),
            ("Wed, 31 Dec 1969 23:59:59 GMT", None),
            ("1994-11-06T08:49:37Z", None),
            ("784111777", None),
            ("", None),
            (":", None),
            ("1:", None),
        ];
        for (text, expected) in table {
            let headers = headers(&[("date", text)]);
            assert_eq!(date(&headers, &header::DATE), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_number_and_no_bytes_make_it_panic(
            now in prop_oneof![any::<u64>(), Just(u64::MAX), Just(0)],
            heuristic in any::<u64>(),
            max_ttl in any::<u64>(),
            lines in prop::collection::vec(
                (
                    prop_oneof!["age", "date", "expires", "cache-control"],
                    prop_oneof![
                        "[ -~]{0,30}",
                        "[0-9]{1,30}",
                        "(max-age|s-maxage)=[0-9]{1,30}",
                        (0..u64::MAX).prop_map(|s| httpdate::fmt_http_date(unix::time(s))),
                        "(Sun, |Sunday, |Sun )?[0-9Nov -]{2,12}[ -~]?[0-9:]{4,8}( GMT)?",
                    ],
                ),
                0..5,
            ),
        ) {
            let fields: Vec<(&str, &str)> = lines.iter().map(|(n, v)| (&**n, &**v)).collect();
            let headers = headers(&fields);
            let options = Options {
                heuristic: Duration::from_secs(heuristic),
                max_ttl: Duration::from_secs(max_ttl),
                ..Options::default()
            };
            let uri = Uri::from_static("https://a.test/x");
            let found = freshness(&uri, &headers, &Directives::of(&headers), now, &options);
            if let Some(found) = found {
                prop_assert!(found.remaining > 0 && found.remaining <= max_ttl);
            }
        }
    }
}
