//! A server that plays the part a vector has written for it, for every origin at once.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, Write},
    sync::{Arc, Mutex},
};

use flate2::{Compression, write::GzEncoder};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::vectors::{Encoding, Generated, Hop, Pattern, Vector};
use crate::{network::Network, url::Url};

/// The listener of one vector.
pub struct Server {
    stage: Arc<Stage>,
    accepting: JoinHandle<()>,
}

/// What all connections share.
struct Stage {
    script: Mutex<Script>,
    network: Network,
    received: Mutex<Vec<Received>>,
}

/// A request as it came over the wire.
#[derive(Clone)]
pub struct Received {
    pub method: String,
    pub url: Url,
    pub fields: Vec<(String, String)>,
    pub content: Vec<u8>,
    pub scripted: Scripted,
}

impl Received {
    /// Returns the values of a field.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_name = self.fields.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_str())
    }
}

/// Whether a request has its place in the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripted {
    Yes,
    No,
}

impl Server {
    pub async fn start(vector: &Vector) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let network = Network::new(listener.local_addr()?);
        let stage = Arc::new(Stage {
            script: Mutex::new(Script::of(vector)),
            network,
            received: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&stage)));
        Ok(Self { stage, accepting })
    }

    pub fn network(&self) -> &Network {
        &self.stage.network
    }

    /// Returns the requests so far, in the order in which they were complete.
    pub fn received(&self) -> Vec<Received> {
        self.stage.received.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, stage: Arc<Stage>) {
    while let Ok((stream, peer)) = listener.accept().await {
        let stage = Arc::clone(&stage);
        // A connection that breaks is the client's decision.
        tokio::spawn(async move { serve(stream, peer.port(), &stage).await });
    }
}

async fn serve(stream: TcpStream, port: u16, stage: &Stage) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(mut request) = read_head(&mut stream, port, stage).await? {
        request.content = read_content(&mut stream, &request).await?;
        let answer = stage.script.lock().unwrap().answer(&request.url);
        request.scripted = if answer.is_some() { Scripted::Yes } else { Scripted::No };
        let method = request.method.clone();
        stage.received.lock().unwrap().push(request);
        match answer {
            Some(hop) => stream.write_all(&response(&hop, &method)).await?,
            None => stream.write_all(UNSCRIPTED).await?,
        }
    }
    Ok(())
}

const UNSCRIPTED: &[u8] = b"HTTP/1.1 501 Not in the script\r\ncontent-length: 0\r\n\r\n";

/// Reads a request up to its content; `None` if the connection ends before.
async fn read_head(
    stream: &mut BufReader<TcpStream>,
    port: u16,
    stage: &Stage,
) -> io::Result<Option<Received>> {
    let Some(line) = read_line(stream).await? else { return Ok(None) };
    let origin = stage.network.origin(port);
    let mut words = line.split(' ');
    let (Some(origin), Some(method), Some(target)) = (origin, words.next(), words.next()) else {
        return Err(io::Error::other(format!("no request line: {line}")));
    };
    let mut fields = Vec::new();
    while let Some(line) = read_line(stream).await?.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(Some(Received {
        method: method.to_owned(),
        url: origin.url(target),
        fields,
        content: Vec::new(),
        scripted: Scripted::No,
    }))
}

/// Reads the content whole before anything is answered, as most servers do.
async fn read_content(
    stream: &mut BufReader<TcpStream>,
    request: &Received,
) -> io::Result<Vec<u8>> {
    let has = |name, token: &str| request.values(name).any(|v| v.eq_ignore_ascii_case(token));
    if has("expect", "100-continue") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    if has("transfer-encoding", "chunked") {
        return read_chunks(stream).await;
    }
    let length = request.values("content-length").next().and_then(|value| value.parse().ok());
    let mut content = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut content).await?;
    Ok(content)
}

async fn read_chunks(stream: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let line = read_line(stream).await?.unwrap_or_default();
        let size = usize::from_str_radix(&line, 16).map_err(io::Error::other)?;
        if size == 0 {
            break;
        }
        let start = content.len();
        content.resize(start + size, 0);
        stream.read_exact(&mut content[start..]).await?;
        read_line(stream).await?;
    }
    while read_line(stream).await?.is_some_and(|trailer| !trailer.is_empty()) {}
    Ok(content)
}

/// Reads a line without its end, each byte as a code point.
async fn read_line(stream: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    let line = line.strip_suffix(b"\r\n").unwrap_or(&line);
    Ok(Some(latin1(line)))
}

/// Writes bytes as a string: each byte is a code point.
pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// The answers that are left for each URL.
struct Script(HashMap<Url, VecDeque<Hop>>);

impl Script {
    fn of(vector: &Vector) -> Self {
        let mut script = HashMap::<_, VecDeque<_>>::new();
        for hop in &vector.hops {
            script.entry(Url::parse(&hop.url).0).or_default().push_back(hop.clone());
        }
        // Where an alternative leads further than the main expectation, the script ends before it.
        for (_, expect) in vector.choices().into_iter().skip(1) {
            let Some(url) = expect.final_url else { continue };
            let url = Url::parse(&url).0;
            script.entry(url).or_insert_with(|| VecDeque::from([Hop::last()]));
        }
        Self(script)
    }

    fn answer(&mut self, url: &Url) -> Option<Hop> {
        let hops = self.0.get_mut(url)?;
        match hops.front() {
            Some(hop) if hop.repeat => Some(hop.clone()),
            _ => hops.pop_front(),
        }
    }
}

impl Hop {
    fn last() -> Self {
        Self {
            url: String::new(),
            status: 200,
            headers: Vec::new(),
            body: Default::default(),
            repeat: false,
            body_gen: None,
        }
    }

    fn content(&self) -> Vec<u8> {
        match self.body_gen {
            Some(generated) => generated.make(),
            None => self.body.0.clone(),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(found, _)| found.eq_ignore_ascii_case(name))
    }
}

/// Writes a response to `method`, framed as it must be where the script does not frame it.
fn response(hop: &Hop, method: &str) -> Vec<u8> {
    let mut message = format!("HTTP/1.1 {} Scripted\r\n", hop.status).into_bytes();
    for (name, value) in &hop.headers {
        message.extend_from_slice(name.as_bytes());
        message.extend_from_slice(b": ");
        message.extend_from_slice(&value.0);
        message.extend_from_slice(b"\r\n");
    }
    if method == "HEAD" || matches!(hop.status, 204 | 304) {
        message.extend_from_slice(b"\r\n");
        return message;
    }
    let content = hop.content();
    if hop.has("transfer-encoding") {
        message.extend_from_slice(b"\r\n");
        message.extend(chunked(&content));
    } else {
        if !hop.has("content-length") {
            message.extend(format!("content-length: {}\r\n", content.len()).into_bytes());
        }
        message.extend_from_slice(b"\r\n");
        message.extend(content);
    }
    message
}

fn chunked(content: &[u8]) -> Vec<u8> {
    if content.is_empty() {
        return b"0\r\n\r\n".into();
    }
    let size = format!("{:x}\r\n", content.len());
    [size.as_bytes(), content, b"\r\n0\r\n\r\n"].concat()
}

impl Generated {
    fn make(self) -> Vec<u8> {
        let Pattern::Zeros = self.of;
        match self.encoding {
            Encoding::Identity => vec![0; self.bytes],
            Encoding::Gzip => gzip_bomb(self.bytes),
        }
    }
}

/// Compresses so many zeros in members of 1 MiB, all the same ([RFC 1952 §2.2]).
///
/// [RFC 1952 §2.2]: https://www.rfc-editor.org/rfc/rfc1952#section-2.2
fn gzip_bomb(zeros: usize) -> Vec<u8> {
    const MEMBER: usize = 1 << 20;
    let mut bomb = gzip(&vec![0; MEMBER]).repeat(zeros / MEMBER);
    bomb.extend(gzip(&vec![0; zeros % MEMBER]));
    bomb
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).and_then(|()| encoder.finish()).expect("a Vec takes all bytes")
}
