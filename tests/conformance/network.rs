//! One listener on loopback to which every origin of a vector leads.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http::Uri;
use tokio::net::TcpStream;

use crate::url::Origin;

/// Leads every origin to one address, and remembers which was meant.
#[derive(Clone)]
pub struct Network {
    addr: SocketAddr,
    /// Which origin a client's port was connected for: neither Host nor the request line says so.
    origins: Arc<Mutex<HashMap<u16, Origin>>>,
}

impl Network {
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr, origins: Arc::default() }
    }

    /// Connects to the server as if it were the origin of `uri`.
    pub async fn connect(&self, uri: &Uri) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.addr).await?;
        stream.set_nodelay(true)?;
        self.origins.lock().unwrap().insert(stream.local_addr()?.port(), origin(uri));
        Ok(stream)
    }

    /// Returns the origin that a client's port was connected for.
    pub fn origin(&self, port: u16) -> Option<Origin> {
        self.origins.lock().unwrap().get(&port).cloned()
    }
}

fn origin(uri: &Uri) -> Origin {
    let port = uri.port().map(|port| port.to_string());
    Origin::new(uri.scheme_str().unwrap_or(""), uri.host().unwrap_or(""), port.as_deref())
}
