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
    io::copy_bidirectional,
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

    pub(crate) fn connections(&self) -> usize {
        self.way.connections.load(SeqCst)
    }
}

async fn accept(listener: TcpListener, way: Arc<Way>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        way.connections.fetch_add(1, SeqCst);
        connections.spawn(forward(stream, way.port.load(SeqCst), way.delay_millis.load(SeqCst)));
    }
}

async fn forward(mut stream: TcpStream, port: u16, delay_millis: u64) {
    sleep(Duration::from_millis(delay_millis)).await;
    if let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        _ = copy_bidirectional(&mut stream, &mut server).await;
    }
}
