//! A way to a server that is slow, or leads to another.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::sleep,
};

/// Ends, with all its connections, when it is dropped.
pub(crate) struct Forward {
    port: u16,
    way: Arc<Way>,
    _task: JoinSet<()>,
}

#[derive(Default)]
struct Way {
    port: AtomicU16,
    delay_millis: AtomicU64,
    answer_millis: AtomicU64,
    connections: AtomicUsize,
}

impl Forward {
    pub(crate) async fn start(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let way = Arc::new(Way { port: port.into(), ..Way::default() });
        let port = listener.local_addr().unwrap().port();
        let mut task = JoinSet::new();
        task.spawn(accept(listener, way.clone()));
        Self { port, way, _task: task }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Sets where connections to come lead.
    pub(crate) fn lead_to(&self, port: u16) {
        self.way.port.store(port, SeqCst);
    }

    /// Sets how long a connection to come takes until something passes.
    pub(crate) fn delay(&self, time: Duration) {
        self.way.delay_millis.store(time.as_millis() as u64, SeqCst);
    }

    /// Sets how long an answer takes.
    pub(crate) fn answer_after(&self, time: Duration) {
        self.way.answer_millis.store(time.as_millis() as u64, SeqCst);
    }

    pub(crate) fn connections(&self) -> usize {
        self.way.connections.load(SeqCst)
    }
}

async fn accept(listener: TcpListener, way: Arc<Way>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        way.connections.fetch_add(1, SeqCst);
        connections.spawn(forward(stream, way.clone()));
    }
}

async fn forward(stream: TcpStream, way: Arc<Way>) {
    let port = way.port.load(SeqCst);
    sleep(Duration::from_millis(way.delay_millis.load(SeqCst))).await;
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
        return;
    };
    let (mut from_client, to_client) = stream.into_split();
    let (from_server, mut to_server) = server.into_split();
    tokio::select! {
        _ = copy(&mut from_client, &mut to_server) => {}
        _ = answer(from_server, to_client, &way) => {}
    }
}

async fn answer(
    mut server: impl AsyncRead + Unpin,
    mut client: impl AsyncWrite + Unpin,
    way: &Way,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = server.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        match way.answer_millis.load(SeqCst) {
            0 => {}
            millis => sleep(Duration::from_millis(millis)).await,
        }
        client.write_all(&buffer[..length]).await?;
    }
}
