//! Many one-shot uploads through a front that redirects each one before it has read it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::{Request, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};
use tower::{BoxError, Layer, ServiceExt};
use tower_follow_redirect::{FollowRedirect, FollowRedirectLayer, History};

use super::{
    HyperClient,
    body::{Length, OneShot, is_part},
    hyper_client,
    raw::{Connection, OK, Server, field, redirect},
    text,
};

const CHUNK: u64 = 64 * 1024;

/// How long after the last upload a connection of the front may still be open.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the front does with an upload once it has answered 307.
#[derive(Clone, Copy, Debug)]
pub enum Front {
    /// Closes the connection, whatever is still unread. If there is anything, that is a reset.
    ClosesUnread,
    /// Reads on until the client ends the connection.
    Drains,
}

/// What a soak has measured.
#[derive(Debug)]
pub struct Figures {
    front: Front,
    tries: u64,
    size: u64,
    followed: u64,
    first_failure: Option<String>,
    /// Body bytes that came to the front.
    wasted: u64,
    /// Body bytes that came to the target, each at its place.
    stored: u64,
    /// Body bytes that were taken out of the callers' bodies.
    taken: u64,
    front_connections: usize,
    target_connections: usize,
    slowest: Duration,
    total: Duration,
}

/// Makes so many uploads of `size` bytes, one after the other with one client.
pub async fn soak(front: Front, tries: u64, size: u64) -> Figures {
    let stored = Arc::new(AtomicU64::new(0));
    let target = store(Arc::clone(&stored)).await;
    let (report, reports) = unbounded_channel();
    let diverter = divert(front, &target.url("/object"), report).await;
    let client = FollowRedirectLayer::new().layer(hyper_client());

    let (mut followed, mut taken, mut slowest) = (0, 0, Duration::ZERO);
    let mut first_failure = None;
    let began = Instant::now();
    for _ in 0..tries {
        let (body, counts) = OneShot::new(size, CHUNK, Length::Known);
        let request = Request::put(diverter.url("/object")).body(body).unwrap();
        let sent = Instant::now();
        match upload(client.clone(), request).await {
            Ok(()) => followed += 1,
            Err(error) => first_failure = first_failure.or_else(|| Some(format!("{error:?}"))),
        }
        slowest = slowest.max(sent.elapsed());
        taken += counts.read();
    }
    let total = began.elapsed();
    // The client still lives: only the redirect can have ended the front's connections.
    let wasted = sum(reports, diverter.connections()).await;
    Figures {
        front,
        tries,
        size,
        followed,
        first_failure,
        wasted,
        stored: stored.load(Ordering::SeqCst),
        taken,
        front_connections: diverter.connections(),
        target_connections: target.connections(),
        slowest,
        total,
    }
}

impl Figures {
    /// Panics unless every upload arrived, and none of it at the front.
    pub fn assert_perfect(&self) {
        let whole = self.tries * self.size;
        assert_eq!(self.followed, self.tries, "{:?}", self.first_failure);
        assert_eq!(self.wasted, 0, "body bytes at the front");
        assert_eq!((self.stored, self.taken), (whole, whole), "body bytes stored, and taken");
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "front {:?}, {} uploads of {} bytes", self.front, self.tries, self.size)?;
        writeln!(f, "  followed            {} of {}", self.followed, self.tries)?;
        writeln!(
            f,
            "  body bytes          {} at the front, {} at the target",
            self.wasted, self.stored
        )?;
        writeln!(
            f,
            "  connections         {} to the front, {} to the target",
            self.front_connections, self.target_connections
        )?;
        write!(
            f,
            "  time                {:.2?}, the slowest upload {:.2?}",
            self.total, self.slowest
        )
    }
}

async fn upload(
    client: FollowRedirect<HyperClient<OneShot>>,
    request: Request<OneShot>,
) -> Result<(), BoxError> {
    let response = client.oneshot(request).await?;
    let hops = History::of(&response).map_or(0, |history| history.hops().len());
    let status = response.status();
    if (status, hops) != (StatusCode::OK, 1) || text(response).await != "ok" {
        return Err(format!("{status} after {hops} redirects").into());
    }
    Ok(())
}

/// Starts the front. For each of its connections it reports how much of a body had come.
async fn divert(front: Front, location: &str, report: UnboundedSender<u64>) -> Server {
    let answer = redirect(307, location);
    Server::start(move |mut connection, _| {
        let (answer, report) = (answer.clone(), report.clone());
        async move {
            let body = match front {
                Front::ClosesUnread => close_unread(&mut connection.stream, &answer).await,
                Front::Drains => drain(&mut connection, &answer).await,
            };
            drop(connection);
            let _ = report.send(body as u64);
        }
    })
    .await
}

/// Reads the head, and never more than 2 KiB, then answers.
async fn close_unread(stream: &mut TcpStream, answer: &str) -> usize {
    let mut seen = [0; 2 * 1024];
    let mut length = 0;
    let head = loop {
        match stream.read(&mut seen[length..]).await {
            Ok(0) | Err(_) => return 0,
            Ok(more) => length += more,
        }
        if let Some(end) = seen[..length].windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let _ = stream.write_all(answer.as_bytes()).await;
    // What has come by now stays unread, but is counted.
    let mut unread = vec![0; 1024 * 1024];
    let unread = timeout(Duration::ZERO, stream.peek(&mut unread)).await;
    length - head + unread.map_or(0, |peeked| peeked.unwrap_or(0))
}

async fn drain(connection: &mut Connection, answer: &str) -> usize {
    if connection.head().await.is_none() {
        return 0;
    }
    connection.say(answer).await;
    connection.read_to_end().await.len()
}

/// Waits for the reports of so many connections.
async fn sum(mut reports: UnboundedReceiver<u64>, connections: usize) -> u64 {
    let mut sum = 0;
    for _ in 0..connections {
        let report = timeout(PATIENCE, reports.recv()).await;
        sum += report.expect("a connection of the front is still open").unwrap();
    }
    sum
}

/// Starts the target, which counts what it receives.
async fn store(stored: Arc<AtomicU64>) -> Server {
    Server::start(move |mut connection, _| {
        let stored = Arc::clone(&stored);
        async move {
            while let Some(head) = connection.head().await {
                assert_eq!(field(&head, "expect"), Some("100-continue"));
                connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
                let length = field(&head, "content-length").unwrap().parse().unwrap();
                stored.fetch_add(receive(&mut connection, length).await, Ordering::SeqCst);
                connection.say(OK).await;
            }
        }
    })
    .await
}

/// Reads a body, and returns how much of it was right.
async fn receive(connection: &mut Connection, length: u64) -> u64 {
    let mut position = 0;
    while position < length {
        let part = connection.bytes(CHUNK.min(length - position) as usize).await;
        if part.is_empty() || !is_part(&part, position) {
            break;
        }
        position += part.len() as u64;
    }
    position
}
