//! Uploads `ha ha\n` to Amazon S3, which sends the upload to another host.
//!
//! It is the example of "Request Redirection and the REST API" in Amazon's developer guide. The
//! bucket `quotes` is new: its usual host answers the PUT with 307. A client must then send method,
//! `Authorization`, `Date` and body elsewhere; and since it asked with `Expect: 100-continue`, no
//! byte of the body may have left for the host that has no use for it.
//!
//! Two servers on loopback play the hosts, and say what the guide prints. They note what goes over
//! their sockets: that is the transcript, `>` from the client and `<` from the server. Then the
//! promises are checked, and the example fails if one is broken.
//!
//!     cargo run --example s3_put

use std::{io, str};

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use md5::{Digest, Md5};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_follow_redirect::{FollowRedirectLayer, policy::S3};

const BUCKET: &str = "quotes.s3.amazonaws.com";
const TEMPORARY: &str = "quotes.s3-4c25d83b.amazonaws.com";
/// It signs method, path and `Date`, but no host: it holds at both.
const AUTHORIZATION: &str = "AWS AKIAIOSFODNN7EXAMPLE:MyyxeRY7whkBe+bq8fHCL/2kKUg=";
const DATE: &str = "Mon, 15 Oct 2007 22:18:46 +0000";
const ETAG: &str = "\"a2c8d6b872054293afd41061e93bc289\"";
const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Error>
  <Code>TemporaryRedirect</Code>
  <Message>Please re-send this request to the specified temporary endpoint.
  Continue to use the original request endpoint for future requests.</Message>
  <Endpoint>quotes.s3-4c25d83b.amazonaws.com</Endpoint>
  <Bucket>quotes</Bucket>
</Error>
"#;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let bucket = TcpListener::bind("127.0.0.1:0").await?;
    let temporary = TcpListener::bind("127.0.0.1:0").await?;
    let addresses = (bucket.local_addr()?, temporary.local_addr()?);
    let (bucket, temporary) = (tokio::spawn(redirect(bucket)), tokio::spawn(store(temporary)));

    // Takes the place of DNS: both names lead to loopback.
    let connect = service_fn(move |uri: Uri| {
        let address = if uri.host() == Some(TEMPORARY) { addresses.1 } else { addresses.0 };
        Box::pin(async move { TcpStream::connect(address).await.map(TokioIo::new) })
    });
    let client =
        Client::builder(TokioExecutor::new()).http1_title_case_headers(true).build(connect);
    let layer = FollowRedirectLayer::new().with_policy(S3::new());

    let request = Request::put(format!("http://{BUCKET}/nelson.txt"))
        .header(header::DATE, DATE)
        .header(header::AUTHORIZATION, AUTHORIZATION)
        .header(header::EXPECT, "100-continue")
        .body(Full::new(Bytes::from("ha ha\n")))?;
    let response = layer.layer(client).oneshot(request).await?;
    let etag = response.headers().get(header::ETAG).ok_or("the upload was not accepted")?;
    let (bucket, temporary) = (bucket.await??, temporary.await??);
    bucket.print(BUCKET);
    temporary.print(TEMPORARY);

    let wasted = bucket.body().len();
    println!("body bytes at the wrong host: {wasted}");
    assert_eq!(wasted, 0, "a part of the body went to the host that redirects");
    for (name, value) in [("Authorization", AUTHORIZATION), ("Date", DATE)] {
        assert_eq!(temporary.field(name), Some(value), "{name} did not arrive unchanged");
        println!("{name} at the right host: unchanged");
    }
    assert_eq!(etag, ETAG, "the right host did not get the body");
    println!("ETag {ETAG}, the MD5 of what arrived: ok");
    Ok(())
}

/// The host that redirects: it answers the head of the request, and then only listens.
async fn redirect(listener: TcpListener) -> Result<Connection, BoxError> {
    let answer = format!(
        "HTTP/1.1 307 Temporary Redirect\r\n\
         Location: http://{TEMPORARY}/nelson.txt?rk=8d47490b\r\n\
         Content-Type: application/xml\r\n\
         Transfer-Encoding: chunked\r\n\
         Date: Mon, 15 Oct 2007 22:18:46 GMT\r\n\
         Server: AmazonS3\r\n\r\n\
         {:x}\r\n{XML}\r\n0\r\n\r\n",
        XML.len()
    );
    let mut connection = Connection::accept(listener).await?;
    connection.read_until(|request| request.head().is_some()).await?;
    connection.write(&answer).await?;
    // Whatever else comes would be wasted.
    connection.read_until(|_| false).await?;
    Ok(connection)
}

/// The host that stores: it asks for the body, and answers with its MD5.
async fn store(listener: TcpListener) -> Result<Connection, BoxError> {
    let mut connection = Connection::accept(listener).await?;
    connection.read_until(|request| request.head().is_some()).await?;
    connection.write("HTTP/1.1 100 Continue\r\n\r\n").await?;
    let length: usize = connection.field("content-length").ok_or("no Content-Length")?.parse()?;
    connection.read_until(|request| request.body().len() >= length).await?;
    let md5 = Bytes::copy_from_slice(&Md5::digest(connection.body()));
    let answer = format!(
        "HTTP/1.1 200 OK\r\n\
         Date: Mon, 15 Oct 2007 22:18:48 GMT\r\n\
         ETag: \"{md5:x}\"\r\n\
         Content-Length: 0\r\n\
         Server: AmazonS3\r\n\r\n"
    );
    connection.write(&answer).await?;
    Ok(connection)
}

/// The server's side of a connection with one request, and all that was said on it.
struct Connection {
    stream: TcpStream,
    /// The parts in order: `>` is said by the client, `<` by the server.
    said: Vec<(char, Vec<u8>)>,
    received: Vec<u8>,
}

impl Connection {
    async fn accept(listener: TcpListener) -> io::Result<Self> {
        let (stream, _) = listener.accept().await?;
        Ok(Self { stream, said: Vec::new(), received: Vec::new() })
    }

    /// Reads until it is enough, or the client has nothing more to say.
    async fn read_until(&mut self, enough: impl Fn(&Self) -> bool) -> io::Result<()> {
        let mut part = [0; 1024];
        while !enough(self) {
            let part = match self.stream.read(&mut part).await? {
                0 => break,
                length => &part[..length],
            };
            self.received.extend_from_slice(part);
            self.note('>', part);
        }
        Ok(())
    }

    async fn write(&mut self, text: &str) -> io::Result<()> {
        self.note('<', text.as_bytes());
        self.stream.write_all(text.as_bytes()).await
    }

    fn note(&mut self, side: char, part: &[u8]) {
        match self.said.last_mut() {
            Some((last, said)) if *last == side => said.extend_from_slice(part),
            _ => self.said.push((side, part.into())),
        }
    }

    fn head(&self) -> Option<&str> {
        let received = str::from_utf8(&self.received).ok()?;
        received.split_once("\r\n\r\n").map(|(head, _)| head)
    }

    fn body(&self) -> &[u8] {
        self.head().map_or(&[], |head| &self.received[head.len() + 4..])
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.head()?.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn print(&self, host: &str) {
        println!("--- {host}");
        for (side, bytes) in &self.said {
            String::from_utf8_lossy(bytes).lines().for_each(|line| println!("{side} {line}"));
        }
        println!();
    }
}
