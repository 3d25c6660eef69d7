//! Files, read and written off the threads that run tasks.

use std::{
    fs::File,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::{runtime::Handle, task::JoinHandle};

/// What is read at a time, in bytes.
pub(super) const CHUNK: u64 = 256 * 1024;

/// Work on a file that a thread for blocking work does.
pub(super) struct Job<T> {
    state: State<T>,
}

enum State<T> {
    Running(JoinHandle<io::Result<T>>),
    NoRuntime,
}

impl<T: Send + 'static> Job<T> {
    /// Begins the work. If the job is dropped it is still done, and nobody hears of it.
    pub(super) fn start(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Self {
        let state = match Handle::try_current() {
            Ok(runtime) => State::Running(runtime.spawn_blocking(work)),
            Err(_) => State::NoRuntime,
        };
        Self { state }
    }

    /// Is ready when the work is done. A job that was ready is not polled again.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        Poll::Ready(match &mut self.state {
            State::Running(handle) => match ready!(Pin::new(handle).poll(cx)) {
                Ok(done) => done,
                Err(error) => Err(io::Error::other(error)),
            },
            State::NoRuntime => Err(io::Error::other("files are read and written in tokio only")),
        })
    }
}

/// Reads up to [`CHUNK`] bytes of a range, which the file must have.
pub(super) fn read(file: &File, position: u64, end: u64) -> io::Result<Bytes> {
    let size = usize::try_from(CHUNK.min(end - position)).expect("a chunk fits into memory");
    let mut chunk = vec![0; size];
    read_exact_at(file, &mut chunk, position)?;
    Ok(chunk.into())
}

// Positions are arguments: two hops may use one file at the same time.

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, position)
}

#[cfg(all(unix, feature = "spill"))]
pub(super) fn write_all_at(file: &File, buffer: &[u8], position: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, buffer, position)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut position: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_read(file, buffer, position)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[count..];
        position += count as u64;
    }
    Ok(())
}

#[cfg(all(windows, feature = "spill"))]
pub(super) fn write_all_at(file: &File, mut buffer: &[u8], mut position: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_write(file, buffer, position)?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        buffer = &buffer[count..];
        position += count as u64;
    }
    Ok(())
}
