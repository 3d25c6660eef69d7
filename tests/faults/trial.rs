//! One call, and what holds after every call.

use std::{
    fmt, fs,
    future::Future,
    net::SocketAddr,
    panic,
    pin::Pin,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    thread,
    time::{Duration, Instant},
};

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::{Builder, Runtime},
    sync::Notify,
};
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{
    Error, ExpectContinue, FollowRedirectLayer, Policy, Refusal, RefusalKind, ReplayBody,
    ResponseBody,
};

use crate::{
    body::{Counts, Length, OneShot, is_part},
    received::Received,
    site::{Break, Script, SeenAt, Site, Step},
};

/// What no trial comes near, unless something hangs.
pub const LONG: Duration = Duration::from_secs(20);

/// How long after a call its tasks and sockets may still be there.
const SETTLING: Duration = Duration::from_secs(10);

/// The client's tasks are alone in a runtime of their own, so that they can be counted.
static CLIENT: LazyLock<Runtime> = LazyLock::new(runtime);
static SITES: LazyLock<Runtime> = LazyLock::new(runtime);

const WORKER: &str = "worker";

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

/// What the caller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Reads the response to its end.
    Stays,
    /// Drops the call, or its response, after a while.
    LeavesAfter(Duration),
    /// Drops the call, or its response, so long after a server or a policy gave the signal.
    LeavesAfterSignal(Duration),
    /// Drops the call when it was polled so often.
    LeavesAtPoll(usize),
    /// Drops the response after so many frames, and a moment in which nothing happens.
    LeavesAtFrame(usize),
}

/// How a call ended.
#[derive(Debug)]
pub enum End {
    /// With a response, whose content is its length or what became of it.
    Answered { status: u16, content: Result<usize, String> },
    /// With an error that owned the response.
    Refused { kind: RefusalKind, content: Result<usize, String> },
    /// With an error of the transport.
    Failed(Error<Incoming>),
    /// The caller dropped it.
    Left,
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

/// A listener with no room for another connection: who connects waits.
struct Full {
    _listener: TcpListener,
    _connection: TcpStream,
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

impl Caller {
    async fn call(
        self,
        call: impl Future<Output = Result<Response<ResponseBody<Incoming>>, Error<Incoming>>>,
        signal: &Notify,
    ) -> End {
        match self {
            Self::Stays => staying(call, usize::MAX).await,
            Self::LeavesAtFrame(frames) => staying(call, frames).await,
            Self::LeavesAfter(time) => {
                let staying = staying(call, usize::MAX);
                tokio::time::timeout(time, staying).await.unwrap_or(End::Left)
            }
            Self::LeavesAfterSignal(time) => tokio::select! {
                () = async { signal.notified().await; tokio::time::sleep(time).await } => End::Left,
                end = staying(call, usize::MAX) => end,
            },
            Self::LeavesAtPoll(left) => match (Polls { call: Some(Box::pin(call)), left }).await {
                Some(result) => finished(result, usize::MAX).await,
                None => End::Left,
            },
        }
    }

    fn patience(self) -> Duration {
        match self {
            Self::LeavesAfter(time) | Self::LeavesAfterSignal(time) => time,
            Self::Stays | Self::LeavesAtPoll(_) | Self::LeavesAtFrame(_) => Duration::ZERO,
        }
    }
}

/// Nobody here waits for ever.
async fn staying(
    call: impl Future<Output = Result<Response<ResponseBody<Incoming>>, Error<Incoming>>>,
    frames: usize,
) -> End {
    let staying = async { finished(call.await, frames).await };
    tokio::time::timeout(LONG, staying).await.expect("the call hangs")
}

/// Reads so many frames of what a call has ended with.
async fn finished(
    result: Result<Response<ResponseBody<Incoming>>, Error<Incoming>>,
    frames: usize,
) -> End {
    match result {
        Ok(response) => {
            let refusal = Refusal::of(&response).map(Refusal::kind);
            let status = response.status();
            assert_eq!(refusal.is_some(), status.is_redirection(), "{status} and {refusal:?}");
            let content = read(response, frames).await;
            End::Answered { status: status.as_u16(), content }
        }
        Err(error) => match error.refusal().map(Refusal::kind) {
            Some(kind) => {
                let response = error.into_response().expect("it owns the response");
                assert_eq!(Refusal::of(&response).map(Refusal::kind), Some(kind));
                End::Refused { kind, content: read(response, frames).await }
            }
            None => End::Failed(error),
        },
    }
}

/// Reads so many frames of a response, and drops it.
async fn read(response: Response<ResponseBody<Incoming>>, frames: usize) -> Result<usize, String> {
    let mut body = response.into_body();
    let mut length = 0;
    for _ in 0..frames {
        match body.frame().await {
            Some(Ok(frame)) => length += frame.data_ref().map_or(0, |data| data.len()),
            Some(Err(error)) => return Err(error.to_string()),
            None => return Ok(length),
        }
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    Ok(length)
}

/// Drops a future when it was polled so often.
struct Polls<F> {
    call: Option<Pin<Box<F>>>,
    left: usize,
}

impl<F: Future> Future for Polls<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(left) = self.left.checked_sub(1) else {
            self.call = None;
            return Poll::Ready(None);
        };
        self.left = left;
        let call = self.call.as_mut().expect("it is polled until it is dropped");
        let polled = call.as_mut().poll(cx);
        if polled.is_pending() && left == 0 {
            self.call = None;
            return Poll::Ready(None);
        }
        Poll::Ready(Some(ready!(polled)))
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

impl Full {
    /// The listener, and one end of each connection that it has room for but has not accepted.
    const SOCKETS: usize = 2;

    async fn new() -> (SocketAddr, Self) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        // Linux has room for one all the same.
        let listener = socket.listen(0).unwrap();
        let addr = listener.local_addr().unwrap();
        let connection = TcpStream::connect(addr).await.unwrap();
        (addr, Self { _listener: listener, _connection: connection })
    }
}

/// Waits until a count is no more than what is allowed. Where a trial before has failed, what it has
/// left may end meanwhile.
fn settles(what: &str, name: &str, allowed: usize, count: impl Fn() -> usize) {
    let begun = Instant::now();
    loop {
        let found = count();
        if found <= allowed {
            return;
        }
        let waited = begun.elapsed();
        assert!(waited < SETTLING, "{what}: {found} {name}, {allowed} are allowed");
        thread::sleep(Duration::from_micros(if waited.as_millis() < 5 { 50 } else { 1000 }));
    }
}

/// How many sockets the process has.
fn sockets() -> usize {
    let links = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

/// How often a task has panicked, of a server or of the client. A panic of a call fails its test.
fn panics() -> usize {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    static COUNTING: LazyLock<()> = LazyLock::new(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().name() == Some(WORKER) {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            report(info);
        }));
    });
    LazyLock::force(&COUNTING);
    PANICS.load(Ordering::SeqCst)
}
