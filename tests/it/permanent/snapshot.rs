//! What is remembered, in a file.

use std::{fs, io, time::Duration};

use serde_json::{Value, json};
use tower_follow_redirect::policy::permanent::{PermanentCache, Plaintext, Snapshot};

use super::{Clock, START, stage::Web};

const OLD: &str = "https://a.test/old";
const NEW: &str = "https://b.test/new";

fn web() -> Web {
    Web::of([(OLD, NEW)])
}

fn read(json: Value) -> Snapshot {
    serde_json::from_value(json).unwrap()
}

fn entry(change: impl FnOnce(&mut Value)) -> Value {
    let mut entry = json!({
        "source": OLD, "target": NEW, "status": 308, "method": "GET",
        "stored": START, "fresh_until": START + 3600,
    });
    change(&mut entry);
    json!({ "version": 1, "created": START, "entries": [entry] })
}

#[tokio::test]
async fn what_is_saved_is_remembered_by_the_next_process() {
    let (web, clock) = (web(), Clock::new());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("redirects.json");
    let cache = clock.builder().partition(|_| Some("mine".into())).build();
    assert_eq!(web.get(&cache, OLD).await, [OLD, NEW]);
    cache.snapshot().save(&path).unwrap();
    // Over what is there.
    cache.snapshot().save(&path).unwrap();

    let next = clock.builder().partition(|_| Some("mine".into())).build();
    let snapshot = Snapshot::load(&path).unwrap();
    assert_eq!((snapshot.len(), snapshot.is_empty(), snapshot.created()), (1, false, clock.now()));
    assert_eq!(next.restore(snapshot), 1);
    assert_eq!(web.get(&next, OLD).await, [NEW]);
    let others = clock.builder().build();
    assert_eq!(others.restore(Snapshot::load(&path).unwrap()), 1);
    assert_eq!(web.get(&others, OLD).await, [OLD, NEW], "it is another partition");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left behind");
}

/// A snapshot is older than what was learned since.
#[tokio::test]
async fn what_is_known_better_is_not_restored() {
    let (web, clock) = (web(), Clock::new());
    let cache = clock.builder().build();
    web.get(&cache, OLD).await;
    let snapshot = cache.snapshot();
    clock.advance(1);
    cache.clear();
    web.get(&cache, OLD).await;
    assert_eq!(cache.restore(snapshot), 0);
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("redirects.json");
    fs::write(&path, "what was there").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    PermanentCache::new().snapshot().save(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

/// A file that cannot be written leaves the old one as it was.
#[test]
fn a_file_is_replaced_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("redirects.json");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("x"), "").unwrap();
    PermanentCache::new().snapshot().save(&path).unwrap_err();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left behind");
    let nowhere = directory.path().join("missing/redirects.json");
    assert_eq!(
        PermanentCache::new().snapshot().save(nowhere).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
}

#[tokio::test]
async fn what_has_expired_is_neither_saved_nor_restored() {
    let (web, clock) = (web(), Clock::new());
    let cache = clock.builder().heuristic(Duration::from_secs(60)).build();
    web.get(&cache, OLD).await;
    let snapshot = cache.snapshot();
    clock.advance(59);
    assert_eq!(clock.builder().build().restore(snapshot.clone()), 1);
    clock.advance(1);
    assert_eq!(clock.builder().build().restore(snapshot), 0);
    assert!(cache.snapshot().is_empty());
}

/// Anybody may have written it.
#[tokio::test]
async fn what_the_memory_would_not_have_remembered_is_not_restored() {
    let clock = Clock::new();
    let cache = clock.builder().build();
    assert_eq!(cache.restore(read(entry(|_| {}))), 1);
    cache.clear();
    type Change = fn(&mut Value);
    let table: [(&str, Change); 14] = [
        ("plaintext", |entry| entry["source"] = "http://a.test/old".into()),
        ("downgrade", |entry| entry["target"] = "http://b.test/new".into()),
        ("userinfo", |entry| entry["target"] = "https://u:p@b.test/new".into()),
        ("status", |entry| entry["status"] = 302.into()),
        ("301", |entry| entry["status"] = 301.into()),
        ("future", |entry| entry["stored"] = (START + 61).into()),
        ("expired", |entry| entry["fresh_until"] = START.into()),
        ("secret", |entry| entry["vary"] = json!([["cookie", "a=b"]])),
        ("too long", |entry| {
            entry["target"] = format!("https://b.test/{}", "y".repeat(5000)).into();
        }),
        ("no source", |entry| entry["source"] = "/old".into()),
        // The fuzz target `snapshot` has found these.
        ("itself", |entry| entry["target"] = OLD.into()),
        ("nowhere", |entry| entry["target"] = "https://1.2.3.256/new".into()),
        ("not resolved", |entry| entry["target"] = "https://b.test/x/../new".into()),
        ("another spelling of itself", |entry| entry["target"] = "https://a.test/./old".into()),
    ];
    for (what, change) in table {
        assert_eq!(cache.restore(read(entry(change))), 0, "{what}");
        assert!(cache.is_empty(), "{what}");
    }
    let lax = clock.builder().plaintext(Plaintext::Always).build();
    let plaintext = entry(|entry| entry["source"] = "http://a.test/old".into());
    assert_eq!(lax.restore(read(plaintext)), 1, "it is a matter of options");
}

#[tokio::test]
async fn what_claims_to_last_for_ever_lasts_a_week() {
    let (web, clock) = (web(), Clock::new());
    let cache = clock.builder().build();
    let forever = entry(|entry| entry["fresh_until"] = u64::MAX.into());
    assert_eq!(cache.restore(read(forever)), 1);
    // And so it is told to others.
    let told = serde_json::to_value(cache.snapshot()).unwrap();
    assert_eq!(told["entries"][0]["fresh_until"], START + 7 * 24 * 60 * 60);
    clock.advance(7 * 24 * 60 * 60 - 1);
    assert_eq!(web.get(&cache, OLD).await, [NEW]);
    clock.advance(1);
    assert_eq!(web.get(&cache, OLD).await, [OLD, NEW]);
}

#[test]
fn what_is_no_snapshot_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("redirects.json");
    let table = [
        ("", "EOF while parsing"),
        ("[]", "expected struct"),
        (r#"{"version":1}"#, "missing field"),
        (
            r#"{"version":2,"created":0,"entries":[]}"#,
            "version 2 of a snapshot is not known, only 1",
        ),
        (r#"{"version":1,"created":0,"entries":[{"source":1}]}"#, "invalid type"),
    ];
    for (text, expected) in table {
        fs::write(&path, text).unwrap();
        let error = Snapshot::load(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let file = fs::File::create(&path).unwrap();
    file.set_len(64 * 1024 * 1024 + 1).unwrap();
    assert_eq!(Snapshot::load(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
    let missing = directory.path().join("missing");
    assert_eq!(Snapshot::load(missing).unwrap_err().kind(), io::ErrorKind::NotFound);
}
