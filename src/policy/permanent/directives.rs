//! What `Cache-Control` says ([RFC 9111 §5.2]), in a request or a response.
//!
//! What is not written as it should be is read to the safe side: a restriction holds, a permission does
//! not, and a time is invalid.
//!
//! [RFC 9111 §5.2]: https://www.rfc-editor.org/rfc/rfc9111#section-5.2

use http::{HeaderMap, header};

use super::list;

/// No time is longer ([RFC 9111 §1.2.2]).
///
/// [RFC 9111 §1.2.2]: https://www.rfc-editor.org/rfc/rfc9111#section-1.2.2
const LONGEST: u64 = 1 << 31;

/// The directives that matter to a remembered redirect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    pub(super) no_store: bool,
    /// Also where it names fields.
    pub(super) no_cache: bool,
    /// Also where it names fields.
    pub(super) private: bool,
    pub(super) public: bool,
    pub(super) must_revalidate: bool,
    pub(super) max_age: Seconds,
    pub(super) s_maxage: Seconds,
    pub(super) min_fresh: Seconds,
}

/// The argument of a directive: a number of seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Seconds {
    /// There is no such directive.
    #[default]
    Absent,
    Valid(u64),
    /// It is no number of seconds, or there are two that differ.
    Invalid,
}

impl Directives {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        for member in list::members(headers, &header::CACHE_CONTROL) {
            directives.add(&Directive::of(member));
        }
        directives
    }

    fn add(&mut self, directive: &Directive<'_>) {
        let permits = !matches!(directive.argument, Argument::Malformed | Argument::Unreadable);
        let is = |name: &str| directive.name.eq_ignore_ascii_case(name.as_bytes());
        if is("no-store") {
            self.no_store = true;
        } else if is("no-cache") {
            self.no_cache = true;
        } else if is("private") {
            self.private = true;
        } else if is("public") {
            self.public |= permits;
        } else if is("must-revalidate") {
            self.must_revalidate |= permits;
        } else if is("max-age") {
            self.max_age.add(directive.seconds());
        } else if is("s-maxage") {
            self.s_maxage.add(directive.seconds());
        } else if is("min-fresh") {
            self.min_fresh.add(directive.seconds());
        }
        // Nobody knows what a quote that stands wrong was to hide.
        self.no_store |= matches!(directive.argument, Argument::Unreadable);
    }
}

impl Seconds {
    fn add(&mut self, other: Self) {
        *self = match (*self, other) {
            (Self::Absent, other) => other,
            (Self::Valid(a), Self::Valid(b)) if a == b => Self::Valid(a),
            _ => Self::Invalid,
        };
    }
}

/// Returns whether `Pragma` says `no-cache` ([RFC 9111 §5.4]).
///
/// [RFC 9111 §5.4]: https://www.rfc-editor.org/rfc/rfc9111#section-5.4
pub(super) fn has_pragma_no_cache(headers: &HeaderMap) -> bool {
    list::members(headers, &header::PRAGMA)
        .any(|member| Directive::of(member).name.eq_ignore_ascii_case(b"no-cache"))
}

/// Reads a number of seconds: digits, and nothing else.
pub(super) fn delta_seconds(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = text.iter().fold(0_u64, |number, digit| {
        number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    });
    Some(number.min(LONGEST))
}

struct Directive<'l> {
    name: &'l [u8],
    argument: Argument<'l>,
}

enum Argument<'l> {
    None,
    /// A token, or what a quoted string holds.
    Text(&'l [u8]),
    Malformed,
    /// Malformed, and with a quote.
    Unreadable,
}

impl<'l> Directive<'l> {
    fn of(member: &'l [u8]) -> Self {
        let end = member.iter().position(|&byte| !list::is_tchar(byte));
        let (name, rest) = member.split_at(end.unwrap_or(member.len()));
        let argument = match rest {
            [] => Argument::None,
            [b'=', b'"', text @ .., b'"'] if list::is_quoted_text(text) => Argument::Text(text),
            rest if rest.contains(&b'"') => Argument::Unreadable,
            [b'=', text @ ..] if text.iter().all(|&byte| list::is_tchar(byte)) => {
                Argument::Text(text)
            }
            _ => Argument::Malformed,
        };
        Self { name, argument }
    }

    fn seconds(&self) -> Seconds {
        let Argument::Text(text) = self.argument else { return Seconds::Invalid };
        delta_seconds(text).map_or(Seconds::Invalid, Seconds::Valid)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn of(lines: &[&str]) -> Directives {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::CACHE_CONTROL, line.parse().unwrap());
        }
        Directives::of(&headers)
    }

    #[test]
    fn each_directive_is_read_in_any_case_and_any_line() {
        let none = Directives::default();
        let table = [
            ("no-store", Directives { no_store: true, ..none }),
            ("no-cache", Directives { no_cache: true, ..none }),
            ("private", Directives { private: true, ..none }),
            ("public", Directives { public: true, ..none }),
            ("must-revalidate", Directives { must_revalidate: true, ..none }),
            ("max-age=7", Directives { max_age: Seconds::Valid(7), ..none }),
            ("s-maxage=7", Directives { s_maxage: Seconds::Valid(7), ..none }),
            ("min-fresh=7", Directives { min_fresh: Seconds::Valid(7), ..none }),
            ("max-stale=7", none),
            ("x-no-store, no-stor, foo=no-store, max-agee=1", none),
        ];
        for (line, expected) in table {
            let upper = line.to_ascii_uppercase();
            for lines in [&[line][..], &[&upper], &["foo, bar=1", line], &[&format!(" , {line},a")]]
            {
                assert_eq!(of(lines), expected, "{lines:?}");
            }
        }
        assert_eq!(of(&[]), none);
        let both = Directives { no_cache: true, max_age: Seconds::Valid(1), ..none };
        assert_eq!(of(&["max-age=1", "no-cache"]), both);
    }

    #[test]
    fn a_time_is_digits_in_a_token_or_a_quoted_string() {
        let table = [
            ("max-age=0", Seconds::Valid(0)),
            ("max-age=\"3600\"", Seconds::Valid(3600)),
            ("max-age=003600", Seconds::Valid(3600)),
            ("max-age=2147483648", Seconds::Valid(LONGEST)),
            ("max-age=2147483649", Seconds::Valid(LONGEST)),
            ("max-age=99999999999999999999999999", Seconds::Valid(LONGEST)),
            // 8, if it could overflow.
            ("max-age=36893488147419103240", Seconds::Valid(LONGEST)),
            ("max-age=60, max-age=60", Seconds::Valid(60)),
            ("max-age=60, max-age=\"60\", MAX-AGE=060", Seconds::Valid(60)),
            ("max-age", Seconds::Invalid),
            ("max-age=", Seconds::Invalid),
            ("max-age=\"\"", Seconds::Invalid),
            ("max-age=-1", Seconds::Invalid),
            ("max-age=+1", Seconds::Invalid),
            ("max-age=3600.5", Seconds::Invalid),
            ("max-age='3600'", Seconds::Invalid),
            ("max-age=a100", Seconds::Invalid),
            ("max-age=100a", Seconds::Invalid),
            ("max-age=1 0", Seconds::Invalid),
            ("max-age= 100", Seconds::Invalid),
            ("max-age =100", Seconds::Invalid),
            ("max-age:100", Seconds::Invalid),
            ("max-age=\" 100\"", Seconds::Invalid),
            ("max-age=\"1\\00\"", Seconds::Invalid),
            ("max-age=60, max-age=61", Seconds::Invalid),
            ("max-age=60, max-age", Seconds::Invalid),
            ("max-age=a, max-age=60", Seconds::Invalid),
            ("max-age=60, max-age=61, max-age=60", Seconds::Invalid),
            ("foo=\"bar, max-age=3600, baz\", max-age=1", Seconds::Valid(1)),
            ("foo=\"bar, max-age=3600, baz\"", Seconds::Absent),
            ("foo=\"\\\", max-age=3600, baz\"", Seconds::Absent),
        ];
        for (line, expected) in table {
            let found = of(&[line]);
            assert_eq!(found.max_age, expected, "{line}");
            assert!(!found.no_store, "{line}");
            let found = of(&[&line.replace("max-age", "s-maxage").replace("MAX-AGE", "S-MAXAGE")]);
            assert_eq!(found.s_maxage, expected, "{line}");
        }
        assert_eq!(of(&["max-age=1", "max-age=2"]).max_age, Seconds::Invalid);
    }

    #[test]
    fn a_restriction_holds_however_it_is_written_and_a_permission_does_not() {
        for argument in ["", "=\"set-cookie, foo\"", "=x", "=", " foo", " = x"] {
            let found = of(&[&["no-store", "no-cache", "private"]
                .map(|n| [n, argument].concat())
                .join(",")]);
            assert!(found.no_store && found.no_cache && found.private, "{argument}");
        }
        for (argument, expected) in [("", true), ("=x", true), (" foo", false), ("=a b", false)] {
            let found =
                of(&[&["public", "must-revalidate"].map(|n| [n, argument].concat()).join(",")]);
            assert_eq!((found.public, found.must_revalidate), (expected, expected), "{argument}");
        }
        assert!(of(&["public, public x"]).public);
    }

    #[test]
    fn a_quote_that_stands_wrong_may_have_hidden_anything() {
        for line in [
            "foo=\"bar, max-age=3600",
            "a\"b, max-age=3600, c\"d",
            "foo=\"a\"b\"",
            "foo=\"a\\\"",
            "\"no-store\"",
            "max-age=3600, \"",
        ] {
            assert!(of(&[line]).no_store, "{line}");
        }
        assert!(of(&["foo=\"a", "b\", max-age=1"]).no_store);
        assert!(!of(&["foo=\"no-store\", bar=\"a\\\"b\", no-such=\"\""]).no_store);
    }

    #[test]
    fn pragma_may_be_a_list() {
        let table = [
            ("no-cache", true),
            ("No-Cache", true),
            ("foo=\"a, b\", no-cache", true),
            ("foo", false),
            ("foo=\"a, no-cache\"", false),
            ("no-cached", false),
        ];
        for (line, expected) in table {
            let headers = HeaderMap::from_iter([(header::PRAGMA, line.parse().unwrap())]);
            assert_eq!(has_pragma_no_cache(&headers), expected, "{line}");
        }
        assert!(!has_pragma_no_cache(&HeaderMap::new()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(
            lines in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..32),
                    "[a-z=\"\\\\, ]{0,24}".prop_map(String::into_bytes),
                ],
                0..4,
            ),
        ) {
            let mut headers = HeaderMap::new();
            for line in &lines {
                if let Ok(value) = HeaderValue::from_bytes(line) {
                    headers.append(header::CACHE_CONTROL, value);
                }
            }
            let before = Directives::of(&headers);
            headers.append(header::CACHE_CONTROL, HeaderValue::from_static("no-store, max-age=1"));
            let after = Directives::of(&headers);
            prop_assert!(after.no_store);
            prop_assert_eq!(
                after.max_age == Seconds::Valid(1),
                matches!(before.max_age, Seconds::Absent | Seconds::Valid(1)),
            );
        }

        #[test]
        fn digits_are_seconds_up_to_the_longest(number in any::<u128>(), zeros in 0_usize..4) {
            let text = format!("{}{number}", "0".repeat(zeros));
            let expected = u64::try_from(number).map_or(LONGEST, |number| number.min(LONGEST));
            prop_assert_eq!(delta_seconds(text.as_bytes()), Some(expected));
        }
    }
}
