//! What is remembered of one redirect.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::{freshness::Freshness, unix, vary::Selection};
use crate::rules::target::Target;

/// One permanent redirect that is remembered.
///
/// A store keeps it under a key, and makes it anew of what it has written elsewhere. It may hold
/// anything: whether it is used is decided each time.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use http::Uri;
/// use tower_follow_redirect::{Target, policy::permanent::Entry};
///
/// let target = Target::new(Uri::from_static("https://b.test/new"), None)?;
/// let now = SystemTime::now();
/// let entry = Entry::new(target, now, now + Duration::from_secs(3600));
/// assert_eq!(entry.target().uri(), "https://b.test/new");
/// assert_eq!(entry.status(), 308);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    target: Target,
    status: StatusCode,
    method: Method,
    stored_at: u64,
    fresh_until: u64,
    initial_age: u64,
    selection: Selection,
}

impl Entry {
    /// Makes an entry of a 308 that a GET was answered with, without `Age` and `Vary`.
    ///
    /// Times are kept in whole seconds. The target's fragment should be that of `Location`, not that of
    /// a request.
    pub fn new(target: Target, stored_at: SystemTime, fresh_until: SystemTime) -> Self {
        Self {
            target,
            status: StatusCode::PERMANENT_REDIRECT,
            method: Method::GET,
            stored_at: unix::seconds(stored_at),
            fresh_until: unix::seconds(fresh_until),
            initial_age: 0,
            selection: Selection::default(),
        }
    }

    /// Makes the entry of a response that was received `now`.
    pub(super) fn received(target: Target, now: u64, freshness: Freshness) -> Self {
        let until = now.saturating_add(freshness.remaining);
        let age = Duration::from_secs(freshness.age);
        Self::new(target, unix::time(now), unix::time(until)).with_initial_age(age)
    }

    /// Sets the status of the response.
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Sets the method of the request that was answered.
    pub fn with_method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// Sets the age that the response had when it was stored.
    pub fn with_initial_age(self, age: Duration) -> Self {
        Self { initial_age: age.as_secs(), ..self }
    }

    /// Sets the fields that `Vary` named, each with its value in the request, or without one where it
    /// was absent.
    pub fn with_vary(
        self,
        fields: impl IntoIterator<Item = (HeaderName, Option<HeaderValue>)>,
    ) -> Self {
        self.with_selection(fields.into_iter().collect())
    }

    pub(super) fn with_selection(self, selection: Selection) -> Self {
        Self { selection, ..self }
    }

    /// Returns where the redirect points, with the fragment of its `Location`.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Returns the status of the response.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the method of the request that was answered.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns when the response was received.
    pub fn stored_at(&self) -> SystemTime {
        unix::time(self.stored_at)
    }

    /// Returns from when on the entry is not used any more.
    pub fn fresh_until(&self) -> SystemTime {
        unix::time(self.fresh_until)
    }

    /// Returns the age that the response had when it was stored.
    pub fn initial_age(&self) -> Duration {
        Duration::from_secs(self.initial_age)
    }

    /// Returns the fields that `Vary` named, each with its value in the request that was answered.
    pub fn vary(&self) -> impl Iterator<Item = (&HeaderName, Option<&HeaderValue>)> {
        self.selection.iter()
    }

    /// Returns how much memory the entry takes, in bytes, without its key.
    pub fn size(&self) -> usize {
        let fragment = self.target.fragment().map_or(0, str::len);
        let fields: usize = self.vary().map(field_size).sum();
        size_of::<Self>()
            + length(self.target.uri())
            + fragment
            + self.method.as_str().len()
            + fields
    }

    /// Ends its time where that of an entry made here would.
    #[cfg(any(feature = "snapshot", feature = "shared-store"))]
    pub(super) fn capped(self, max_ttl: u64) -> Self {
        let fresh_until = self.fresh_until.min(self.stored_at.saturating_add(max_ttl));
        Self { fresh_until, ..self }
    }

    pub(super) fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Returns when it was stored, in seconds since 1970.
    pub(super) fn stored_seconds(&self) -> u64 {
        self.stored_at
    }

    /// Returns for how long it has been stored.
    pub(super) fn residence(&self, now: u64) -> u64 {
        now.saturating_sub(self.stored_at)
    }

    /// Returns its current age ([RFC 9111 §4.2.3]).
    ///
    /// [RFC 9111 §4.2.3]: https://www.rfc-editor.org/rfc/rfc9111#section-4.2.3
    pub(super) fn age(&self, now: u64) -> u64 {
        self.initial_age.saturating_add(self.residence(now))
    }

    /// Returns for how long it is still fresh: zero if it is stale.
    pub(super) fn remaining(&self, now: u64) -> u64 {
        self.fresh_until.saturating_sub(now)
    }
}

fn field_size((name, value): (&HeaderName, Option<&HeaderValue>)) -> usize {
    size_of::<(HeaderName, Option<HeaderValue>)>()
        + name.as_str().len()
        + value.map_or(0, HeaderValue::len)
}

/// Returns the length of an absolute URI in bytes.
pub(super) fn length(uri: &Uri) -> usize {
    let scheme = uri.scheme_str().map_or(0, |scheme| scheme.len() + "://".len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    scheme + authority + path
}

/// Writes neither queries nor values of fields: they may be secret.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vary: Vec<&HeaderName> = self.vary().map(|(name, _)| name).collect();
        f.debug_struct("Entry")
            .field("target", &self.target)
            .field("status", &self.status)
            .field("method", &self.method)
            .field("stored_at", &self.stored_at)
            .field("fresh_until", &self.fresh_until)
            .field("initial_age", &self.initial_age)
            .field("vary", &vary)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(uri: &str, fragment: Option<&str>) -> Entry {
        let target = Target::new(uri.parse().unwrap(), fragment).unwrap();
        Entry::new(target, unix::time(100), unix::time(200))
    }

    fn field(name: &'static str, value: &'static str) -> (HeaderName, Option<HeaderValue>) {
        (HeaderName::from_static(name), Some(HeaderValue::from_static(value)))
    }

    #[test]
    fn what_is_put_in_can_be_read_again() {
        let absent = (HeaderName::from_static("bar"), None);
        let made = entry("https://u:p@b.test/x?y", Some("z"))
            .with_status(StatusCode::MOVED_PERMANENTLY)
            .with_method(Method::HEAD)
            .with_initial_age(Duration::from_secs(7))
            .with_vary([field("foo", "1"), absent]);
        assert_eq!(made.target().uri(), "https://b.test/x?y");
        assert_eq!(made.target().fragment(), Some("z"));
        assert_eq!((made.status(), made.method()), (StatusCode::MOVED_PERMANENTLY, &Method::HEAD));
        assert_eq!((made.stored_at(), made.fresh_until()), (unix::time(100), unix::time(200)));
        assert_eq!(made.initial_age(), Duration::from_secs(7));
        let again = Entry::new(made.target().clone(), made.stored_at(), made.fresh_until())
            .with_status(made.status())
            .with_method(made.method().clone())
            .with_initial_age(made.initial_age())
            .with_vary(made.vary().map(|(name, value)| (name.clone(), value.cloned())));
        assert_eq!(again, made);
    }

    #[test]
    fn it_grows_older_and_goes_stale() {
        let made = entry("https://b.test/", None).with_initial_age(Duration::from_secs(7));
        let table = [
            (0, 7, 200),
            (100, 7, 100),
            (130, 37, 70),
            (199, 106, 1),
            (200, 107, 0),
            (u64::MAX, u64::MAX - 93, 0),
        ];
        for (now, age, remaining) in table {
            assert_eq!((made.age(now), made.remaining(now)), (age, remaining), "{now}");
        }
        let oldest = made.with_initial_age(Duration::MAX);
        assert_eq!(oldest.age(u64::MAX), u64::MAX);
    }

    #[test]
    fn neither_query_nor_fragment_nor_value_is_shown() {
        let made = entry("https://u:secret@b.test/x?sig=secret", Some("secret"));
        let shown = format!("{:?}", made.with_vary([field("foo", "secret")]));
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("https://b.test/x?…") && shown.contains("foo"), "{shown}");
    }

    #[test]
    fn every_byte_that_is_kept_counts() {
        let small = entry("https://b.test/", None);
        let base = small.size();
        let longer = [
            entry(&format!("https://b.test/{}", "x".repeat(1000)), None),
            entry(&format!("https://b.test/?{}", "x".repeat(999)), None),
            entry(&format!("https://{}b.test/", "x".repeat(1000)), None),
            entry("https://b.test/", Some(&"x".repeat(1000))),
            small.clone().with_method("GETX".repeat(251).parse().unwrap()),
        ];
        for made in longer {
            assert!((1000..1010).contains(&(made.size() - base)), "{made:?}");
        }
        let value = "x".repeat(1000).parse().unwrap();
        let varied = small.clone().with_vary([(HeaderName::from_static("foo"), Some(value))]);
        assert!(varied.size() > base + 1003);
        let name = format!("x{}", "-x".repeat(500)).parse().unwrap();
        assert!(small.with_vary([(name, None)]).size() > base + 1001);
    }
}
