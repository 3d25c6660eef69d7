//! A server that one can neither connect to nor be refused by.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A listener with no room for another connection: who connects waits.
pub struct Full {
    _listener: TcpListener,
    _connection: TcpStream,
}

impl Full {
    /// The listener, and one end of each connection that it has room for but has not accepted.
    pub const SOCKETS: usize = 2;

    pub async fn new() -> (SocketAddr, Self) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        // Linux has room for one all the same.
        let listener = socket.listen(0).unwrap();
        let addr = listener.local_addr().unwrap();
        let connection = TcpStream::connect(addr).await.unwrap();
        (addr, Self { _listener: listener, _connection: connection })
    }
}
