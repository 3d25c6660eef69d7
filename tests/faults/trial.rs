//! One call, and what holds after every call.

use std::{
    fmt,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::Request;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
};
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{ExpectContinue, FollowRedirectLayer, Policy, RefusalKind, ReplayBody};

use crate::{
    body::{Counts, Length, OneShot, is_part},
    caller::{Caller, End, LONG},
    count::{WORKER, panics, settles, sockets},
    full::Full,
    received::Received,
    site::{Break, Script, SeenAt, Site, Step},
};

/// The client's tasks are alone in a runtime of their own, so that they can be counted.
static CLIENT: LazyLock<Runtime> = LazyLock::new(runtime);
static SITES: LazyLock<Runtime> = LazyLock::new(runtime);

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).thread_name(WORKER).enable_all().build().unwrap()
}

/// A call to be made, with the servers that it meets.
pub struct Trial {
    what: String,
    before: Before,
    sites: Vec<Site>,
    full: Vec<Full>,
    signal: Arc<Notify>,
    pool: Pool,
    lasts: Lasts,
    _alone: MutexGuard<'static, ()>,
}

/// What was there before a trial.
struct Before {
    tasks: usize,
    sockets: usize,
    panics: usize,
}

/// Whether connections are kept for the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// They end with the client.
    Kept,
    /// They end with their call, although the client lives on.
    Off,
}

/// How long a call's connections last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    LikeTheCall,
    /// As long as the server keeps them, with or without the layer, since hyper 1.12
    ///
    /// - writes what it has buffered before it closes ([#4018]): it waits for a server that does
    ///   not read, if the sockets are full;
    /// - may miss that an upload has ended after its response: the last flush in
    ///   `Dispatcher::poll_loop` makes the connection idle, and nobody looks at it again.
    ///
    /// [#4018]: https://github.com/hyperium/hyper/pull/4018
    LikeTheServer,
}

/// The content of a request.
#[derive(Clone, Copy, Debug)]
pub struct Upload {
    pub size: u64,
    pub chunk: u64,
    pub length: Length,
    pub sent: Sent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// After `100 Continue`, and never without it.
    Parked,
    AtOnce,
}

/// What a trial has shown.
pub struct Outcome {
    pub end: End,
    /// Bytes that were taken out of the caller's body.
    pub read: u64,
    pub elapsed: Duration,
    sites: Vec<SeenAt>,
}

/// A server of a trial.
#[derive(Clone, Debug)]
pub struct Place {
    number: usize,
    pub url: String,
}

impl Trial {
    /// Waits until no other trial runs.
    pub fn new(what: impl Into<String>) -> Self {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        // Both have sockets of their own.
        LazyLock::force(&SITES);
        let tasks = CLIENT.metrics().num_alive_tasks();
        let before = Before { tasks, sockets: sockets(), panics: panics() };
        let (sites, full) = (Vec::new(), Vec::new());
        let (signal, pool, lasts) = (Arc::default(), Pool::Kept, Lasts::LikeTheCall);
        Self { what: what.into(), before, sites, full, signal, pool, lasts, _alone: alone }
    }

    pub fn pool(mut self, pool: Pool) -> Self {
        self.pool = pool;
        self
    }

    pub fn lasts(mut self, lasts: Lasts) -> Self {
        self.lasts = lasts;
        self
    }

    /// Starts a server that plays `steps` on every connection.
    pub fn site(&mut self, steps: impl IntoIterator<Item = Step>) -> Place {
        self.breaking_site(steps, Break::Nowhere)
    }

    /// Starts a server whose connections are reset somewhere.
    pub fn breaking_site(&mut self, steps: impl IntoIterator<Item = Step>, breaks: Break) -> Place {
        let steps = steps.into_iter().collect();
        let signal = Arc::clone(&self.signal);
        let site = Site::start(&SITES, Script { steps, breaks, signal });
        let place = Place { number: self.sites.len(), url: site.url() };
        self.sites.push(site);
        place
    }

    /// Starts a server that one cannot connect to, nor be refused by; returns its URL.
    pub fn full_site(&mut self) -> String {
        let (addr, full) = SITES.block_on(Full::new());
        self.full.push(full);
        format!("http://{addr}/object")
    }

    /// Returns what makes a caller leave that waits for the signal.
    pub fn signal(&self) -> Arc<Notify> {
        Arc::clone(&self.signal)
    }

    /// Makes the call, and checks all that holds for every call.
    pub fn run<P>(
        self,
        to: &str,
        layer: FollowRedirectLayer<P>,
        upload: Upload,
        caller: Caller,
    ) -> Outcome
    where
        P: Policy + 'static,
    {
        let (body, counts) = upload.body();
        let request = Request::put(to).body(body).unwrap();
        let client = self.client();
        let layer = layer.expect_continue(upload.expect());
        let signal = Arc::clone(&self.signal);
        let begun = Instant::now();
        let end = {
            let client = client.clone();
            CLIENT.block_on(async move {
                let service = layer.layer(client);
                caller.call(service.oneshot(request), &signal).await
            })
        };
        let elapsed = begun.elapsed();
        let what = format!("{}: {end:?} after {elapsed:?}", self.what);
        println!("{what}");
        assert!(elapsed < caller.patience() + LONG, "{what}: it hung");
        let client = (self.pool == Pool::Off).then_some(client);
        // A final answer lets its upload go on by itself, for as long as the server takes it.
        let goes_on = matches!(end, End::Answered { .. }) && self.lasts == Lasts::LikeTheServer;
        if !goes_on {
            settles(&what, "bodies", 0, || usize::from(counts.dropped() == 0));
        }
        let sites = self.settle(&what);
        drop(client);
        assert_eq!(counts.dropped(), 1, "{what}");
        let outcome = Outcome { end, read: counts.read(), elapsed, sites };
        outcome.check(&what, upload);
        outcome
    }

    /// Waits until nothing of the call is left, closes the servers, and returns what came to each.
    fn settle(&self, what: &str) -> Vec<SeenAt> {
        let tasks = || CLIENT.metrics().num_alive_tasks();
        if self.lasts == Lasts::LikeTheCall {
            settles(what, "tasks", self.before.tasks, tasks);
        }
        self.sites.iter().for_each(Site::close);
        settles(what, "tasks", self.before.tasks, tasks);
        settles(what, "tasks of servers", 0, || SITES.metrics().num_alive_tasks());
        let allowed = self.before.sockets + self.full.len() * Full::SOCKETS;
        settles(what, "sockets", allowed, sockets);
        assert_eq!(panics(), self.before.panics, "{what}: something panicked");
        self.sites.iter().map(Site::seen).collect()
    }

    fn client(&self) -> Client<HttpConnector, ReplayBody<OneShot>> {
        let mut builder = Client::builder(TokioExecutor::new());
        if self.pool == Pool::Off {
            builder.pool_max_idle_per_host(0);
        }
        builder.build_http()
    }
}

impl Upload {
    fn body(&self) -> (OneShot, Arc<Counts>) {
        OneShot::new(self.size, self.chunk, self.length)
    }

    fn expect(&self) -> ExpectContinue {
        match self.sent {
            Sent::Parked => ExpectContinue::above(0).wait(Duration::from_secs(600)),
            Sent::AtOnce => ExpectContinue::off(),
        }
    }
}

impl Outcome {
    /// What is whole is what the caller sent, and what is cut begins like it: byte by byte, which says
    /// more than a hash.
    fn check(&self, what: &str, upload: Upload) {
        for request in self.sites.iter().flat_map(|seen| &seen.received) {
            let length = request.content.len() as u64;
            assert!(length <= upload.size, "{what}: {request:?}");
            assert!(!request.is_whole() || length == upload.size, "{what}: {request:?}");
            assert!(is_part(&request.content, 0), "{what}: {request:?}");
        }
        assert!(self.read <= upload.size, "{what}: {} bytes were read", self.read);
    }

    /// Returns the requests that came to a server.
    pub fn at(&self, place: &Place) -> &[Received] {
        &self.sites[place.number].received
    }

    /// Returns how many requests came whole to a server.
    pub fn whole_at(&self, place: &Place) -> usize {
        self.at(place).iter().filter(|request| request.is_whole()).count()
    }

    pub fn connections(&self, place: &Place) -> usize {
        self.sites[place.number].connections
    }

    /// Returns whether a connection of a server came to where it breaks.
    pub fn broke(&self, place: &Place) -> bool {
        self.sites[place.number].broke
    }

    pub fn succeeded(&self) -> bool {
        matches!(self.end, End::Answered { status: 200, content: Ok(_), .. })
    }

    pub fn refused(&self) -> Option<RefusalKind> {
        match self.end {
            End::Refused { kind, .. } => Some(kind),
            _ => None,
        }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} after {:?}, {} bytes read, ", self.end, self.elapsed, self.read)?;
        f.debug_list().entries(self.sites.iter().map(|seen| &seen.received)).finish()
    }
}
