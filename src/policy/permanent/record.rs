//! One remembered redirect as it is written down, in a file or a shared store.

use http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use serde::{Deserialize, Serialize};

use super::{Entry, Source, key, unix, vary::Selection};
use crate::rules::{location, target::Target};

/// A remembered redirect in JSON. Times are in seconds since 1970.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Record {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partition: Option<String>,
    source: String,
    /// With its fragment.
    target: String,
    status: u16,
    method: String,
    stored: u64,
    fresh_until: u64,
    /// The age that the response had when it was stored.
    #[serde(default)]
    age: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    vary: Vec<(String, Option<String>)>,
}

/// What a record says.
pub(super) struct Written {
    pub(super) key: String,
    pub(super) source: Uri,
    pub(super) entry: Entry,
}

impl Record {
    /// Writes an entry down, unless a value that its `Vary` names is no text.
    pub(super) fn of(key: &str, entry: &Entry) -> Option<Self> {
        let source = Source::of(key);
        let mut vary = Vec::new();
        for (name, value) in entry.vary() {
            let value = value.map(HeaderValue::to_str).transpose().ok()?;
            vary.push((name.as_str().to_owned(), value.map(Into::into)));
        }
        Some(Self {
            partition: source.partition().map(Into::into),
            source: source.uri().to_owned(),
            target: entry.target().url(),
            status: entry.status().as_u16(),
            method: entry.method().to_string(),
            stored: unix::seconds(entry.stored_at()),
            fresh_until: unix::seconds(entry.fresh_until()),
            age: entry.initial_age().as_secs(),
            vary,
        })
    }

    /// Reads what anybody may have written: `None` if it could not have been us.
    pub(super) fn read(self) -> Option<Written> {
        let source: Uri = self.source.parse().ok()?;
        let mut key = String::new();
        if !key::key(self.partition.as_deref(), &source, &mut key) {
            return None;
        }
        let target = target(&source, &self.target)?;
        let (stored, fresh_until) = (unix::time(self.stored), unix::time(self.fresh_until));
        let entry = Entry::new(target, stored, fresh_until)
            .with_status(StatusCode::from_u16(self.status).ok()?)
            .with_method(Method::from_bytes(self.method.as_bytes()).ok()?)
            .with_initial_age(std::time::Duration::from_secs(self.age))
            .with_selection(selection(&self.vary)?);
        Some(Written { key, source, entry })
    }
}

/// Reads a target as we write it, which is resolved. Another might lead elsewhere than the rules of trust
/// see, or nowhere.
fn target(source: &Uri, text: &str) -> Option<Target> {
    let written: Uri = text.split('#').next()?.parse().ok()?;
    let target = location::resolve(source, None, text.as_bytes()).ok()?;
    (*target.uri() == written).then_some(target)
}

fn selection(fields: &[(String, Option<String>)]) -> Option<Selection> {
    let fields = fields.iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let Some(text) = value else { return Some((name, None)) };
        let value = HeaderValue::from_str(text).ok()?;
        // It takes more than we write.
        value.to_str().is_ok().then_some((name, Some(value)))
    });
    let selection: Selection = fields.collect::<Option<_>>()?;
    selection.may_be_kept().then_some(selection)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn entry(target: &str) -> Entry {
        let (target, fragment) = match target.split_once('#') {
            Some((target, fragment)) => (target, Some(fragment)),
            None => (target, None),
        };
        let target = Target::new(target.parse().unwrap(), fragment).unwrap();
        let stored = UNIX_EPOCH + Duration::from_secs(1_000);
        Entry::new(target, stored, stored + Duration::from_secs(60))
    }

    fn record() -> Record {
        Record::of("https://a.test/", &entry("https://b.test/")).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let foo = (HeaderName::from_static("foo"), Some(HeaderValue::from_static("1, 2")));
        let bar = (HeaderName::from_static("bar"), None);
        let full = entry("https://b.test/y?z#f")
            .with_status(StatusCode::MOVED_PERMANENTLY)
            .with_method(Method::HEAD)
            .with_initial_age(Duration::from_secs(7))
            .with_vary([foo, bar]);
        for (key, entry) in [
            ("https://a.test/x?y", entry("https://b.test/")),
            ("a tenant https://a.test/x?y", full.clone()),
            (" https://a.test/", full),
        ] {
            let record = Record::of(key, &entry).unwrap();
            let json = serde_json::to_string(&record).unwrap();
            let read: Record = serde_json::from_str(&json).unwrap();
            assert_eq!(read, record);
            let written = read.read().unwrap();
            assert_eq!((&*written.key, &written.entry), (key, &entry));
            assert!(key.ends_with(&written.source.to_string()), "{key}");
        }
    }

    #[test]
    fn what_is_no_text_is_not_written() {
        let value = HeaderValue::from_bytes(b"\xff").unwrap();
        let entry =
            entry("https://b.test/").with_vary([(HeaderName::from_static("x"), Some(value))]);
        assert!(Record::of("https://a.test/", &entry).is_none());
    }

    #[test]
    fn what_could_not_have_been_written_is_not_read() {
        assert!(record().read().is_some());
        let long = |names: usize| (0..names).map(|n| (format!("x{n}"), None)).collect();
        let field = |name: &str, value: &str| vec![(name.to_owned(), Some(value.to_owned()))];
        let wrong = [
            Record { source: "/x".into(), ..record() },
            Record { source: "https://a.test:99999/".into(), ..record() },
            Record { source: "a b".into(), ..record() },
            Record { target: "/x".into(), source: "/y".into(), ..record() },
            Record { target: "ftp://b.test/".into(), ..record() },
            Record { target: "https://u:p@b.test/".into(), ..record() },
            Record { target: "https://1.2.3.256/".into(), ..record() },
            Record { target: "https://0x7f.1/".into(), ..record() },
            Record { target: "https://b.test/x/../y".into(), ..record() },
            Record { target: "https://b.test:443/".into(), ..record() },
            Record { target: "a b".into(), ..record() },
            Record { status: 99, ..record() },
            Record { method: "G T".into(), ..record() },
            Record { vary: field("a b", "c"), ..record() },
            Record { vary: field("x", "a\nb"), ..record() },
            Record { vary: field("x", "é"), ..record() },
            Record { vary: field("cookie", "a=b"), ..record() },
            Record { vary: long(9), ..record() },
        ];
        for record in wrong {
            assert!(record.clone().read().is_none(), "{record:?}");
        }
        assert!(Record { vary: long(8), ..record() }.read().is_some());
    }
}
