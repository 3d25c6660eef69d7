//! Bodies that count what becomes of them.

use std::{
    cell::Cell,
    future::Future,
    marker::PhantomPinned,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tower::BoxError;

/// A one-shot body of a given size: neither `Clone`, `Default`, `Sync` nor `Unpin`.
pub struct OneShot {
    /// A `Cell` is not `Sync`.
    left: Cell<u64>,
    chunk: u64,
    length: Length,
    pattern: Vec<u8>,
    counts: Arc<Counts>,
    _pin: PhantomPinned,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Known,
    Unknown,
}

/// What became of a body.
#[derive(Debug, Default)]
pub struct Counts {
    read: AtomicU64,
    dropped: AtomicUsize,
}

impl Counts {
    /// How many bytes were taken out of it.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::SeqCst)
    }

    /// How often it was dropped.
    pub fn dropped(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }
}

const PERIOD: u64 = 251;

/// The byte at a position of every [`OneShot`].
pub fn byte_at(position: u64) -> u8 {
    (position % PERIOD) as u8
}

/// Returns whether `bytes` are those of a [`OneShot`] from `position` on.
pub fn is_part(bytes: &[u8], position: u64) -> bool {
    // A period at a time: a division for every byte takes longer than the upload.
    let period: Vec<u8> = (position..position + PERIOD).map(byte_at).collect();
    bytes.chunks(period.len()).all(|chunk| chunk == &period[..chunk.len()])
}

impl OneShot {
    pub fn new(size: u64, chunk: u64, length: Length) -> (Self, Arc<Counts>) {
        let counts = Arc::new(Counts::default());
        let body = Self {
            left: Cell::new(size),
            chunk,
            length,
            pattern: (0..chunk + PERIOD).map(byte_at).collect(),
            counts: Arc::clone(&counts),
            _pin: PhantomPinned,
        };
        (body, counts)
    }
}

impl Body for OneShot {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let left = self.left.get();
        if left == 0 {
            return Poll::Ready(None);
        }
        let size = left.min(self.chunk);
        self.left.set(left - size);
        let start = self.counts.read.fetch_add(size, Ordering::SeqCst) % PERIOD;
        // Memory of its own, as what is read from a file has: who keeps it needs that memory.
        let chunk = Bytes::copy_from_slice(&self.pattern[start as usize..(start + size) as usize]);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Length::Known => SizeHint::with_exact(self.left.get()),
            Length::Unknown => SizeHint::new(),
        }
    }
}

impl Drop for OneShot {
    fn drop(&mut self) {
        self.counts.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// A body of one frame that comes after a while.
pub struct Late {
    sleep: Pin<Box<tokio::time::Sleep>>,
    data: Option<Bytes>,
}

impl Late {
    pub fn new(after: std::time::Duration, data: impl Into<Bytes>) -> Self {
        Self { sleep: Box::pin(tokio::time::sleep(after)), data: Some(data.into()) }
    }
}

impl Body for Late {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        std::task::ready!(self.sleep.as_mut().poll(cx));
        Poll::Ready(self.data.take().map(|data| Ok(Frame::data(data))))
    }
}

/// A body of which nothing ever comes.
pub struct Never;

impl Body for Never {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Pending
    }
}

/// A body whose pieces a test hands in while it is read.
pub struct Pieces(mpsc::UnboundedReceiver<Bytes>);

impl Pieces {
    /// Makes the body, which ends when the sender is dropped.
    pub fn new() -> (mpsc::UnboundedSender<Bytes>, Self) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (sender, Self(receiver))
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
