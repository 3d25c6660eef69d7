//! Many one-shot uploads through a front that redirects each one before it has read it.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use http::{Request, StatusCode};
use tokio::task::JoinSet;
use tower::{BoxError, Layer, ServiceExt};
use tower_follow_redirect::{ExpectContinue, FollowRedirect, FollowRedirectLayer, History};

use crate::{
    open::{Open, patiently, sockets},
    servers::{Front, Seen, divert, store},
    support::{
        HyperClient,
        body::{Length, OneShot},
        hyper_client, text,
    },
};

/// How many uploads are on their way at a time.
const IN_FLIGHT: usize = 16;

const CHUNK: u64 = 64 * 1024;

/// How long an upload waits for its redirect. The default of one second would do on a machine that
/// does nothing else: the figures tell how long the redirects took.
const EXPECT_WAIT: Duration = Duration::from_secs(10);

/// What a soak has measured.
#[derive(Debug)]
pub struct Figures {
    front: Front,
    tries: u64,
    size: u64,
    uploads: Uploads,
    /// Body bytes that came to the front.
    wasted: u64,
    /// Body bytes that came to the target, each at its place.
    stored: u64,
    front_connections: usize,
    /// Connections to the front that outlived their redirect.
    lingering: usize,
    target_connections: usize,
    before: Open,
    /// When all is done, and the client still lives.
    between: Open,
    /// The sockets that may be open then: two listeners, and both ends of what the client has pooled.
    pooled: Option<usize>,
    after: Open,
    total: Duration,
}

/// What the client has seen.
#[derive(Debug, Default)]
struct Uploads {
    followed: u64,
    first_failure: Option<String>,
    /// Body bytes that were taken out of the callers' bodies.
    taken: u64,
    slowest_redirect: Duration,
    slowest: Duration,
}

/// Makes so many uploads of `size` bytes with one client.
pub async fn soak(front: Front, tries: u64, size: u64) -> Figures {
    let before = Open::now();
    let seen = Arc::new(Seen::default());
    let target = store(Arc::clone(&seen)).await;
    let diverter = divert(front, &target.url("/object"), Arc::clone(&seen)).await;
    // A busy machine may be slow, and that is not what is measured.
    let expect = ExpectContinue::default().wait(EXPECT_WAIT);
    let client = FollowRedirectLayer::new().expect_continue(expect).layer(hyper_client());

    let began = Instant::now();
    let uploads = Uploads::make(&client, &diverter.url("/object"), tries, size).await;
    let total = began.elapsed();
    // The client still lives: only the redirect can have ended the front's connections.
    let lingering = || diverter.connections() - seen.ended.load(Ordering::SeqCst);
    let pooled = before.sockets.map(|sockets| sockets + 2 + 2 * target.connections());
    patiently(|| lingering() == 0 && sockets() == pooled).await;
    let (front_connections, lingering) = (diverter.connections(), lingering());
    let (target_connections, between) = (target.connections(), Open::now());

    drop((client, diverter, target));
    patiently(|| Open::now() == before).await;
    Figures {
        front,
        tries,
        size,
        uploads,
        wasted: seen.wasted.load(Ordering::SeqCst),
        stored: seen.stored.load(Ordering::SeqCst),
        front_connections,
        lingering,
        target_connections,
        before,
        between,
        pooled,
        after: Open::now(),
        total,
    }
}

impl Figures {
    /// Panics unless every upload arrived, none of it at the front, and nothing is left open.
    pub fn assert_perfect(&self) {
        let whole = self.tries * self.size;
        let Uploads { followed, taken, first_failure, .. } = &self.uploads;
        assert_eq!(*followed, self.tries, "{first_failure:?}");
        assert_eq!(self.wasted, 0, "body bytes at the front");
        assert_eq!((self.stored, *taken), (whole, whole), "body bytes stored, and taken");
        assert_eq!(self.lingering, 0, "connections to the front that outlived their redirect");
        assert_eq!(self.between.sockets, self.pooled, "sockets that are open with the client");
        assert_eq!(self.after, self.before, "what is open at the end, and at the start");
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { front, tries, size, uploads, wasted, stored, .. } = self;
        let followed = uploads.followed;
        writeln!(f, "front {front:?}, {tries} uploads of {size} bytes, {IN_FLIGHT} in flight")?;
        writeln!(f, "  uploads             {followed} followed, {} lost", tries - followed)?;
        writeln!(f, "  body bytes          {wasted} at the front, {stored} at the target")?;
        writeln!(
            f,
            "  connections         {} to the front, of which {} lingered, {} to the target",
            self.front_connections, self.lingering, self.target_connections
        )?;
        writeln!(f, "  open at the start   {}", self.before)?;
        writeln!(f, "  before the end      {}, with the client and the servers", self.between)?;
        writeln!(f, "  open at the end     {}", self.after)?;
        write!(
            f,
            "  time                {:.2?}, the slowest upload {:.2?}, its redirect at most {:.2?}",
            self.total, uploads.slowest, uploads.slowest_redirect
        )
    }
}

impl Uploads {
    async fn make(client: &Client, url: &str, tries: u64, size: u64) -> Self {
        let mut made = Self::default();
        let mut in_flight = JoinSet::new();
        for _ in 0..tries {
            if in_flight.len() == IN_FLIGHT {
                made.note(in_flight.join_next().await.unwrap().unwrap());
            }
            in_flight.spawn(Upload::make(client.clone(), url.to_owned(), size));
        }
        while let Some(upload) = in_flight.join_next().await {
            made.note(upload.unwrap());
        }
        made
    }

    fn note(&mut self, upload: Upload) {
        match upload.result {
            Ok(redirect) => {
                self.followed += 1;
                self.slowest_redirect = self.slowest_redirect.max(redirect);
            }
            Err(error) if self.first_failure.is_none() => {
                self.first_failure = Some(format!("{error:?}"));
            }
            Err(_) => {}
        }
        self.taken += upload.taken;
        self.slowest = self.slowest.max(upload.took);
    }
}

type Client = FollowRedirect<HyperClient<OneShot>>;

struct Upload {
    /// How long the redirect took, if it was followed.
    result: Result<Duration, BoxError>,
    taken: u64,
    took: Duration,
}

impl Upload {
    async fn make(client: Client, url: String, size: u64) -> Self {
        let (body, counts) = OneShot::new(size, CHUNK, Length::Known);
        let request = Request::put(url).body(body).unwrap();
        let sent = Instant::now();
        let result = put(client, request).await;
        Self { result, taken: counts.read(), took: sent.elapsed() }
    }
}

async fn put(client: Client, request: Request<OneShot>) -> Result<Duration, BoxError> {
    let response = client.oneshot(request).await?;
    let history = History::of(&response).cloned();
    let hops = history.as_ref().map_or(&[][..], History::hops);
    match (response.status(), hops) {
        (StatusCode::OK, [redirect]) if text(response).await == "ok" => Ok(redirect.elapsed()),
        (status, hops) => Err(format!("{status} after {} redirects", hops.len()).into()),
    }
}
