//! What other processes hear of.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tower_follow_redirect::policy::permanent::shared::{Change, Changes, SharedStore};
use tower_follow_redirect_redis::{RedisChanges, RedisStoreError, redis::Commands};

use crate::server::Server;

const HOUR: Duration = Duration::from_secs(60 * 60);
const CHANNEL: &str = "fr:1:changes";

fn put(key: &str, value: &[u8]) -> Change {
    Change::Put { key: key.to_owned(), value: value.to_vec() }
}

async fn next(changes: &mut RedisChanges) -> Result<Change, RedisStoreError> {
    timeout(Duration::from_secs(1), changes.next()).await.expect("nobody hears of it")
}

#[tokio::test]
async fn others_hear_of_every_change_in_its_order() {
    let server = Server::start();
    let [one, other] = [server.store(), server.store()];
    let mut changes = other.listen().await.unwrap();
    one.put("a b:*", b"\0\xff".to_vec(), HOUR).await.unwrap();
    one.put("c", b"1".to_vec(), HOUR).await.unwrap();
    one.remove("c").await.unwrap();
    one.clear().await.unwrap();
    for change in [
        put("a b:*", b"\0\xff"),
        put("c", b"1"),
        Change::Removed { key: "c".to_owned() },
        Change::Cleared,
    ] {
        assert_eq!(next(&mut changes).await.unwrap(), change);
    }
}

#[tokio::test]
async fn nobody_hears_themselves() {
    let server = Server::start();
    let [one, other] = [server.store(), server.store()];
    let mut changes = one.listen().await.unwrap();
    one.put("a", b"1".to_vec(), HOUR).await.unwrap();
    one.clone().remove("a").await.unwrap();
    other.put("b", b"2".to_vec(), HOUR).await.unwrap();
    assert_eq!(next(&mut changes).await.unwrap(), put("b", b"2"));
}

#[tokio::test]
async fn those_with_another_prefix_hear_nothing() {
    let server = Server::start();
    let one = server.store().prefix("x:");
    let mut changes = server.store().listen().await.unwrap();
    one.put("a", b"1".to_vec(), HOUR).await.unwrap();
    server.store().remove("b").await.unwrap();
    assert_eq!(next(&mut changes).await.unwrap(), Change::Removed { key: "b".to_owned() });
}

#[tokio::test]
async fn whoever_finds_a_change_has_heard_of_nothing_older() {
    let server = Server::start();
    let [one, other] = [server.store(), server.store()];
    let mut changes = other.listen().await.unwrap();
    for number in 0..100_u8 {
        one.put("key", vec![number + 1], HOUR).await.unwrap();
        assert_eq!(next(&mut changes).await.unwrap(), put("key", &[number + 1]));
        assert_eq!(other.get("key").await.unwrap().unwrap(), [number + 1]);
    }
}

#[tokio::test]
async fn what_is_not_understood_is_passed_over() {
    let server = Server::start();
    let store = server.store();
    let mut changes = store.listen().await.unwrap();
    let mut connection = server.connection();
    for message in [vec![], vec![1], b"hello".to_vec(), vec![0xff; 100], vec![1; 1 << 20]] {
        connection.publish::<_, _, ()>(CHANNEL, message).unwrap();
    }
    server.store().remove("a").await.unwrap();
    assert_eq!(next(&mut changes).await.unwrap(), Change::Removed { key: "a".to_owned() });
}

#[tokio::test]
async fn a_lost_connection_is_an_error() {
    let mut server = Server::start();
    let store = server.store();
    let mut changes = store.listen().await.unwrap();
    server.kill();
    assert!(matches!(next(&mut changes).await, Err(RedisStoreError::Lost)));
    assert!(matches!(next(&mut changes).await, Err(RedisStoreError::Lost)));
    assert!(matches!(store.listen().await, Err(RedisStoreError::Redis(_))));

    server.restart();
    let mut changes = store.listen().await.unwrap();
    server.store().clear().await.unwrap();
    assert_eq!(next(&mut changes).await.unwrap(), Change::Cleared);
}

#[tokio::test]
async fn what_is_published_when_a_short_hang_is_over_is_heard() {
    let server = Server::start();
    let mut changes = server.store().listen().await.unwrap();
    server.hang();
    assert!(timeout(Duration::from_millis(500), changes.next()).await.is_err());
    server.go_on();
    server.store().clear().await.unwrap();
    assert_eq!(next(&mut changes).await.unwrap(), Change::Cleared);
}

#[tokio::test]
async fn a_server_that_only_says_nothing_is_listened_to() {
    let server = Server::start();
    let mut changes = server.store().listen().await.unwrap();
    // Two questions whether it lives, at 5 and 10 seconds.
    assert!(timeout(Duration::from_secs(11), changes.next()).await.is_err());
    server.store().clear().await.unwrap();
    assert_eq!(next(&mut changes).await.unwrap(), Change::Cleared);
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_after_ten_seconds() {
    let server = Server::start();
    let store = server.store();
    let mut changes = store.listen().await.unwrap();
    server.hang();
    let began = Instant::now();
    let result = timeout(Duration::from_secs(15), changes.next()).await.unwrap();
    assert!(matches!(result, Err(RedisStoreError::Silent(_))));
    assert!(began.elapsed() < Duration::from_secs(11), "{:?}", began.elapsed());

    let result = timeout(Duration::from_secs(3), store.listen()).await.unwrap();
    assert!(matches!(result, Err(RedisStoreError::Silent(_))));
    server.go_on();
    let mut changes = store.listen().await.unwrap();
    server.store().clear().await.unwrap();
    assert_eq!(next(&mut changes).await.unwrap(), Change::Cleared);
}
