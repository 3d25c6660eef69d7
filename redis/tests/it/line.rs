//! How the connection fails, and is made anew.

use std::{fs, time::Duration};

use tokio::{
    runtime::Handle,
    time::{Instant, sleep, timeout},
};
use tower_follow_redirect::policy::permanent::shared::SharedStore;
use tower_follow_redirect_redis::{RedisStore, RedisStoreError, redis};

use crate::{forward::Forward, server::Server};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// What a cache waits for at most.
const PATIENCE: Duration = Duration::from_millis(50);

fn sockets_to(server: &Server) -> usize {
    let port = format!(":{:04X} 01 ", server.port());
    let sockets = fs::read_to_string("/proc/self/net/tcp").unwrap();
    sockets.lines().filter(|line| line.contains(&port)).count()
}

fn first_client(server: &Server) -> String {
    let list: String = redis::cmd("CLIENT").arg("LIST").query(&mut server.connection()).unwrap();
    list.split_whitespace().next().unwrap().to_owned()
}

fn connected_clients(server: &Server) -> usize {
    let list: String = redis::cmd("CLIENT").arg("LIST").query(&mut server.connection()).unwrap();
    // One of them asks.
    list.lines().count() - 1
}

#[tokio::test]
async fn a_store_needs_a_server_only_when_it_is_used() {
    let mut server = Server::start();
    server.kill();
    let store = server.store();
    server.restart();
    store.put("a", b"1".to_vec(), HOUR).await.unwrap();
    assert_eq!(connected_clients(&server), 1);
}

#[tokio::test]
async fn clones_and_concurrent_calls_share_one_connection() {
    let server = Server::start();
    let store = server.store();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..500 {
        let store = store.clone();
        tasks.spawn(async move {
            let [key, value] = [format!("{number}"), format!("value {number}")];
            store.put(&key, value.clone().into_bytes(), HOUR).await.unwrap();
            assert_eq!(store.get(&key).await.unwrap().unwrap(), value.as_bytes());
        });
    }
    tasks.join_all().await;
    assert_eq!(connected_clients(&server), 1);
}

#[tokio::test]
async fn a_dead_server_fails_fast() {
    let mut server = Server::start();
    let store = server.store();
    store.put("a", b"1".to_vec(), HOUR).await.unwrap();
    server.kill();
    for _ in 0..100 {
        let began = Instant::now();
        assert!(matches!(store.get("a").await, Err(RedisStoreError::Redis(_))));
        assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn after_a_restart_one_call_fails_at_most() {
    let mut server = Server::start();
    let store = server.store();
    store.put("a", b"1".to_vec(), HOUR).await.unwrap();
    server.kill();
    server.restart();
    _ = store.get("a").await;
    for _ in 0..10 {
        assert_eq!(store.get("a").await.unwrap(), None);
    }
    assert_eq!(connected_clients(&server), 1);
}

/// Where the answer to a call that was given up would be taken for that of the next.
#[tokio::test]
async fn calls_that_are_given_up_mix_up_no_answers() {
    let server = Server::start();
    let store = server.store();
    for number in 0..20_u8 {
        store.put(&number.to_string(), vec![number + 1], HOUR).await.unwrap();
    }
    let id = first_client(&server);
    for round in 0..2000_u32 {
        let given_up = (round % 20).to_string();
        let patience = Duration::from_micros(u64::from(round % 100));
        _ = timeout(patience, store.get(&given_up)).await;
        let asked = (round * 7 + 3) % 20;
        let value = store.get(&asked.to_string()).await.unwrap().unwrap();
        assert_eq!(u32::from(value[0]), asked + 1);
    }
    assert_eq!(first_client(&server), id);
}

#[tokio::test]
async fn a_server_that_hangs_for_a_while_is_used_again_at_once() {
    let server = Server::start();
    let store = server.store();
    store.put("a", b"1".to_vec(), HOUR).await.unwrap();
    server.hang();
    for _ in 0..50 {
        assert!(timeout(PATIENCE, store.get("a")).await.map_or(true, |result| result.is_err()));
    }
    server.go_on();
    let began = Instant::now();
    while timeout(PATIENCE, store.get("a")).await.map_or(true, |result| result.is_err()) {
        assert!(began.elapsed() < Duration::from_secs(1));
        sleep(Duration::from_millis(10)).await;
    }
    sleep(Duration::from_millis(100)).await;
    assert_eq!(connected_clients(&server), 1);
}

/// Its machine has vanished: nothing comes back, not even the end of the connection.
#[tokio::test]
async fn a_connection_without_an_answer_is_replaced() {
    let [mut vanished, mut instead] = [Server::start(), Server::start()];
    let forward = Forward::start(vanished.port()).await;
    let client = redis::Client::open(forward.url()).unwrap();
    // Without the half of a second that `redis` waits itself.
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let store = RedisStore::with_config(client, config);
    store.put("a", b"1".to_vec(), HOUR).await.unwrap();

    vanished.hang();
    forward.lead_to(instead.port());
    for _ in 0..2 {
        assert!(timeout(PATIENCE, store.get("a")).await.is_err());
    }
    assert_eq!(timeout(PATIENCE, store.get("a")).await.unwrap().unwrap(), None);
    vanished.kill();
    instead.kill();
}

/// A TLS handshake across the world, say.
#[tokio::test]
async fn where_connecting_takes_longer_than_anybody_waits_there_is_a_connection_in_the_end() {
    let server = Server::start();
    let forward = Forward::start(server.port()).await;
    forward.delay(Duration::from_millis(200));
    let store = RedisStore::new(redis::Client::open(forward.url()).unwrap());
    assert!(timeout(PATIENCE, store.get("a")).await.is_err());
    sleep(Duration::from_millis(500)).await;
    forward.delay(Duration::ZERO);
    assert_eq!(timeout(PATIENCE, store.get("a")).await.unwrap().unwrap(), None);
    assert_eq!(forward.connections(), 1);
}

#[tokio::test]
async fn an_attempt_that_came_to_nothing_unheard_is_not_the_next_ones_failure() {
    let server = Server::start();
    server.hang();
    let store = server.store();
    assert!(timeout(PATIENCE, store.get("a")).await.is_err());
    // After a second it is over.
    sleep(Duration::from_millis(1200)).await;
    server.go_on();
    assert_eq!(store.get("a").await.unwrap(), None);
}

#[tokio::test]
async fn a_server_that_has_become_a_replica_is_left() {
    let server = Server::start();
    let store = server.store();
    store.put("a", b"1".to_vec(), HOUR).await.unwrap();
    let id = first_client(&server);
    let mut connection = server.connection();
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(1).exec(&mut connection).unwrap();
    assert!(matches!(store.put("a", b"2".to_vec(), HOUR).await, Err(RedisStoreError::Redis(_))));
    redis::cmd("REPLICAOF").arg("NO").arg("ONE").exec(&mut connection).unwrap();
    drop(connection);
    store.put("a", b"2".to_vec(), HOUR).await.unwrap();
    assert_ne!(first_client(&server), id);
}

#[tokio::test]
async fn nothing_is_left_of_a_store() {
    let server = Server::start();
    let alive = || Handle::current().metrics().num_alive_tasks();
    let before = alive();

    let store = server.store();
    store.put("a", b"1".to_vec(), HOUR).await.unwrap();
    let changes = store.listen().await.unwrap();
    _ = timeout(Duration::from_micros(10), store.get("a")).await;
    assert_eq!(connected_clients(&server), 2);
    assert!(alive() > before);
    drop((store, changes));
    sleep(Duration::from_millis(100)).await;
    assert_eq!(alive(), before);
    assert_eq!(connected_clients(&server), 0);
}

#[tokio::test]
async fn nothing_is_left_of_a_store_that_could_not_connect() {
    let server = Server::start();
    let alive = || Handle::current().metrics().num_alive_tasks();
    let before = alive();

    server.hang();
    let store = server.store();
    for _ in 0..5 {
        assert!(timeout(PATIENCE, store.get("a")).await.is_err());
        assert!(timeout(PATIENCE, store.listen()).await.is_err());
    }
    // What was given up ends, and it still tries, for a second.
    sleep(Duration::from_millis(50)).await;
    assert_eq!(sockets_to(&server), 1);
    assert_eq!(alive(), before + 1);
    drop(store);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(alive(), before);
    assert_eq!(sockets_to(&server), 0);
    server.go_on();
}
