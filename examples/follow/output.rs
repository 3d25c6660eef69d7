//! Where responses go: standard output, or a file.

use std::{
    io::Write,
    path::{Path, PathBuf},
    pin::Pin,
};

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::{failure::Failure, wire::Exchange};

/// `-o`, opened when there is something to write.
pub(crate) struct Output {
    path: Option<PathBuf>,
    sink: Option<Pin<Box<dyn AsyncWrite>>>,
    is_mid_line: bool,
}

impl Output {
    pub(crate) fn new(path: Option<&Path>) -> Self {
        let path = path.filter(|path| *path != Path::new("-"));
        Self { path: path.map(Into::into), sink: None, is_mid_line: false }
    }

    /// Writes a body as it arrives; `url` is what it is the body of.
    pub(crate) async fn body<B>(&mut self, url: &str, mut body: B) -> Result<(), Failure>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: std::error::Error,
    {
        self.write(&[]).await?;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Failure::response_body(url, &error))?;
            if let Ok(data) = frame.into_data() {
                self.write(&data).await?;
            }
        }
        Ok(())
    }

    /// Writes the head of every response, as `curl -I` does.
    pub(crate) async fn heads(&mut self, exchanges: &[Exchange]) -> Result<(), Failure> {
        for answer in exchanges.iter().filter_map(|exchange| exchange.answer.as_ref()) {
            let mut head = format!("{:?} {}\r\n", answer.version, answer.status).into_bytes();
            for (name, value) in &answer.headers {
                head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
            }
            head.extend(b"\r\n");
            self.write(&head).await?;
        }
        Ok(())
    }

    /// Begins a new line on standard output, if something else is written there next.
    pub(crate) async fn end_line(&mut self) -> Result<(), Failure> {
        if self.path.is_none() && self.is_mid_line { self.write(b"\n").await } else { Ok(()) }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.is_mid_line = bytes.last().map_or(self.is_mid_line, |last| *last != b'\n');
        let written = match self.open().await {
            Ok(sink) => match sink.write_all(bytes).await {
                // tokio writes in the background: what has failed is known after a flush.
                Ok(()) => sink.flush().await,
                error => error,
            },
            Err(error) => Err(error),
        };
        let name = self.path.as_deref().unwrap_or_else(|| Path::new("standard output"));
        written.map_err(|error| Failure::write(&name.display(), &error))
    }

    async fn open(&mut self) -> std::io::Result<&mut Pin<Box<dyn AsyncWrite>>> {
        let sink: Pin<Box<dyn AsyncWrite>> = match (self.sink.take(), &self.path) {
            (Some(sink), _) => sink,
            (None, Some(path)) => Box::pin(tokio::fs::File::create(path).await?),
            (None, None) => Box::pin(tokio::io::stdout()),
        };
        Ok(self.sink.insert(sink))
    }
}

/// Writes to standard output, which may be gone.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|error| Failure::write(&"standard output", &error))
}
