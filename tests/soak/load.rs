//! Many redirected requests at a time, for a long time: nothing is lost, nothing grows, nothing is left.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::StatusCode;
use http_body_util::BodyExt;
use tokio::task::JoinSet;
use tower::{BoxError, Layer, ServiceExt};
use tower_follow_redirect::{ExpectContinue, FollowRedirect, FollowRedirectLayer, History};

use crate::{
    errand::{Content, Errand, pattern},
    open::{Open, patiently, resident},
    site::Site,
    support::{HyperClient, hyper_client},
};

/// How many requests are on their way at a time.
const IN_FLIGHT: usize = 64;

/// How much more memory the second half may take than the first. What grows with the requests passes that
/// in a long run: 64 bytes for each of 200,000 are 12.8 MB.
const GROWTH: u64 = 12 << 20;

/// Each has a connection of two sockets; its pool keeps one more to each server, and some are about to close.
const SOCKETS: usize = IN_FLIGHT * 2 * 4;

/// Long, so that on a busy machine nothing is sent unasked.
const EXPECT_WAIT: Duration = Duration::from_secs(10);

/// What a load has measured.
#[derive(Debug)]
pub struct Figures {
    requests: u64,
    done: Done,
    wanted: Wanted,
    /// What arrived at the servers.
    arrived: Wanted,
    misplaced: u64,
    samples: Vec<Sample>,
    before: Open,
    after: Open,
    took: Duration,
}

/// What comes of the load, at the servers and at the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wanted {
    /// At the servers: one for each hop.
    requests: u64,
    stored: u64,
    /// Bytes of the last responses.
    read: u64,
}

/// What the client has seen.
#[derive(Debug, Default)]
struct Done {
    right: u64,
    uploads: u64,
    read: u64,
    first_failure: Option<String>,
}

/// The process in the middle of the load.
#[derive(Clone, Copy, Debug)]
struct Sample {
    done: u64,
    open: Open,
    resident: Option<u64>,
}

/// Sends so many requests, with one client.
pub async fn load(requests: u64) -> Figures {
    let before = Open::now();
    let site = Site::start().await;
    let expect = ExpectContinue::default().wait(EXPECT_WAIT);
    let client = FollowRedirectLayer::new().expect_continue(expect).layer(hyper_client());

    let began = Instant::now();
    let (done, samples) = send_all(&client, &site.origin(), requests).await;
    let took = began.elapsed();
    let arrived = Arc::clone(&site.arrived);
    drop((client, site));
    patiently(|| Open::now() == before).await;
    let count = |count: &AtomicU64| count.load(Ordering::SeqCst);
    Figures {
        requests,
        wanted: Wanted::by(requests),
        arrived: Wanted {
            requests: count(&arrived.requests),
            stored: count(&arrived.stored),
            read: done.read,
        },
        misplaced: count(&arrived.misplaced),
        done,
        samples,
        before,
        after: Open::now(),
        took,
    }
}

type Client = FollowRedirect<HyperClient<Content>>;

/// The next request, and what came of those before.
struct Progress {
    next: AtomicU64,
    done: AtomicU64,
    requests: u64,
    samples: Mutex<Vec<Sample>>,
}

async fn send_all(client: &Client, origin: &str, requests: u64) -> (Done, Vec<Sample>) {
    let progress = Arc::new(Progress {
        next: AtomicU64::new(0),
        done: AtomicU64::new(0),
        requests,
        samples: Mutex::new(vec![Sample::now(0)]),
    });
    let mut workers = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        workers.spawn(work(client.clone(), origin.to_owned(), Arc::clone(&progress)));
    }
    let mut all = Done::default();
    while let Some(done) = workers.join_next().await {
        all.add(done.unwrap());
    }
    let samples = std::mem::take(&mut *progress.samples.lock().unwrap());
    (all, samples)
}

async fn work(client: Client, origin: String, progress: Arc<Progress>) -> Done {
    let mut done = Done::default();
    loop {
        let number = progress.next.fetch_add(1, Ordering::SeqCst);
        if number >= progress.requests {
            return done;
        }
        let errand = Errand::new(number);
        match send(client.clone(), &errand, &origin).await {
            Ok(read) => done.note(&errand, read),
            Err(error) if done.first_failure.is_none() => {
                done.first_failure = Some(format!("{number}: {}: {error:?}", errand.path()));
            }
            Err(_) => {}
        }
        progress.count();
    }
}

/// Sends one request, and returns how much of the response was read, all of it right.
async fn send(client: Client, errand: &Errand, origin: &str) -> Result<u64, BoxError> {
    let response = client.oneshot(errand.request(origin)).await?;
    let hops = History::of(&response).map_or(0, |history| history.hops().len());
    if (response.status(), hops) != (StatusCode::OK, errand.steps.len()) {
        return Err(format!("{} after {hops} redirects", response.status()).into());
    }
    let read = response.into_body().collect().await?.to_bytes();
    if read != pattern(errand.answer) {
        return Err(format!("{} bytes, and not {}", read.len(), errand.answer).into());
    }
    Ok(read.len() as u64)
}

impl Progress {
    fn count(&self) {
        let done = self.done.fetch_add(1, Ordering::SeqCst) + 1;
        if (1..=4).any(|quarter| done == self.requests * quarter / 4) {
            self.samples.lock().unwrap().push(Sample::now(done));
        }
    }
}

impl Sample {
    fn now(done: u64) -> Self {
        Self { done, open: Open::now(), resident: resident() }
    }
}

impl Done {
    fn note(&mut self, errand: &Errand, read: u64) {
        self.right += 1;
        self.read += read;
        self.uploads += u64::from(errand.upload.is_some());
    }

    fn add(&mut self, other: Self) {
        self.right += other.right;
        self.read += other.read;
        self.uploads += other.uploads;
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }
}

impl Wanted {
    fn by(requests: u64) -> Self {
        let mut wanted = Self::default();
        for errand in (0..requests).map(Errand::new) {
            wanted.requests += errand.requests();
            wanted.stored += errand.stored();
            wanted.read += errand.answer as u64;
        }
        wanted
    }
}

impl Figures {
    /// Panics unless every request came through, and nothing grew or is left open.
    pub fn assert_perfect(&self) {
        assert_eq!(self.done.right, self.requests, "{:?}", self.done.first_failure);
        assert_eq!(
            self.arrived, self.wanted,
            "requests and bytes at the servers, and at the client"
        );
        assert_eq!(self.misplaced, 0, "credentials that crossed an origin, or were lost");
        assert_eq!(self.after, self.before, "what is open at the end, and at the start");
        let sockets = self.before.sockets.map(|sockets| sockets + SOCKETS);
        for sample in &self.samples {
            assert!(sample.open.sockets <= sockets, "{} after {}", sample.open, sample.done);
        }
        if let [.., first_half, _, end] = &self.samples[..] {
            let grown =
                end.resident.zip(first_half.resident).map(|(end, half)| end.saturating_sub(half));
            assert!(grown <= Some(GROWTH), "the second half took {grown:?} bytes more");
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, done, arrived, misplaced, .. } = self;
        writeln!(f, "{requests} redirected requests, {IN_FLIGHT} in flight")?;
        writeln!(f, "  right               {}, of which {} uploads", done.right, done.uploads)?;
        writeln!(
            f,
            "  at the servers      {} requests, {} bytes of content",
            arrived.requests, arrived.stored
        )?;
        writeln!(f, "  at the client       {} bytes of responses", done.read)?;
        writeln!(f, "  credentials         {misplaced} misplaced")?;
        writeln!(f, "  open at the start   {}", self.before)?;
        for Sample { done, open, resident } in &self.samples {
            let resident = resident.map_or(0.0, |bytes| bytes as f64 / f64::from(1 << 20));
            writeln!(f, "  after {done:<13} {resident:.1} MiB, {open}")?;
        }
        writeln!(f, "  open at the end     {}", self.after)?;
        write!(f, "  time                {:.2?}", self.took)
    }
}
