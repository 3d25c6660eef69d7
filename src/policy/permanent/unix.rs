//! Times: [`SystemTime`] for users, seconds since 1970 in here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second that an HTTP date can name, in the year 9999. Every platform's clock goes so far.
const LATEST: u64 = 253_402_300_799;

/// A time before 1970 is 1970.
pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().min(LATEST))
}

pub(super) fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds.min(LATEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_no_clock_shows_is_the_nearest_that_one_does() {
        assert_eq!(seconds(time(7)), 7);
        assert_eq!(seconds(UNIX_EPOCH - Duration::from_secs(7)), 0);
        assert_eq!(seconds(time(u64::MAX)), LATEST);
        assert_eq!(seconds(time(LATEST) + Duration::from_secs(7)), LATEST);
        let written = httpdate::fmt_http_date(time(u64::MAX));
        assert_eq!(written, "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
