//! What is uploaded.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Full;
use tokio::io::{AsyncRead, ReadBuf};
use tower_follow_redirect::BodyFactory;

use crate::{cli::Cli, failure::Failure};

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// Where the content of a request comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Nothing,
    Data(Bytes),
    File(PathBuf),
    Stdin,
}

impl Source {
    /// Finds out what the flags upload; `-d` is read here, `-T` when it is sent.
    pub(crate) fn of(cli: &Cli) -> Result<Self, Failure> {
        match &cli.upload_file {
            Some(path) if path == Path::new("-") => Ok(Self::Stdin),
            Some(path) => Ok(Self::File(path.clone())),
            None if cli.data.is_empty() => Ok(Self::Nothing),
            None => {
                let parts: Result<Vec<_>, _> =
                    cli.data.iter().map(|data| read_data(data)).collect();
                // As curl does for several.
                Ok(Self::Data(parts?.join(&b'&').into()))
            }
        }
    }

    /// Opens the body of one request, and says how to open it again where that is possible.
    pub(crate) fn open(&self) -> Result<(Body, Option<BodyFactory<Body>>), Failure> {
        Ok(match self {
            Self::Nothing => (Body::empty(), None),
            Self::Data(data) => (Body::Data(Full::new(data.clone())), None),
            Self::Stdin => (Body::Reader(Reader::new(tokio::io::stdin(), None)), None),
            Self::File(path) => {
                let body = open(path).map_err(|error| Failure::read(&path.display(), &error))?;
                // What is no regular file (a pipe, say) gives its content once.
                let again = body.size_hint().exact().map(|_| reopener(path.clone()));
                (body, again)
            }
        })
    }
}

/// Reads the argument of `-d`: a string, or `@` and the name of a file.
fn read_data(data: &str) -> Result<Vec<u8>, Failure> {
    let Some(name) = data.strip_prefix('@') else { return Ok(data.into()) };
    let content = match name {
        "-" => {
            let mut content = Vec::new();
            io::stdin().read_to_end(&mut content).map(|_| content)
        }
        _ => std::fs::read(name),
    };
    content.map_err(|error| Failure::read(&name, &error))
}

fn open(path: &Path) -> io::Result<Body> {
    let file = std::fs::File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let length = metadata.is_file().then_some(metadata.len());
    Ok(Body::Reader(Reader::new(tokio::fs::File::from_std(file), length)))
}

fn reopener(path: PathBuf) -> BodyFactory<Body> {
    BodyFactory::fallible(move || {
        open(&path).map_err(|error| format!("cannot read {} again: {error}", path.display()))
    })
}

/// The content of a request.
pub(crate) enum Body {
    Data(Full<Bytes>),
    Reader(Reader),
}

impl Body {
    fn empty() -> Self {
        Self::Data(Full::default())
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Data(data) => Pin::new(data).poll_frame(cx).map_err(|never| match never {}),
            Self::Reader(reader) => reader.poll_chunk(cx).map_ok(Frame::data),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Data(data) => data.is_end_stream(),
            Self::Reader(reader) => reader.left == Some(0),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Data(data) => data.size_hint(),
            Self::Reader(reader) => reader.left.map_or_else(SizeHint::new, SizeHint::with_exact),
        }
    }
}

/// Content that is read when it is asked for, and not before.
pub(crate) struct Reader {
    source: Pin<Box<dyn AsyncRead + Send>>,
    buffer: BytesMut,
    /// How much is still to come, where that is known.
    left: Option<u64>,
}

impl Reader {
    fn new(source: impl AsyncRead + Send + 'static, length: Option<u64>) -> Self {
        Self { source: Box::pin(source), buffer: BytesMut::new(), left: length }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let room =
            self.left.map_or(CHUNK, |left| usize::try_from(left).unwrap_or(CHUNK).min(CHUNK));
        if room == 0 {
            return Poll::Ready(None);
        }
        self.buffer.resize(room, 0);
        let mut buffer = ReadBuf::new(&mut self.buffer);
        if let Err(error) = ready!(self.source.as_mut().poll_read(cx, &mut buffer)) {
            return Poll::Ready(Some(Err(error)));
        }
        let count = buffer.filled().len();
        match (&mut self.left, count) {
            (None, 0) => return Poll::Ready(None),
            (Some(_), 0) => {
                return Poll::Ready(Some(Err(io::Error::other("the file became shorter"))));
            }
            (Some(left), _) => *left -= count as u64,
            (None, _) => {}
        }
        Poll::Ready(Some(Ok(self.buffer.split_to(count).freeze())))
    }
}
