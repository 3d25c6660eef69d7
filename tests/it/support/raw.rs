//! A server that says exactly what a test writes.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A listener on loopback whose connections a test's closure serves.
pub struct Server {
    pub addr: SocketAddr,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves every connection with `serve`, which gets the connection and its number from 0.
    pub async fn start<F, Fut>(serve: F) -> Self
    where
        F: Fn(Connection, usize) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(Connection::new(stream), number));
            }
        });
        Self { addr, connections, accepting }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The server's side of a connection.
pub struct Connection {
    pub stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: Vec::new() }
    }

    /// Reads up to the end of a request's head; `None` if the connection ends first.
    pub async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = self.unread.split_off(end + 4);
                let head = std::mem::replace(&mut self.unread, rest);
                return Some(String::from_utf8_lossy(&head).into_owned());
            }
            if self.fill().await == 0 {
                return None;
            }
        }
    }

    /// Reads exactly so many bytes, or what comes before the connection ends.
    pub async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count && self.fill().await > 0 {}
        let rest = self.unread.split_off(count.min(self.unread.len()));
        std::mem::replace(&mut self.unread, rest)
    }

    /// Shows `length` bytes piece by piece as they come, each with its position. Returns how many
    /// came before the connection ended.
    pub async fn show(&mut self, length: u64, mut to: impl FnMut(&[u8], u64)) -> u64 {
        let held = self.unread.len().min(length as usize);
        to(&self.unread[..held], 0);
        self.unread.drain(..held);
        let mut position = held as u64;
        let mut buffer = vec![0; 256 * 1024];
        while position < length {
            let most = buffer.len().min((length - position) as usize);
            let count = self.stream.read(&mut buffer[..most]).await.unwrap_or(0);
            if count == 0 {
                break;
            }
            to(&buffer[..count], position);
            position += count as u64;
        }
        position
    }

    /// Reads all that comes until the connection ends, however it does.
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        while self.fill().await > 0 {}
        std::mem::take(&mut self.unread)
    }

    /// Reads one chunk of a chunked body; `None` after the last, whose trailers are none.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = self.bytes(3).await;
        while !line.ends_with(b"\r\n") {
            let next = self.bytes(1).await;
            assert!(!next.is_empty(), "the connection ended in a chunk's size");
            line.extend(next);
        }
        let size = std::str::from_utf8(line.trim_ascii()).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        let chunk = self.bytes(size).await;
        assert_eq!(chunk.len(), size, "the connection ended in a chunk");
        assert_eq!(self.bytes(2).await, b"\r\n");
        (size > 0).then_some(chunk)
    }

    pub async fn say(&mut self, text: impl AsRef<[u8]>) {
        // The client may be gone already: that is for the test to notice.
        let _ = self.stream.write_all(text.as_ref()).await;
    }

    async fn fill(&mut self) -> usize {
        let mut buffer = vec![0; 64 * 1024];
        let count = self.stream.read(&mut buffer).await.unwrap_or(0);
        self.unread.extend_from_slice(&buffer[..count]);
        count
    }
}

/// The value of a field in a head.
pub fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A response without content.
pub fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

pub const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
