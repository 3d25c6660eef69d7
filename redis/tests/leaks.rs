//! What is left of a memory that shared, when it is dropped: nothing. Alone in its process, for the numbers.

#[path = "it/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "../examples/member/web.rs"]
#[allow(dead_code)]
mod web;

use std::{
    fs,
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, time::sleep};
use tower_follow_redirect::policy::permanent::{PermanentCache, shared::SharedCache};

use crate::{
    server::Server,
    web::{Request, Web},
};

/// What a process has.
#[derive(Debug, PartialEq, Eq)]
struct Holdings {
    tasks: usize,
    descriptors: usize,
    threads: usize,
}

impl Holdings {
    fn now() -> Self {
        let count = |path| fs::read_dir(path).unwrap().count();
        Self {
            tasks: Handle::current().metrics().num_alive_tasks(),
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
        }
    }

    /// Waits until there is no more than this.
    async fn are_all(&self) {
        let began = Instant::now();
        while Self::now() != *self {
            assert!(began.elapsed() < Duration::from_secs(2), "{:?}, not {self:?}", Self::now());
            sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn use_memories(server: &Server, count: usize) {
    let web = Web::default();
    for number in 0..count {
        let shared = SharedCache::new(server.store(), [7; 32]).read_through();
        let cache = PermanentCache::builder().shared(shared).build();
        let old = format!("https://a.test/{number}");
        web.moved(&old, "https://b.test/", None);
        web.send(&cache, Request::get(&old)).await.unwrap();
        web.send(&cache, Request::get("https://a.test/")).await.unwrap();
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_a_memory_that_shared() {
    let mut server = Server::start();
    let before = Holdings::now();
    use_memories(&server, 20).await;
    before.are_all().await;

    server.hang();
    use_memories(&server, 10).await;
    before.are_all().await;
    server.go_on();

    // Begun while all was well, and dropped when it is not.
    let shared = SharedCache::new(server.store(), [7; 32]);
    let cache = PermanentCache::builder().shared(shared).build();
    let web = Web::default();
    web.send(&cache, Request::get("https://a.test/")).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    assert_ne!(Holdings::now(), before);
    server.kill();
    use_memories(&server, 10).await;
    drop(cache);
    before.are_all().await;
}
