//! When a remembered redirect has led astray, so that the old URI is asked once more.

use http::{Method, StatusCode};

use super::{
    entry::Entry,
    options::{Fallback, Options},
};

/// Returns whether the final status says that a remembered target is gone.
///
/// Another error may be about the request, or be over soon.
pub(super) fn is_astray(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::MISDIRECTED_REQUEST)
}

/// Returns whether a request that `walked` entries have led astray is sent once more, to where the walk
/// began.
pub(super) fn falls_back<'e>(
    method: &Method,
    walked: impl IntoIterator<Item = &'e Entry>,
    now: u64,
    options: &Options,
) -> bool {
    let is_on = match options.fallback {
        Fallback::Once => matches!(*method, Method::GET | Method::HEAD),
        Fallback::Never => false,
    };
    let least = options.fallback_min_age.as_secs();
    let mut walked = walked.into_iter().peekable();
    is_on && walked.peek().is_some() && walked.all(|entry| entry.residence(now) >= least)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{policy::permanent::unix, rules::target::Target};

    fn stored_at(seconds: u64) -> Entry {
        let target = Target::new("https://b.test/".parse().unwrap(), None).unwrap();
        // How old the response was does not matter.
        Entry::new(target, unix::time(seconds), unix::time(10_000))
            .with_initial_age(Duration::from_secs(1000))
    }

    #[test]
    fn only_three_statuses_say_that_a_target_is_gone() {
        for code in 100..600 {
            let expected = matches!(code, 404 | 410 | 421);
            assert_eq!(is_astray(StatusCode::from_u16(code).unwrap()), expected, "{code}");
        }
    }

    #[test]
    fn only_get_and_head_are_sent_again() {
        let entry = stored_at(0);
        for method in ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PUT", "POST", "DELETE"] {
            let expected = matches!(method, "GET" | "HEAD");
            let method = method.parse().unwrap();
            let found = falls_back(&method, [&entry], 1000, &Options::default());
            assert_eq!(found, expected, "{method}");
            assert!(!falls_back(&method, [&entry], 1000, &Options::browser()), "{method}");
        }
    }

    #[test]
    fn every_entry_must_be_a_minute_old() {
        let now = 1000;
        let [old, young, future] = [940, 941, 1030].map(stored_at);
        for (walked, expected) in [
            (&[][..], false),
            (&[&old][..], true),
            (&[&old, &old], true),
            (&[&young], false),
            (&[&old, &young], false),
            (&[&young, &old], false),
            (&[&future], false),
        ] {
            let found = falls_back(&Method::GET, walked.iter().copied(), now, &Options::default());
            assert_eq!(found, expected, "{walked:?}");
        }
        let at_once = Options { fallback_min_age: Duration::ZERO, ..Options::default() };
        assert!(falls_back(&Method::GET, [&young], now, &at_once));
    }
}
