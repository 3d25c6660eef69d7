//! Somebody else can write to the server, and wants to redirect us.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use tower_follow_redirect::policy::permanent::{
    PermanentCache,
    shared::{SharedCache, SharedStore},
};
use tower_follow_redirect_redis::redis::{Commands, Connection};

use crate::{
    server::Server,
    web::{Request, Web},
};

const HOUR: Duration = Duration::from_secs(60 * 60);
const OLD: &str = "https://a.test/old";
const NEW: &str = "https://b.test/new";
const EVIL: &str = "https://evil.test/";
const OURS: [u8; 32] = [7; 32];

fn cache(server: &Server, key: [u8; 32]) -> PermanentCache {
    PermanentCache::builder().shared(SharedCache::new(server.store(), key)).build()
}

fn reader(server: &Server) -> PermanentCache {
    let shared = SharedCache::new(server.store(), OURS).read_through();
    PermanentCache::builder().shared(shared).build()
}

/// Learns where a URI has moved to, and returns what is then kept in Redis.
async fn value_of(server: &Server, key: [u8; 32], from: &str, to: &str) -> Vec<u8> {
    let web = Web::default();
    web.moved(from, to, None);
    let cache = cache(server, key);
    web.send(&cache, Request::get(from)).await.unwrap();
    cache.flush().await;
    server.connection().get_del(format!("fr:1:{from}")).unwrap()
}

async fn asks(cache: &PermanentCache, uri: &str) -> String {
    Web::default().send(cache, Request::get(uri)).await.unwrap().join(" ")
}

async fn learns_nothing(cache: &PermanentCache) {
    let began = Instant::now();
    while cache.shared_status().unwrap().rejected == 0 {
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", cache.shared_status());
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(cache.len(), 0);
}

/// What anybody can make who has not our key: garbage, entries with a key of their own, and our own
/// entries changed, cut off, or under another name.
async fn lies(server: &Server) -> Vec<Vec<u8>> {
    let ours = value_of(server, OURS, OLD, NEW).await;
    let of_other = value_of(server, OURS, "https://a.test/other", EVIL).await;
    let forged = value_of(server, [8; 32], OLD, EVIL).await;
    let changed = String::from_utf8_lossy(&ours).replace("b.test", "evil.test").into_bytes();
    let spliced = [&ours[..33], &forged[33..]].concat();
    let mut lies = vec![of_other, forged, changed, spliced, ours[..ours.len() - 1].to_vec()];
    lies.extend([vec![0], vec![1; 33], vec![0xff; 10_000], b"{}".to_vec(), EVIL.into()]);
    lies
}

fn keep(connection: &mut Connection, lie: &[u8]) {
    connection.set::<_, _, ()>(format!("fr:1:{OLD}"), lie).unwrap();
}

#[tokio::test]
async fn whoever_can_write_to_the_server_redirects_nobody() {
    let server = Server::start();
    let mut connection = server.connection();
    for lie in lies(&server).await {
        keep(&mut connection, &lie);
        let starts = cache(&server, OURS);
        learns_nothing(&starts).await;
        assert_eq!(asks(&starts, OLD).await, OLD);
        assert_eq!(asks(&reader(&server), OLD).await, OLD);
    }
}

#[tokio::test]
async fn whoever_can_publish_redirects_nobody() {
    let server = Server::start();
    let lies = lies(&server).await;
    let mut connection = server.connection();
    for lie in lies {
        let cache = cache(&server, OURS);
        asks(&cache, EVIL).await;
        let began = Instant::now();
        // In the form that a store publishes, and from somebody else than this process.
        while cache.shared_status().unwrap().rejected == 0 {
            server.store().put(OLD, lie.clone(), HOUR).await.unwrap();
            connection.del::<_, ()>(format!("fr:1:{OLD}")).unwrap();
            sleep(Duration::from_millis(5)).await;
            assert!(began.elapsed() < Duration::from_secs(5));
        }
        assert_eq!(cache.len(), 0);
        assert_eq!(asks(&cache, OLD).await, OLD);
    }
}

/// That the lies are none because of the test.
#[tokio::test]
async fn whoever_has_the_key_is_believed() {
    let server = Server::start();
    let value = value_of(&server, OURS, OLD, NEW).await;
    keep(&mut server.connection(), &value);
    let reader = reader(&server);
    assert_eq!(asks(&reader, OLD).await, NEW);
    assert_eq!(reader.shared_status().unwrap().rejected, 0);
}
