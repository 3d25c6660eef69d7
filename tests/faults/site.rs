//! A server that plays the same steps on every connection, and breaks it where it is told to.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::Notify,
    task::{JoinHandle, JoinSet},
};

use crate::received::{Received, content_length, field, head_length};

/// What a server does on a connection, one after the other. In the end it closes it.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads the head of a request.
    Head,
    /// Reads so many bytes of what follows.
    Read(usize),
    /// Reads the content of that request to its end, whatever was read of it.
    Content,
    /// Says `100 Continue` where that is waited for.
    Continue,
    Say(String),
    /// Says the same over and over.
    Flood(&'static str),
    Pause(Duration),
    /// The caller leaves now.
    Signal,
    /// Ends its own half of the connection.
    Shutdown,
    /// Closes the connection with a reset, whatever was or was not read.
    Reset,
    /// Reads on until the connection ends.
    Drain,
    /// The same, but so slowly that a large upload is in mid-send for a while.
    Sip,
    /// Keeps the connection, and reads nothing.
    Idle,
    /// Begins anew.
    Again,
}

/// Where a connection is reset, whatever the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    Nowhere,
    /// After so many bytes were read.
    Read(usize),
    /// After so many bytes were written, and the client had time to read them.
    Written(usize),
}

pub const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
pub const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A 307 with a body of the length that is announced.
pub fn redirect(location: &str, body: &str) -> String {
    format!("{}{body}", redirect_head(location, body.len()))
}

pub fn redirect_head(location: &str, length: usize) -> String {
    format!("HTTP/1.1 307 Moved\r\nlocation: {location}\r\ncontent-length: {length}\r\n\r\n")
}

/// How long a client has to read what was written before a reset.
const A_MOMENT: Duration = Duration::from_millis(2);

/// How long it takes to swallow 64 KiB.
const SIP: Duration = Duration::from_millis(5);

/// A running server.
pub struct Site {
    addr: SocketAddr,
    seen: Arc<Seen>,
    accepting: JoinHandle<()>,
}

/// What a server has seen so far.
#[derive(Default)]
struct Seen {
    connections: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
    broke: AtomicBool,
}

/// What came to a server.
pub struct SeenAt {
    pub received: Vec<Received>,
    pub connections: usize,
    /// Whether a connection came to where it breaks.
    pub broke: bool,
}

impl Site {
    pub fn start(on: &Runtime, script: Script) -> Self {
        let listener = on.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let accepting = on.spawn(accept(listener, script, Arc::clone(&seen)));
        Self { addr, seen, accepting }
    }

    pub fn url(&self) -> String {
        format!("http://{}/object", self.addr)
    }

    /// Returns what came so far, on all connections.
    pub fn seen(&self) -> SeenAt {
        let connections = self.seen.connections.lock().unwrap();
        let received = connections.iter().flat_map(|bytes| Received::all(&bytes.lock().unwrap()));
        SeenAt {
            received: received.collect(),
            connections: connections.len(),
            broke: self.seen.broke.load(Ordering::SeqCst),
        }
    }

    /// Closes the server and all its connections.
    pub fn close(&self) {
        self.accepting.abort();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.close();
    }
}

/// What a server plays.
#[derive(Clone)]
pub struct Script {
    pub steps: Vec<Step>,
    pub breaks: Break,
    pub signal: Arc<Notify>,
}

async fn accept(listener: TcpListener, script: Script, seen: Arc<Seen>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let bytes = Arc::new(Mutex::new(Vec::new()));
        seen.connections.lock().unwrap().push(Arc::clone(&bytes));
        let connection = Connection {
            stream,
            bytes,
            position: 0,
            written: 0,
            breaks: script.breaks,
            seen: Arc::clone(&seen),
        };
        let script = script.clone();
        connections.spawn(async move {
            // It ends with an error where the client or a break has ended it.
            let _ = connection.play(&script).await;
        });
    }
}

/// The connection is over.
struct Over;

struct Connection {
    stream: TcpStream,
    /// All that was read.
    bytes: Arc<Mutex<Vec<u8>>>,
    /// How much of it the steps have used.
    position: usize,
    written: usize,
    breaks: Break,
    seen: Arc<Seen>,
}

impl Connection {
    async fn play(mut self, script: &Script) -> Result<(), Over> {
        let mut steps = script.steps.iter();
        let (mut head, mut content) = (String::new(), 0);
        while let Some(step) = steps.next() {
            match step {
                Step::Head => {
                    let bytes = self.read_until(head_length).await?;
                    head = String::from_utf8_lossy(&bytes).into_owned();
                    content = self.position;
                }
                Step::Read(count) => {
                    self.read_until(|rest| (rest.len() >= *count).then_some(*count)).await?;
                }
                Step::Content => {
                    self.position = content;
                    self.read_until(|rest| content_length(&head, rest)).await?;
                }
                Step::Continue if field(&head, "expect").is_some() => self.say(CONTINUE).await?,
                Step::Continue => {}
                Step::Say(text) => self.say(text).await?,
                Step::Flood(text) => loop {
                    self.say(text).await?;
                },
                Step::Pause(time) => tokio::time::sleep(*time).await,
                Step::Signal => script.signal.notify_one(),
                Step::Shutdown => self.stream.shutdown().await.map_err(|_| Over)?,
                Step::Reset => return self.reset(),
                Step::Drain => loop {
                    self.fill().await?;
                },
                Step::Sip => loop {
                    self.fill().await?;
                    tokio::time::sleep(SIP).await;
                },
                Step::Idle => std::future::pending().await,
                Step::Again => steps = script.steps.iter(),
            }
        }
        Ok(())
    }

    /// Reads until what was not used begins with a whole, whose length `whole` finds; uses it.
    async fn read_until(
        &mut self,
        whole: impl Fn(&[u8]) -> Option<usize>,
    ) -> Result<Vec<u8>, Over> {
        loop {
            let part = {
                let bytes = self.bytes.lock().unwrap();
                let rest = &bytes[self.position..];
                whole(rest).map(|length| rest[..length].to_vec())
            };
            if let Some(part) = part {
                self.position += part.len();
                return Ok(part);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<(), Over> {
        let mut room = 64 * 1024;
        if let Break::Read(offset) = self.breaks {
            room = room.min(offset - self.bytes.lock().unwrap().len());
        }
        if room == 0 {
            return self.break_here();
        }
        let mut buffer = vec![0; room];
        let count = self.stream.read(&mut buffer).await.map_err(|_| Over)?;
        if count == 0 {
            return Err(Over);
        }
        self.bytes.lock().unwrap().extend_from_slice(&buffer[..count]);
        Ok(())
    }

    async fn say(&mut self, text: &str) -> Result<(), Over> {
        let mut text = text.as_bytes();
        if let Break::Written(offset) = self.breaks {
            text = &text[..text.len().min(offset - self.written)];
        }
        self.stream.write_all(text).await.map_err(|_| Over)?;
        self.written += text.len();
        if self.breaks == Break::Written(self.written) {
            tokio::time::sleep(A_MOMENT).await;
            return self.break_here();
        }
        Ok(())
    }

    fn break_here(&self) -> Result<(), Over> {
        self.seen.broke.store(true, Ordering::SeqCst);
        self.reset()
    }

    /// Makes the close that follows a reset.
    fn reset(&self) -> Result<(), Over> {
        self.stream.set_zero_linger().map_err(|_| Over)?;
        Err(Over)
    }
}
