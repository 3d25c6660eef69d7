//! A file as a request body, which can be sent again.

use std::{
    fmt,
    fs::{self, File},
    io,
    ops::Range,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::disk::{self, Job};

/// The content of a file, or a part of it, as a request body.
///
/// It has a known length, is read on tokio's threads for blocking work, 256 KiB at a time, and needs
/// no record: [`FollowRedirect`](crate::FollowRedirect) reads it again from the same open file, also
/// if that was renamed or removed meanwhile. In another body (a boxed one) it is recorded as any
/// other; give a [`BodyFactory`](crate::BodyFactory) then, of clones of this.
///
/// ```
/// use http::Request;
/// use tower_follow_redirect::FileBody;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower::BoxError> {
/// # let path = std::env::temp_dir().join("nelson.txt");
/// # std::fs::write(&path, "ha ha\n")?;
/// let body = FileBody::open(&path).await?;
/// assert_eq!(body.len(), 6);
/// let request = Request::put("http://a.test/nelson.txt").body(body)?;
/// # Ok(())
/// # }
/// ```
pub struct FileBody {
    file: Arc<File>,
    range: Range<u64>,
    position: u64,
    reading: Option<Job<Bytes>>,
}

impl FileBody {
    /// Opens a file, whole.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be opened, or is no regular file: what comes through a pipe cannot be read
    /// again. It also fails if the file system does not tell its length, as that of `/proc` does not.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        let open = move || {
            // To open a pipe is to wait for whoever writes to it.
            regular(&fs::metadata(&path)?)?;
            Self::from_std(File::open(path)?)
        };
        tokio::task::spawn_blocking(open).await.map_err(io::Error::other)?
    }

    /// Takes an open file, whole, whatever its position. It blocks, shortly, to ask for its length.
    ///
    /// # Errors
    ///
    /// Fails if it is no regular file, or one whose length is not known.
    pub fn from_std(file: File) -> io::Result<Self> {
        let length = regular(&file.metadata()?)?;
        if length == 0 && disk::read(&file, 0, 1).is_ok() {
            let text = "it has content, but its length is not known";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(Self { file: Arc::new(file), range: 0..length, position: 0, reading: None })
    }

    /// Takes a part of the file, in bytes from its beginning, such as a part of a multipart upload.
    ///
    /// # Errors
    ///
    /// Fails if the file, or the part of it that this body is, has no such range.
    ///
    /// ```
    /// use tower_follow_redirect::FileBody;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// // The second part of a multipart upload, of 16 KiB each.
    /// let whole = FileBody::open("Cargo.lock").await?;
    /// let part = whole.range(16 << 10..32 << 10)?;
    /// assert_eq!(part.len(), 16 << 10);
    /// # Ok(())
    /// # }
    /// ```
    pub fn range(self, range: Range<u64>) -> io::Result<Self> {
        let inside = self.range.start <= range.start && range.end <= self.range.end;
        if !inside || range.start > range.end {
            let Range { start, end } = range;
            let text = format!("the file has no bytes {start}..{end}");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let position = range.start;
        Ok(Self { range, position, reading: None, file: self.file })
    }

    /// Returns how many bytes this body has in all.
    #[expect(clippy::len_without_is_empty, reason = "`Body::is_end_stream` says so")]
    pub fn len(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// Returns the length of a regular file.
fn regular(metadata: &fs::Metadata) -> io::Result<u64> {
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    let text = "it is no regular file, and cannot be read again";
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

impl FileBody {
    /// Returns the body of what was not read yet.
    pub(super) fn rest(&self) -> Self {
        let range = self.position..self.range.end;
        Self { file: Arc::clone(&self.file), position: range.start, range, reading: None }
    }
}

/// A clone reads the same bytes of the same open file, from their beginning.
impl Clone for FileBody {
    fn clone(&self) -> Self {
        let file = Arc::clone(&self.file);
        Self { file, range: self.range.clone(), position: self.range.start, reading: None }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let (position, end) = (self.position, self.range.end);
        if position == end {
            return Poll::Ready(None);
        }
        let file = Arc::clone(&self.file);
        let reading = self
            .reading
            .get_or_insert_with(|| Job::start(move || disk::read(&file, position, end)));
        let chunk = ready!(reading.poll(cx));
        self.reading = None;
        Poll::Ready(Some(match chunk {
            Ok(chunk) => {
                self.position += chunk.len() as u64;
                Ok(Frame::data(chunk))
            }
            Err(error) => {
                self.position = end;
                Err(explained(error))
            }
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.position == self.range.end
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.range.end - self.position)
    }
}

/// The length was promised to the server: less is an error, and never a short upload.
fn explained(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return io::Error::new(error.kind(), "the file has become shorter while it was sent");
    }
    error
}

impl fmt::Debug for FileBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileBody").field("range", &self.range).finish_non_exhaustive()
    }
}
