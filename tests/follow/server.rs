//! Servers that say what a test wants, with a thread per connection.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use crate::tls;

pub const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A response without content.
pub fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

/// What a server got.
#[derive(Clone, Debug)]
pub struct Request {
    pub head: String,
    pub body: Vec<u8>,
}

impl Request {
    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A listener on loopback with a thread per connection.
pub struct Server {
    pub addr: SocketAddr,
    got: Arc<Mutex<Got>>,
}

#[derive(Default)]
struct Got {
    requests: Vec<Request>,
    connections: usize,
}

impl Server {
    /// Reads every request whole, and gives it this answer.
    pub fn answering(answer: impl Fn(&Request) -> String + Send + Sync + 'static) -> Self {
        Self::start(move |mut connection| connection.serve(&answer))
    }

    /// As [`answering`](Self::answering), with TLS.
    pub fn https(
        key: &rcgen::CertifiedKey<rcgen::KeyPair>,
        answer: impl Fn(&Request) -> String + Send + Sync + 'static,
    ) -> Self {
        let config = tls::server(key);
        Self::listen(move |stream, got| {
            let stream = tls::accept(&config, stream);
            Connection::new(stream, got).serve(&answer)
        })
    }

    /// Serves every connection with `serve`, whose request is kept.
    pub fn start(serve: impl Fn(Connection) -> Option<Request> + Send + Sync + 'static) -> Self {
        Self::listen(move |stream, got| serve(Connection::new(stream, got)))
    }

    fn listen<F>(serve: F) -> Self
    where
        F: Fn(TcpStream, Arc<Mutex<Got>>) -> Option<Request> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let got = Arc::<Mutex<Got>>::default();
        let keeps = Arc::clone(&got);
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                keeps.lock().unwrap().connections += 1;
                let (serve, got) = (Arc::clone(&serve), Arc::clone(&keeps));
                thread::spawn(move || {
                    let request = serve(stream, Arc::clone(&got));
                    got.lock().unwrap().requests.extend(request);
                });
            }
        });
        Self { addr, got }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.got.lock().unwrap().requests.clone()
    }

    pub fn connections(&self) -> usize {
        self.got.lock().unwrap().connections
    }
}

trait Io: Read + Write {}
impl<T: Read + Write> Io for T {}

/// The server's side of a connection.
pub struct Connection {
    stream: Box<dyn Io>,
    unread: Vec<u8>,
    got: Arc<Mutex<Got>>,
}

impl Connection {
    fn new(stream: impl Io + 'static, got: Arc<Mutex<Got>>) -> Self {
        Self { stream: Box::new(stream), unread: Vec::new(), got }
    }

    /// Answers one request after the other; each is kept before it is answered.
    fn serve(&mut self, answer: impl Fn(&Request) -> String) -> Option<Request> {
        loop {
            let request = self.request()?;
            let answer = answer(&request);
            self.got.lock().unwrap().requests.push(request);
            self.say(&answer);
            if answer.contains("connection: close") {
                return None;
            }
        }
    }

    fn request(&mut self) -> Option<Request> {
        let mut request = Request { head: self.head()?, body: Vec::new() };
        let length = request.field("content-length").and_then(|length| length.parse().ok());
        request.body = match length {
            Some(length) => self.bytes(length),
            None if request.field("transfer-encoding").is_some() => self.chunks(),
            None => Vec::new(),
        };
        Some(request)
    }

    /// Reads up to the end of a head; `None` if the connection ends first.
    pub fn head(&mut self) -> Option<String> {
        let head = self.until(b"\r\n\r\n")?;
        Some(String::from_utf8_lossy(&head).into_owned())
    }

    pub fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        while let Some(size) = self.until(b"\r\n") {
            let size = String::from_utf8_lossy(&size);
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let chunk = self.bytes(size + 2);
            body.extend_from_slice(&chunk[..size.min(chunk.len())]);
            if size == 0 {
                break;
            }
        }
        body
    }

    fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            let found = self.unread.windows(end.len()).position(|window| window == end);
            match found {
                Some(at) => return Some(self.unread.drain(..at + end.len()).collect()),
                None if self.fill() == 0 => return None,
                None => {}
            }
        }
    }

    /// Reads so many bytes, or what comes before the connection ends.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count && self.fill() > 0 {}
        let count = count.min(self.unread.len());
        self.unread.drain(..count).collect()
    }

    pub fn rest(&mut self) -> Vec<u8> {
        while self.fill() > 0 {}
        std::mem::take(&mut self.unread)
    }

    pub fn say(&mut self, text: &str) {
        // The client may be gone: that is for the test to notice.
        let _ = self.stream.write_all(text.as_bytes()).and_then(|()| self.stream.flush());
    }

    fn fill(&mut self) -> usize {
        let mut buffer = vec![0; 64 * 1024];
        let count = self.stream.read(&mut buffer).unwrap_or(0);
        self.unread.extend_from_slice(&buffer[..count]);
        count
    }
}
