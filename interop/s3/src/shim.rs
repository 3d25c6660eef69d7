//! A wire on which `100 Continue` takes its time.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::AbortHandle,
    time::sleep,
};

/// Passes on all that is said, but every `100 Continue` only after a while.
pub struct Shim {
    address: SocketAddr,
    passed: Arc<Mutex<Vec<Passed>>>,
    accepts: AbortHandle,
}

/// A `100 Continue` that was let go.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    /// How long it was kept.
    pub kept: Duration,
    /// How many bytes of body the client had sent by then.
    pub body_before: u64,
}

impl Shim {
    pub async fn start(server: SocketAddr, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let passed = Arc::default();
        let noted = Arc::clone(&passed);
        let accepts = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(server).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let sent = Arc::default();
                tokio::spawn(requests(from_client, to_server, Arc::clone(&sent)));
                tokio::spawn(responses(from_server, to_client, delay, sent, Arc::clone(&noted)));
            }
        });
        Self { address, passed, accepts: accepts.abort_handle() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn passed(&self) -> Vec<Passed> {
        self.passed.lock().unwrap().clone()
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

/// What the client has sent on a connection with one request.
#[derive(Default)]
struct Request {
    head: Vec<u8>,
    body: u64,
}

impl Request {
    fn note(&mut self, part: &[u8]) {
        if self.head.ends_with(b"\r\n\r\n") {
            self.body += part.len() as u64;
            return;
        }
        let before = self.head.len();
        self.head.extend_from_slice(part);
        if let Some(end) = self.head.windows(4).position(|four| four == b"\r\n\r\n") {
            self.head.truncate(end + 4);
            self.body += (before + part.len() - self.head.len()) as u64;
        }
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, sent: Arc<Mutex<Request>>) {
    let mut part = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = from.read(&mut part).await {
        sent.lock().unwrap().note(&part[..n]);
        if to.write_all(&part[..n]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

async fn responses(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    delay: Duration,
    sent: Arc<Mutex<Request>>,
    passed: Arc<Mutex<Vec<Passed>>>,
) {
    let mut part = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = from.read(&mut part).await {
        if part[..n].starts_with(b"HTTP/1.1 100") {
            let began = Instant::now();
            sleep(delay).await;
            let body_before = sent.lock().unwrap().body;
            passed.lock().unwrap().push(Passed { kept: began.elapsed(), body_before });
        }
        if to.write_all(&part[..n]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
