//! Uploads a file with reqwest to a server that sends it elsewhere in the middle of it.
//!
//! Two servers on loopback: one answers 307 when it has read a little, the other stores the file.
//!
//!     cargo run --manifest-path interop/reqwest/Cargo.toml --example upload

use std::io;

use http::{Request, header};
use reqwest::Body;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_follow_redirect::{FollowRedirectLayer, History};
use tower_follow_redirect_reqwest::Reqwest;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let front = TcpListener::bind("127.0.0.1:0").await?;
    let store = TcpListener::bind("127.0.0.1:0").await?;
    let (old, new) = (front.local_addr()?, store.local_addr()?);
    let front = tokio::spawn(redirect(front, format!("http://{new}/file")));
    let store = tokio::spawn(receive(store));

    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .service(Reqwest::new(reqwest::Client::builder().no_proxy())?);

    let file = File::open(FILE).await?;
    let request = Request::put(format!("http://{old}/file"))
        .header(header::AUTHORIZATION, "Bearer secret")
        .header(header::CONTENT_LENGTH, file.metadata().await?.len())
        .body(Body::from(file))?;
    let response = client.oneshot(request).await?;

    let history = History::of(&response).ok_or("it was not redirected")?;
    for hop in history.hops() {
        println!("{} {} was answered with {}", hop.method(), hop.uri(), hop.status());
    }
    println!("it is at {} now", history.effective_url());
    // From here on it is a response of reqwest again, with `text`, `json`, `bytes_stream` …
    let response = reqwest::Response::from(response.map(Body::wrap)).error_for_status()?;
    println!("the server says: {}", response.text().await?);

    let (wasted, stored) = (front.await??, store.await??);
    println!("{} bytes went to the first server before it was redirected", wasted.content.len());
    assert_eq!(stored.content, std::fs::read(FILE)?, "the file did not arrive whole");
    assert!(wasted.head.contains("Bearer secret"));
    assert!(!stored.head.contains("Bearer secret"), "a credential went to another origin");
    Ok(())
}

/// What a server has got.
#[derive(Default)]
struct Received {
    head: String,
    content: Vec<u8>,
}

async fn redirect(listener: TcpListener, location: String) -> io::Result<Received> {
    let (mut stream, _) = listener.accept().await?;
    let mut received = Received::default();
    received.read_until(&mut stream, |received| received.content.len() > 1000).await?;
    let answer = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    received.read_until(&mut stream, |_| false).await?;
    Ok(received)
}

async fn receive(listener: TcpListener) -> io::Result<Received> {
    let (mut stream, _) = listener.accept().await?;
    let mut received = Received::default();
    received
        .read_until(&mut stream, |received| received.content.len() == received.length())
        .await?;
    let answer = format!("{} bytes, thank you", received.content.len());
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
    stream.write_all((head + &answer).as_bytes()).await?;
    Ok(received)
}

impl Received {
    /// Reads until it is enough, or the client ends the connection, however it does.
    async fn read_until(
        &mut self,
        stream: &mut TcpStream,
        enough: impl Fn(&Self) -> bool,
    ) -> io::Result<()> {
        let mut part = [0; 4096];
        while self.head.is_empty() || !enough(self) {
            let length = stream.read(&mut part).await.unwrap_or(0);
            if length == 0 {
                break;
            }
            self.content.extend_from_slice(&part[..length]);
            let end = self.content.windows(4).position(|window| window == b"\r\n\r\n");
            if let (true, Some(end)) = (self.head.is_empty(), end) {
                let head = self.content.drain(..end + 4).collect();
                self.head = String::from_utf8(head).map_err(io::Error::other)?;
            }
        }
        Ok(())
    }

    fn length(&self) -> usize {
        let field = self.head.lines().find_map(|line| line.strip_prefix("content-length: "));
        field.and_then(|length| length.parse().ok()).unwrap_or(0)
    }
}
