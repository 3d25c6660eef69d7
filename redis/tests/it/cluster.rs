//! A cluster of three.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use tower_follow_redirect::policy::permanent::shared::{Change, Changes, SharedStore};
use tower_follow_redirect_redis::{
    RedisStore,
    redis::{self, Commands, cluster::ClusterClient},
};

use crate::server::Server;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Starts servers that share the 16384 slots.
fn start() -> [Server; 3] {
    let servers = [(); 3].map(|()| Server::start_with(&["--cluster-enabled", "yes"]));
    for (server, [from, to]) in servers.iter().zip([[0, 5460], [5461, 10922], [10923, 16383]]) {
        let mut connection = server.connection();
        let mut slots = redis::cmd("CLUSTER");
        slots.arg("ADDSLOTSRANGE").arg(from).arg(to).exec(&mut connection).unwrap();
        let mut meet = redis::cmd("CLUSTER");
        meet.arg("MEET").arg("127.0.0.1").arg(servers[0].port()).exec(&mut connection).unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while !servers.iter().all(knows_all) {
        assert!(Instant::now() < deadline, "the servers do not become a cluster");
        std::thread::sleep(Duration::from_millis(50));
    }
    servers
}

fn knows_all(server: &Server) -> bool {
    let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut server.connection()).unwrap();
    ["cluster_state:ok", "cluster_known_nodes:3", "cluster_slots_assigned:16384"]
        .iter()
        .all(|line| info.contains(line))
}

fn store(servers: &[Server]) -> RedisStore {
    let nodes = servers.iter().map(|server| server.url() + "?protocol=resp3");
    RedisStore::cluster(ClusterClient::new(nodes).unwrap())
}

#[tokio::test]
async fn a_cluster_does_what_one_server_does() {
    let servers = start();
    let [one, other] = [store(&servers), store(&servers[..1])];
    let mut changes = other.listen().await.unwrap();
    let keys: HashSet<_> = (0..200).map(|number| format!("https://{number}.test/{{a}}")).collect();
    let keys: HashSet<_> = keys.into_iter().chain((0..100).map(|n| format!("k{n}"))).collect();
    for key in &keys {
        one.put(key, key.clone().into_bytes(), HOUR).await.unwrap();
    }
    for key in &keys {
        assert_eq!(other.get(key).await.unwrap().unwrap(), key.as_bytes());
    }

    // SET and PUBLISH go different ways, and each key by its own: so in any order.
    let mut heard = HashSet::new();
    for _ in 0..keys.len() {
        let Change::Put { key, value } = changes.next().await.unwrap() else { panic!() };
        assert_eq!(key.as_bytes(), value);
        heard.insert(key);
    }
    assert_eq!(heard, keys);

    // Every server has some.
    for server in &servers {
        assert!(server.connection().keys::<_, Vec<String>>("fr:1:*").unwrap().len() > 10);
        redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut server.connection()).unwrap();
    }
    let loaded = other.load(1000).await.unwrap();
    assert_eq!(loaded.len(), keys.len());
    assert!(loaded.iter().all(|(key, value)| keys.contains(key) && key.as_bytes() == value));
    assert_eq!(other.load(250).await.unwrap().len(), 250);

    one.remove("k1").await.unwrap();
    assert_eq!(changes.next().await.unwrap(), Change::Removed { key: "k1".to_owned() });
    assert_eq!(other.load(1000).await.unwrap().len(), keys.len() - 1);
    one.clear().await.unwrap();
    assert_eq!(changes.next().await.unwrap(), Change::Cleared);
    assert_eq!(other.load(1000).await.unwrap(), []);
}

#[tokio::test]
async fn a_lost_server_of_a_cluster_is_an_error() {
    let mut servers = start();
    let store = store(&servers);
    let mut changes = store.listen().await.unwrap();
    servers[1].kill();
    let result = tokio::time::timeout(Duration::from_secs(2), changes.next()).await.unwrap();
    assert!(result.is_err());
}

#[tokio::test]
async fn a_cluster_without_resp3_is_not_listened_to() {
    let servers = start();
    let nodes = servers.iter().map(Server::url);
    let store = RedisStore::cluster(ClusterClient::new(nodes).unwrap());
    store.put("a", b"1".to_vec(), HOUR).await.unwrap();
    assert_eq!(store.get("a").await.unwrap().unwrap(), b"1");
    let error = store.listen().await.unwrap_err();
    assert!(format!("{:?}", error).contains("RESP3"), "{error:?}");
}
