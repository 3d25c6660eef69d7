//! What the store keeps.

use std::time::{Duration, Instant};

use tower_follow_redirect::policy::permanent::shared::SharedStore;
use tower_follow_redirect_redis::{
    RedisStore, RedisStoreError,
    redis::{self, Commands},
};

use crate::{forward::Forward, server::Server};

const HOUR: Duration = Duration::from_secs(60 * 60);
const LONGEST: usize = 64 << 10;

/// With what means something to Redis, to its patterns, or to clusters.
const KEYS: [&str; 7] = [
    "https://a.test/",
    "tenant https://a.test/b?c=d",
    "https://a.test/*",
    "https://a.test/[a-z]?\\",
    "https://[::1]:8443/{b}{c}",
    "a\r\nDEL fr:1:b",
    "",
];

#[tokio::test]
async fn what_is_put_is_found() {
    let server = Server::start();
    let store = server.store();
    for key in KEYS {
        assert_eq!(store.get(key).await.unwrap(), None, "{key:?}");
        store.put(key, key.as_bytes().repeat(2), HOUR).await.unwrap();
        store.put(key, [b"\0\xff\r\n", key.as_bytes()].concat(), HOUR).await.unwrap();
    }
    let another = server.store();
    for key in KEYS {
        let value = another.get(key).await.unwrap().unwrap();
        assert_eq!(value, [b"\0\xff\r\n", key.as_bytes()].concat(), "{key:?}");
    }
}

#[tokio::test]
async fn what_is_put_expires_in_redis() {
    let server = Server::start();
    let store = server.store();
    store.put("a", b"1".to_vec(), Duration::from_millis(150)).await.unwrap();
    store.put("b", b"2".to_vec(), HOUR).await.unwrap();
    store.put("c", b"3".to_vec(), Duration::MAX).await.unwrap();
    store.put("d", b"4".to_vec(), Duration::ZERO).await.unwrap();

    let mut connection = server.connection();
    let mut lasts = |key: &str| connection.pttl::<_, i64>(key).unwrap();
    assert!((1..=150).contains(&lasts("fr:1:a")));
    assert!((3_590_000..=3_600_000).contains(&lasts("fr:1:b")));
    assert!(lasts("fr:1:c") > 3_600_000);

    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(store.get("a").await.unwrap(), None);
    assert_eq!(store.get("d").await.unwrap(), None);
    assert!(store.get("b").await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_removed_is_gone() {
    let server = Server::start();
    let store = server.store();
    for key in KEYS {
        store.put(key, b"value".to_vec(), HOUR).await.unwrap();
    }
    for (gone, key) in KEYS.into_iter().enumerate() {
        store.remove(key).await.unwrap();
        store.remove(key).await.unwrap();
        assert_eq!(store.get(key).await.unwrap(), None, "{key:?}");
        assert_eq!(store.load(100).await.unwrap().len(), KEYS.len() - gone - 1);
    }
}

#[tokio::test]
async fn clear_leaves_what_is_not_ours() {
    let server = Server::start();
    let mut connection = server.connection();
    // A pattern that does not escape the prefix would match the last.
    for name in ["session", "fr:2:a", "xa*b?[c]:a", "aXb?[c]:a", "a*bX[c]:a", "a*b?c:a"] {
        connection.set::<_, _, ()>(name, "theirs").unwrap();
    }
    let store = server.store().prefix("a*b?[c]:");
    for number in 0..3000 {
        store.put(&number.to_string(), b"ours".to_vec(), HOUR).await.unwrap();
    }
    assert_eq!(store.load(usize::MAX).await.unwrap().len(), 3000);
    store.clear().await.unwrap();
    assert_eq!(store.load(usize::MAX).await.unwrap(), []);
    assert_eq!(connection.keys::<_, Vec<String>>("*").unwrap().len(), 6);
    // Where there is nothing, too.
    store.clear().await.unwrap();
}

#[tokio::test]
async fn load_finds_as_much_as_is_asked_for() {
    let server = Server::start();
    let store = server.store();
    assert_eq!(store.load(10).await.unwrap(), []);
    for number in 0..2500 {
        let [key, value] = [format!("key {number}"), format!("value {number}")];
        store.put(&key, value.into_bytes(), HOUR).await.unwrap();
    }
    for (limit, found) in [(0, 0), (1, 1), (999, 999), (2500, 2500), (usize::MAX, 2500)] {
        let mut loaded = store.load(limit).await.unwrap();
        assert_eq!(loaded.len(), found);
        for (key, value) in &loaded {
            assert_eq!(key.replace("key", "value").as_bytes(), value);
        }
        loaded.sort();
        loaded.dedup();
        assert_eq!(loaded.len(), found);
    }
}

#[tokio::test]
async fn load_leaves_what_cannot_be_ours() {
    let server = Server::start();
    let store = server.store();
    store.put("good", b"value".to_vec(), HOUR).await.unwrap();
    let mut connection = server.connection();
    connection.set::<_, _, ()>("session", "theirs").unwrap();
    connection.set::<_, _, ()>(b"fr:1:\xff", "no key").unwrap();
    connection.set::<_, _, ()>("fr:1:empty", "").unwrap();
    connection.set::<_, _, ()>("fr:1:long", "v".repeat(LONGEST + 1)).unwrap();
    connection.lpush::<_, _, ()>("fr:1:list", "not a string").unwrap();
    assert_eq!(store.load(100).await.unwrap(), [("good".to_owned(), b"value".to_vec())]);
    for key in ["empty", "long", "list"] {
        assert_eq!(store.get(key).await.unwrap(), None, "{key}");
        store.put(key, b"value".to_vec(), HOUR).await.unwrap();
        assert_eq!(store.get(key).await.unwrap().unwrap(), b"value");
    }
}

#[tokio::test]
async fn load_ends_before_the_memory_does() {
    let server = Server::start();
    let mut connection = server.connection();
    for number in 0..700 {
        connection.set::<_, _, ()>(format!("fr:1:{number}"), "v".repeat(LONGEST)).unwrap();
    }
    let loaded = server.store().load(700).await.unwrap();
    // 32 MiB and up to a batch.
    assert!((512..=612).contains(&loaded.len()), "{}", loaded.len());
}

/// A process that starts waits for five seconds, and what it has not by then, it never has.
#[tokio::test]
async fn load_ends_in_time_with_what_it_has() {
    let server = Server::start();
    let mut connection = server.connection();
    for number in 0..5000 {
        connection.set::<_, _, ()>(format!("fr:1:{number}"), "value").unwrap();
    }
    let forward = Forward::start(server.port()).await;
    forward.answer_after(Duration::from_millis(150));
    let store = RedisStore::new(redis::Client::open(forward.url()).unwrap());
    let began = Instant::now();
    let loaded = store.load(10_000).await.unwrap();
    assert!((100..5000).contains(&loaded.len()), "{}", loaded.len());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_is_too_long_is_refused_and_what_is_as_long_as_may_be_is_kept() {
    let server = Server::start();
    let store = server.store();
    let long = "k".repeat(LONGEST + 1);
    let result = store.put("key", long.clone().into_bytes(), HOUR).await;
    assert!(matches!(result, Err(RedisStoreError::TooLong)));
    let result = store.put(&long, b"value".to_vec(), HOUR).await;
    assert!(matches!(result, Err(RedisStoreError::TooLong)));
    assert!(matches!(store.remove(&long).await, Err(RedisStoreError::TooLong)));
    assert_eq!(store.get(&long).await.unwrap(), None);
    assert_eq!(store.load(10).await.unwrap(), []);

    let long = long[1..].to_owned();
    store.put(&long, long.clone().into_bytes(), HOUR).await.unwrap();
    assert_eq!(store.get(&long).await.unwrap().unwrap(), long.as_bytes());
    assert_eq!(store.load(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn each_database_keeps_its_own() {
    let server = Server::start();
    let [one, other] = ["0", "1"].map(|database| {
        let client = redis::Client::open(server.url() + database);
        RedisStore::new(client.unwrap())
    });
    one.put("key", b"value".to_vec(), HOUR).await.unwrap();
    assert_eq!(other.get("key").await.unwrap(), None);
    assert_eq!(one.get("key").await.unwrap().unwrap(), b"value");
}
