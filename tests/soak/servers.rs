//! The two servers of a soak: a front that redirects early, and a target that stores.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{
    body::is_part,
    raw::{Connection, OK, Server, field, redirect},
};

/// What the front does with an upload once it has answered 307.
#[derive(Clone, Copy, Debug)]
pub enum Front {
    /// Closes the connection, whatever is still unread. If there is anything, that is a reset.
    ClosesUnread,
    /// Reads on until the client ends the connection.
    Drains,
}

/// What has come to the servers.
#[derive(Default)]
pub struct Seen {
    /// Body bytes at the front.
    pub wasted: AtomicU64,
    /// Connections that the front has seen the end of.
    pub ended: AtomicUsize,
    /// Body bytes at the target, each at its place.
    pub stored: AtomicU64,
}

/// Starts the front, which counts how much of a body comes to it.
pub async fn divert(front: Front, location: &str, seen: Arc<Seen>) -> Server {
    let answer = redirect(307, location);
    Server::start(move |mut connection, _| {
        let (answer, seen) = (answer.clone(), Arc::clone(&seen));
        async move {
            let body = match front {
                Front::ClosesUnread => close_unread(&mut connection.stream, &answer).await,
                Front::Drains => drain(&mut connection, &answer).await,
            };
            drop(connection);
            seen.wasted.fetch_add(body as u64, Ordering::SeqCst);
            seen.ended.fetch_add(1, Ordering::SeqCst);
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

/// Starts the target, which counts what it receives.
pub async fn store(seen: Arc<Seen>) -> Server {
    Server::start(move |mut connection, _| {
        let seen = Arc::clone(&seen);
        async move {
            while let Some(head) = connection.head().await {
                assert_eq!(field(&head, "expect"), Some("100-continue"));
                connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
                let length = field(&head, "content-length").unwrap().parse().unwrap();
                seen.stored.fetch_add(receive(&mut connection, length).await, Ordering::SeqCst);
                connection.say(OK).await;
            }
        }
    })
    .await
}

/// Reads a body, and returns how much of it was right.
async fn receive(connection: &mut Connection, length: u64) -> u64 {
    let mut right = 0;
    let check = |part: &[u8], position| {
        if is_part(part, position) {
            right += part.len() as u64;
        }
    };
    connection.show(length, check).await;
    right
}
