//! Requests while the server is well, dead, restarted, hangs, and goes on: three clients have the same load
//! at the same time, one that shares nothing, and two that share in either way.

#[path = "../it/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "../../examples/member/web.rs"]
#[allow(dead_code)]
mod web;

use std::{
    fmt,
    future::Future,
    pin::pin,
    time::{Duration, Instant},
};

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};
use tower_follow_redirect::policy::permanent::{PermanentCache, shared::SharedCache};

use crate::{
    server::Server,
    web::{Request, Web},
};

/// 200 requests in a second, from each client.
const EVERY: Duration = Duration::from_millis(5);
/// How long the store may take for a hop; that is by default.
const TIMEOUT: Duration = Duration::from_millis(50);
/// What a machine does that has other things to do.
const NOISE: Duration = Duration::from_millis(250);

/// A process, and another one that shares with it.
#[derive(Clone)]
struct Client {
    name: &'static str,
    cache: PermanentCache,
    peer: PermanentCache,
    web: Web,
}

/// How long the requests of a client took in one phase.
struct Taken(Vec<Duration>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    WriteBehind,
    ReadThrough,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_or_waits_for_long_whatever_the_server_does() {
    let mut server = Server::start();
    let clients = [
        Client::alone(),
        Client::sharing(&server, Way::WriteBehind).await,
        Client::sharing(&server, Way::ReadThrough).await,
    ];
    let mut load = Load { clients: clients.clone(), number: 0 };

    load.run("well", sleep(Duration::from_secs(2))).await;
    share_again(&clients, 0).await;
    server.kill();
    load.run("killed", sleep(Duration::from_secs(3))).await;
    server.restart();
    load.run("restarted", share_again(&clients, 1)).await;
    server.hang();
    load.run("hung", sleep(Duration::from_secs(10))).await;
    server.go_on();
    load.run("goes on", share_again(&clients, 2)).await;
    for client in &clients[1..] {
        println!("{:<12} {:?}", client.name, client.cache.shared_status());
    }
}

impl Client {
    fn alone() -> Self {
        let cache = PermanentCache::new();
        Self { name: "alone", peer: cache.clone(), cache, web: Web::default() }
    }

    async fn sharing(server: &Server, way: Way) -> Self {
        let name = match way {
            Way::WriteBehind => "write-behind",
            Way::ReadThrough => "read-through",
        };
        let [cache, peer] = [(); 2].map(|()| {
            let shared = SharedCache::new(server.store().prefix(name), [7; 32]);
            let shared = if way == Way::ReadThrough { shared.read_through() } else { shared };
            PermanentCache::builder().shared(shared).build()
        });
        let web = Web::default();
        for cache in [&cache, &peer] {
            // With its first request it begins to listen.
            web.send(cache, Request::get("https://a.test/")).await.unwrap();
        }
        sleep(Duration::from_millis(500)).await;
        Self { name, cache, peer, web }
    }

    /// Sends one of four: to a new URI that has moved, to one that is known to have, to a new one that
    /// has not, and to one that is asked for all the time.
    async fn request(&self, number: usize) -> Duration {
        let uri = |number| format!("https://a.test/{number}");
        let (uri, lands) = match number % 4 {
            0 => (uri(number), format!("https://b.test/{number}")),
            1 if number > 41 => (uri(number - 41), format!("https://b.test/{}", number - 41)),
            2 => (uri(number), uri(number)),
            _ => ("https://a.test/".to_owned(), "https://a.test/".to_owned()),
        };
        if uri != lands {
            self.web.moved(&uri, &lands, None);
        }
        let began = Instant::now();
        let asked = self.web.send(&self.cache, Request::get(&uri)).await.expect("no request fails");
        let took = began.elapsed();
        assert_eq!(asked.last(), Some(&lands), "{}", self.name);
        took
    }
}

struct Load {
    clients: [Client; 3],
    number: usize,
}

impl Load {
    /// Sends requests until something has happened, and prints and checks how long they took.
    async fn run(&mut self, phase: &str, happens: impl Future<Output = ()>) {
        let mut happens = pin!(happens);
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut requests = [(); 3].map(|()| JoinSet::new());
        loop {
            tokio::select! {
                () = &mut happens => break,
                _ = ticks.tick() => {}
            }
            self.number += 1;
            for (client, requests) in self.clients.iter().zip(&mut requests) {
                let (client, number) = (client.clone(), self.number);
                requests.spawn(async move { client.request(number).await });
            }
        }
        let mut taken = Vec::new();
        for requests in requests {
            taken.push(Taken::of(requests.join_all().await));
        }
        for (client, taken) in self.clients.iter().zip(&taken) {
            println!("{phase:<9} {:<12} {taken}", client.name);
        }
        let [alone, write_behind, read_through] = &taken[..] else { unreachable!() };
        write_behind.are_as_of(alone);
        read_through.are_bounded();
    }
}

impl Taken {
    fn of(mut taken: Vec<Duration>) -> Self {
        taken.sort();
        Self(taken)
    }

    fn percentile(&self, percent: usize) -> Duration {
        self.0[(self.0.len() - 1) * percent / 100]
    }

    /// How many took so long that they may have waited until the time was over.
    fn slow(&self) -> usize {
        self.0.iter().filter(|&&took| took >= TIMEOUT * 9 / 10).count()
    }

    /// Writing behind adds nothing.
    fn are_as_of(&self, alone: &Self) {
        assert!(self.percentile(50) < alone.percentile(50) + Duration::from_millis(1));
        assert!(self.percentile(99) < alone.percentile(99) + Duration::from_millis(20));
        assert!(self.percentile(100) < alone.percentile(100) + NOISE);
    }

    /// Reading through adds the timeout, for each of two hops, and to few: those that were on their way
    /// when the store failed three times, and one after each pause.
    fn are_bounded(&self) {
        assert!(self.percentile(50) < Duration::from_millis(5));
        assert!(self.percentile(100) < 2 * TIMEOUT + NOISE);
        assert!(self.slow() < 50, "{}", self.slow());
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>5} requests, 0 failed; median {:>9.1?}, p99 {:>9.1?}, max {:>9.1?}; {} took 45 ms",
            self.0.len(),
            self.percentile(50),
            self.percentile(99),
            self.percentile(100),
            self.slow(),
        )
    }
}

/// Waits until each client's peer has learned what the client learns now.
async fn share_again(clients: &[Client], time: usize) {
    let began = Instant::now();
    for client in &clients[1..] {
        let old = format!("https://c.test/{time}");
        client.web.moved(&old, "https://d.test/", None);
        client.web.send(&client.cache, Request::get(&old)).await.unwrap();
        let knows = |cache: &PermanentCache| {
            let mut knows = false;
            cache.retain(|source, _| {
                knows |= source.uri() == old;
                true
            });
            knows
        };
        while !knows(&client.peer) {
            assert!(
                began.elapsed() < Duration::from_secs(15),
                "{:?}",
                client.cache.shared_status()
            );
            sleep(Duration::from_millis(20)).await;
        }
        println!("          {:<12} shared after {:?}", client.name, began.elapsed());
    }
}
