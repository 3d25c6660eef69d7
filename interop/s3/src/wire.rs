//! The way from a host to its server, and what was sent over it.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use http::Uri;
use http_body::Body;
use hyper_util::{
    client::legacy,
    client::legacy::connect::{Connected, Connection},
    rt::{TokioExecutor, TokioIo},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tower::{BoxError, service_fn, util::BoxCloneSyncService};

/// hyper-util's client, over a [`Wire`].
pub type Client<B> = legacy::Client<Connector, B>;

type Connector = BoxCloneSyncService<Uri, TokioIo<Noted>, io::Error>;

/// How much of what is sent to a host is kept; enough for heads and small bodies.
const KEPT: usize = 64 * 1024;

/// Leads every host to a server on loopback. Clones share what they note.
#[derive(Clone)]
pub struct Wire {
    usual: SocketAddr,
    others: HashMap<&'static str, SocketAddr>,
    sent: Arc<Mutex<HashMap<String, Sent>>>,
}

#[derive(Default)]
struct Sent {
    connections: usize,
    bytes: u64,
    first: Vec<u8>,
}

impl Wire {
    /// Makes one that leads to this address.
    pub fn to(usual: SocketAddr) -> Self {
        Self { usual, others: HashMap::new(), sent: Arc::default() }
    }

    /// Leads a host elsewhere.
    #[must_use]
    pub fn but(mut self, host: &'static str, address: SocketAddr) -> Self {
        self.others.insert(host, address);
        self
    }

    pub fn client<B>(&self) -> Client<B>
    where
        B: Body + Send + Unpin + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let wire = self.clone();
        let connect = service_fn(move |uri: Uri| {
            let wire = wire.clone();
            async move { wire.connect(uri).await.map(TokioIo::new) }
        });
        legacy::Client::builder(TokioExecutor::new()).build(BoxCloneSyncService::new(connect))
    }

    async fn connect(&self, uri: Uri) -> io::Result<Noted> {
        let host = uri.host().expect("hyper connects to a host").to_owned();
        let address = *self.others.get(&*host).unwrap_or(&self.usual);
        self.sent.lock().unwrap().entry(host.clone()).or_default().connections += 1;
        Ok(Noted { stream: TcpStream::connect(address).await?, host, sent: Arc::clone(&self.sent) })
    }

    /// Returns how often a host was connected to.
    pub fn connections(&self, host: &str) -> usize {
        self.sent.lock().unwrap().get(host).map_or(0, |sent| sent.connections)
    }

    /// Returns how many bytes were sent to a host.
    pub fn bytes(&self, host: &str) -> u64 {
        self.sent.lock().unwrap().get(host).map_or(0, |sent| sent.bytes)
    }

    /// Returns how many bytes of body were sent to a host that got one request.
    pub fn body_bytes(&self, host: &str) -> u64 {
        let sent = self.sent.lock().unwrap();
        let sent = &sent[host];
        let end = sent.first.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
        sent.bytes - (end as u64 + 4)
    }
}

/// A connection whose host is known.
pub struct Noted {
    stream: TcpStream,
    host: String,
    sent: Arc<Mutex<HashMap<String, Sent>>>,
}

impl Noted {
    fn note(&self, written: &[u8]) {
        let mut sent = self.sent.lock().unwrap();
        let sent = sent.get_mut(&self.host).expect("it was noted when it was connected");
        sent.bytes += written.len() as u64;
        let room = (KEPT - sent.first.len()).min(written.len());
        sent.first.extend_from_slice(&written[..room]);
    }
}

impl AsyncRead for Noted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Noted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.note(&buf[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Connection for Noted {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
