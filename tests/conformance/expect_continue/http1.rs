//! The server's side of an HTTP/1 connection, byte by byte.

use std::{io, time::Instant};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::{TcpStream, tcp::OwnedReadHalf},
};

use super::{
    line::Line,
    stage::{End, Received, Stage},
};

/// Reads requests until the client ends the connection. Only probes are answered here.
///
/// What follows a head that announces content is that content, whatever was answered meanwhile.
pub async fn serve(stream: TcpStream, connection: usize, stage: &Stage) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let port = stream.peer_addr()?.port();
    let (read, write) = stream.into_split();
    let line = Line::http1(write);
    let mut read = BufReader::with_capacity(64 * 1024, read);
    let served = requests(&mut read, port, connection, &line, stage).await;
    line.hang_up().await;
    served
}

async fn requests(
    read: &mut BufReader<OwnedReadHalf>,
    port: u16,
    connection: usize,
    line: &Line,
    stage: &Stage,
) -> io::Result<()> {
    while let Some(request) = read_head(read, port, connection, line, stage).await? {
        let framing = Framing::of(&request);
        let number = stage.arrived(request);
        let trailers = match framing {
            Framing::Length(length) => {
                read_content(read, length, number, stage).await?;
                Vec::new()
            }
            Framing::Chunked => read_chunks(read, number, stage).await?,
        };
        stage.complete(number, trailers);
        if number.is_none() {
            line.say_ok().await?;
        }
    }
    Ok(())
}

/// Reads a request up to its content; `None` if the connection ends before.
async fn read_head(
    read: &mut BufReader<OwnedReadHalf>,
    port: u16,
    connection: usize,
    line: &Line,
    stage: &Stage,
) -> io::Result<Option<Received>> {
    let Some(first) = read_line(read).await? else { return Ok(None) };
    let mut words = first.split(' ');
    let (Some(origin), Some(method), Some(target)) =
        (stage.network.origin(port), words.next(), words.next())
    else {
        return Err(io::Error::other(format!("no request line: {first}")));
    };
    let fields = read_fields(read).await?;
    Ok(Some(Received {
        connection,
        method: method.to_owned(),
        url: origin.url(target),
        fields,
        head_at: Instant::now(),
        content_at: None,
        content: Vec::new(),
        trailers: Vec::new(),
        end: End::Open,
        line: line.clone(),
    }))
}

/// What ends the content of a request.
enum Framing {
    Length(usize),
    Chunked,
}

impl Framing {
    fn of(request: &Received) -> Self {
        if request.values("transfer-encoding").any(|value| value.eq_ignore_ascii_case("chunked")) {
            return Self::Chunked;
        }
        let length = request.values("content-length").next().and_then(|value| value.parse().ok());
        Self::Length(length.unwrap_or(0))
    }
}

/// Reads so many bytes, and notes each as it comes.
async fn read_content(
    read: &mut BufReader<OwnedReadHalf>,
    mut left: usize,
    number: Option<usize>,
    stage: &Stage,
) -> io::Result<()> {
    while left > 0 {
        let bytes = read.fill_buf().await?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let count = bytes.len().min(left);
        stage.content(number, &bytes[..count]);
        read.consume(count);
        left -= count;
    }
    Ok(())
}

/// Reads chunks to the last, and returns the trailers.
async fn read_chunks(
    read: &mut BufReader<OwnedReadHalf>,
    number: Option<usize>,
    stage: &Stage,
) -> io::Result<Vec<(String, String)>> {
    loop {
        let line = read_line(read).await?.unwrap_or_default();
        let size = usize::from_str_radix(&line, 16).map_err(io::Error::other)?;
        if size == 0 {
            return read_fields(read).await;
        }
        read_content(read, size, number, stage).await?;
        read_line(read).await?;
    }
}

/// Reads fields up to an empty line.
async fn read_fields(read: &mut BufReader<OwnedReadHalf>) -> io::Result<Vec<(String, String)>> {
    let mut fields = Vec::new();
    loop {
        let line = read_line(read).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if line.is_empty() {
            return Ok(fields);
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        fields.push((name.to_owned(), value.trim().to_owned()));
    }
}

/// Reads a line without its end; `None` if there is none.
async fn read_line(read: &mut BufReader<OwnedReadHalf>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    read.read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Ok(None);
    }
    let Some(line) = line.strip_suffix(b"\r\n") else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    Ok(Some(String::from_utf8_lossy(line).into_owned()))
}
