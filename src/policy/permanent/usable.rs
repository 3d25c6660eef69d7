//! Whether a remembered redirect is used for a request ([RFC 9111 §4]).
//!
//! An entry comes from a store, so from anywhere. What made it storable is looked at again, and its
//! times: a clock may be a little wrong, but an entry from the future was not made here, and none is
//! fresh for longer than any may be.
//!
//! [RFC 9111 §4]: https://www.rfc-editor.org/rfc/rfc9111#section-4

use http::{Uri, request};

#[cfg(any(feature = "snapshot", feature = "shared-store"))]
use super::key;
use super::{
    directives::{Directives, Seconds, has_pragma_no_cache},
    entry::Entry,
    methods,
    options::Options,
    trust,
};

/// How far the clocks of two machines may differ, in seconds.
const CLOCK_SKEW: u64 = 60;

/// Why an entry is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotUsed {
    /// Such a status is not remembered.
    Status,
    /// Such a redirect is not remembered.
    Untrusted,
    /// It leads to itself.
    #[cfg(any(feature = "snapshot", feature = "shared-store"))]
    Itself,
    /// Source or target is too long.
    TooLong,
    /// It was stored in the future.
    FromTheFuture,
    Stale,
    /// The request differs in a field that `Vary` named.
    Vary,
    /// It is not for requests with this method.
    Method,
    /// The request wants an answer from the server.
    Bypass,
    /// It is older than the request allows.
    TooOld,
    /// It is not fresh for as long as the request demands.
    TooBrief,
}

/// Returns whether `entry`, found under the key of `request`, is used for it.
///
/// Of several reasons not to, the first is given, in the order of [`NotUsed`].
pub(super) fn usable(
    entry: &Entry,
    request: &request::Parts,
    now: u64,
    options: &Options,
) -> Result<(), NotUsed> {
    is_trusted(entry, &request.uri, now, options)?;
    ensure(remaining(entry, now, options) > 0, NotUsed::Stale)?;
    ensure(entry.selection().matches(&request.headers), NotUsed::Vary)?;
    ensure(methods::uses(&request.method, entry, options.methods), NotUsed::Method)?;
    is_wanted(entry, request, now, options)
}

/// Returns an entry that was not made here as it may be kept, if it may.
///
/// It is kept for no longer than one that was.
#[cfg(any(feature = "snapshot", feature = "shared-store"))]
pub(super) fn admitted(
    entry: Entry,
    source: &Uri,
    now: u64,
    options: &Options,
) -> Result<Entry, NotUsed> {
    let entry = entry.capped(options.max_ttl.as_secs());
    is_trusted(&entry, source, now, options)?;
    ensure(!key::is_same(source, entry.target().uri()), NotUsed::Itself)?;
    ensure(entry.remaining(now) > 0, NotUsed::Stale)?;
    Ok(entry)
}

/// Returns for how long an entry is still used, whatever it claims. The cap counts from when it was
/// stored, so that one which was lowered holds for what is stored already.
pub(super) fn remaining(entry: &Entry, now: u64, options: &Options) -> u64 {
    let cap = options.max_ttl.as_secs().saturating_sub(entry.residence(now));
    entry.remaining(now).min(cap)
}

fn ensure(holds: bool, otherwise: NotUsed) -> Result<(), NotUsed> {
    if holds { Ok(()) } else { Err(otherwise) }
}

fn is_trusted(entry: &Entry, source: &Uri, now: u64, options: &Options) -> Result<(), NotUsed> {
    let target = entry.target().uri();
    ensure(options.statuses.contain(entry.status()), NotUsed::Status)?;
    ensure(trust::trusted(source, target, options), NotUsed::Untrusted)?;
    ensure(trust::are_short(source, target, options), NotUsed::TooLong)?;
    let is_past = entry.stored_seconds() <= now.saturating_add(CLOCK_SKEW);
    ensure(is_past, NotUsed::FromTheFuture)
}

/// What the request says of caches ([RFC 9111 §5.2.1]).
///
/// `max-stale` is not heeded, since nothing stale is used. `Pragma: no-cache` ([§5.4]) holds whatever
/// `Cache-Control` says: to ask the server is always right.
///
/// [RFC 9111 §5.2.1]: https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1
/// [§5.4]: https://www.rfc-editor.org/rfc/rfc9111#section-5.4
fn is_wanted(
    entry: &Entry,
    request: &request::Parts,
    now: u64,
    options: &Options,
) -> Result<(), NotUsed> {
    let says = Directives::of(&request.headers);
    let asks_server = says.no_cache || says.no_store || has_pragma_no_cache(&request.headers);
    ensure(!asks_server, NotUsed::Bypass)?;
    match says.max_age {
        Seconds::Absent => {}
        // In whole seconds an age is zero for a while, but whoever says zero means reload.
        Seconds::Valid(0) | Seconds::Invalid => return Err(NotUsed::Bypass),
        Seconds::Valid(most) => ensure(entry.age(now) <= most, NotUsed::TooOld)?,
    }
    match says.min_fresh {
        Seconds::Absent => Ok(()),
        Seconds::Invalid => Err(NotUsed::Bypass),
        Seconds::Valid(least) => ensure(remaining(entry, now, options) >= least, NotUsed::TooBrief),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        policy::permanent::{
            options::{Methods, Plaintext, Reach, Statuses},
            unix,
        },
        rules::target::Target,
    };

    /// 2026-01-01T00:00:00Z.
    const STORED: u64 = 1_767_225_600;

    type Fields<'a> = &'a [(&'a str, &'a str)];

    fn entry(target: &str, ttl: u64) -> Entry {
        let target = Target::new(target.parse().unwrap(), None).unwrap();
        Entry::new(target, unix::time(STORED), unix::time(STORED + ttl))
    }

    fn request(method: &str, uri: &str, fields: Fields<'_>) -> request::Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn get(fields: Fields<'_>) -> request::Parts {
        request("GET", "https://a.test/x", fields)
    }

    fn refusal(entry: &Entry, request: &request::Parts, after: u64) -> Option<NotUsed> {
        usable(entry, request, STORED + after, &Options::default()).err()
    }

    #[test]
    fn an_entry_is_used_while_it_is_fresh() {
        let entry = entry("https://b.test/y", 100);
        for (after, expected) in
            [(0, None), (99, None), (100, Some(NotUsed::Stale)), (101, Some(NotUsed::Stale))]
        {
            assert_eq!(refusal(&entry, &get(&[]), after), expected, "{after}");
        }
    }

    #[test]
    fn a_request_that_varies_is_another_one() {
        let foo = (HeaderName::from_static("foo"), Some(HeaderValue::from_static("1")));
        let entry = entry("https://b.test/y", 100).with_vary([foo]);
        assert_eq!(refusal(&entry, &get(&[("foo", "1")]), 3), None);
        assert_eq!(refusal(&entry, &get(&[("foo", "2")]), 3), Some(NotUsed::Vary));
        assert_eq!(refusal(&entry, &get(&[]), 3), Some(NotUsed::Vary));
    }

    #[test]
    fn the_method_must_be_one_that_uses_it() {
        let entry = entry("https://b.test/y", 100);
        let of_head = entry.clone().with_method(Method::HEAD);
        let any = Options { methods: Methods::Any308, ..Options::default() };
        for (entry, method, expected, with_any) in [
            (&entry, "GET", None, None),
            (&entry, "HEAD", None, None),
            (&entry, "PUT", Some(NotUsed::Method), None),
            (&entry, "OPTIONS", Some(NotUsed::Method), Some(NotUsed::Method)),
            (&of_head, "HEAD", None, None),
            (&of_head, "GET", Some(NotUsed::Method), None),
        ] {
            let request = request(method, "https://a.test/x", &[]);
            assert_eq!(refusal(entry, &request, 3), expected, "{method}");
            let found = usable(entry, &request, STORED + 3, &any).err();
            assert_eq!(found, with_any, "{method}");
        }
    }

    #[test]
    fn what_a_request_says_of_caches_holds() {
        use NotUsed::{Bypass, TooBrief, TooOld};
        // It is 30 + 3 seconds old, and fresh for another 97.
        let entry = entry("https://b.test/y", 100).with_initial_age(Duration::from_secs(30));
        let table: [(Fields<'_>, Option<NotUsed>); 20] = [
            (&[("cache-control", "No-Cache")], Some(Bypass)),
            (&[("cache-control", "foo"), ("cache-control", "no-cache")], Some(Bypass)),
            (&[("cache-control", "no-store")], Some(Bypass)),
            (&[("cache-control", "foo=\"no-cache\"")], None),
            (&[("pragma", "No-Cache")], Some(Bypass)),
            (&[("pragma", "no-cache"), ("cache-control", "max-age=99")], Some(Bypass)),
            (&[("pragma", "foo")], None),
            (&[("cache-control", "max-age=33")], None),
            (&[("cache-control", "max-age=32")], Some(TooOld)),
            (&[("cache-control", "max-age=0")], Some(Bypass)),
            (&[("cache-control", "max-age=a")], Some(Bypass)),
            (&[("cache-control", "min-fresh=97")], None),
            (&[("cache-control", "min-fresh=98")], Some(TooBrief)),
            (&[("cache-control", "min-fresh=0")], None),
            (&[("cache-control", "min-fresh=a")], Some(Bypass)),
            (&[("cache-control", "s-maxage=0, private, only-if-cached")], None),
            (&[("if-none-match", "\"e\""), ("if-modified-since", "x")], None),
            (&[("range", "bytes=0-9"), ("if-range", "\"e\"")], None),
            (&[("authorization", "Bearer t"), ("cookie", "a=b")], None),
            (&[("cache-control", "max-age=99, max-stale=99")], None),
        ];
        for (fields, expected) in table {
            assert_eq!(refusal(&entry, &get(fields), 3), expected, "{fields:?}");
        }
        let stale_ok = get(&[("cache-control", "max-stale")]);
        assert_eq!(refusal(&entry, &stale_ok, 100), Some(NotUsed::Stale));
        let reload = get(&[("cache-control", "max-age=0")]);
        let young = entry.with_initial_age(Duration::ZERO);
        assert_eq!(refusal(&young, &reload, 0), Some(Bypass));
    }

    #[test]
    fn an_entry_that_would_not_be_stored_is_not_used() {
        let default = Options::default();
        let fine = entry("https://b.test/y", 100);
        let moved = fine.clone().with_status(StatusCode::MOVED_PERMANENTLY);
        let found = fine.clone().with_status(StatusCode::FOUND);
        let with_301 = Options { statuses: Statuses::With301, ..default };
        let same_origin = Options { reach: Reach::SameOrigin, ..default };
        let plain = entry("http://b.test/y", 100);
        let always = Options { plaintext: Plaintext::Always, ..default };
        let nowhere = entry("/y", 100);
        let short = Options { max_uri_len: 15, ..default };
        let (https, http) = ("https://a.test/x", "http://a.test/x");
        let table = [
            (&fine, https, default, None),
            (&moved, https, default, Some(NotUsed::Status)),
            (&moved, https, with_301, None),
            (&found, https, with_301, Some(NotUsed::Status)),
            (&fine, https, same_origin, Some(NotUsed::Untrusted)),
            (&fine, http, default, Some(NotUsed::Untrusted)),
            (&fine, "http://b.test/x", default, None),
            (&plain, https, always, Some(NotUsed::Untrusted)),
            (&plain, http, always, None),
            (&nowhere, https, default, Some(NotUsed::Untrusted)),
            (&fine, "https://a.test/", short, Some(NotUsed::TooLong)),
            (&entry("https://b.test/", 100), https, short, Some(NotUsed::TooLong)),
            (&entry("https://b.test/", 100), "https://a.test/", short, None),
        ];
        for (at, (entry, uri, options, expected)) in table.iter().enumerate() {
            let request = request("GET", uri, &[]);
            let found = usable(entry, &request, STORED + 3, options).err();
            assert_eq!(found, *expected, "row {at}");
        }
    }

    #[test]
    fn an_entry_with_times_that_cannot_be_is_not_used() {
        let week = 7 * 24 * 3600;
        for (ttl, expected) in [(week, None), (week + 1, None), (1 << 40, None)] {
            let entry = entry("https://b.test/", ttl);
            assert_eq!(refusal(&entry, &get(&[]), week - 1), expected, "{ttl}");
            assert_eq!(refusal(&entry, &get(&[]), week), Some(NotUsed::Stale), "{ttl}");
            let long = get(&[("cache-control", "min-fresh=4")]);
            assert_eq!(refusal(&entry, &long, week - 3), Some(NotUsed::TooBrief), "{ttl}");
        }
        let future = Some(NotUsed::FromTheFuture);
        let entry = entry("https://b.test/", week);
        for (ahead, expected) in [(0, None), (60, None), (61, future), (STORED, future)] {
            let found = usable(&entry, &get(&[]), STORED - ahead, &Options::default()).err();
            assert_eq!(found, expected, "{ahead}");
        }
        let (target, until) = (entry.target().clone(), unix::time(STORED + 100));
        let ancient = Entry::new(target, unix::time(0), until);
        assert_eq!(refusal(&ancient, &get(&[]), 3), Some(NotUsed::Stale));
        let for_ever = usable(&ancient, &get(&[]), STORED, &Options::browser());
        assert_eq!(for_ever, Ok(()));
    }

    proptest! {
        #[test]
        fn no_number_makes_it_panic_and_nothing_is_used_beyond_the_cap(
            times in prop::array::uniform4(prop_oneof![any::<u64>(), 0..1_u64 << 38, 0..200_u64]),
            max_ttl in prop_oneof![any::<u64>(), 0..200_u64],
            line in "(max-age|min-fresh)=[0-9]{1,22}",
        ) {
            let [stored, until, age, now] = times;
            let target = Target::new("https://b.test/".parse().unwrap(), None).unwrap();
            let entry = Entry::new(target, unix::time(stored), unix::time(until))
                .with_initial_age(Duration::from_secs(age));
            let max_ttl = Duration::from_secs(max_ttl);
            let options = Options { max_ttl, ..Options::default() };
            let _ = usable(&entry, &get(&[("cache-control", &line)]), now, &options);
            if usable(&entry, &get(&[]), now, &options).is_ok() {
                prop_assert!(now < until);
                prop_assert!(now < unix::seconds(entry.stored_at()).saturating_add(max_ttl.as_secs()));
            }
        }
    }
}
