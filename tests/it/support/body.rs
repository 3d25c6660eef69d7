//! Bodies that count what becomes of them.

use std::{
    cell::Cell,
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

/// A one-shot body of a given size: neither `Clone`, `Default`, `Sync` nor `Unpin`.
pub struct OneShot {
    /// A `Cell` is not `Sync`.
    left: Cell<u64>,
    chunk: u64,
    length: Length,
    pattern: Bytes,
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
            pattern: (0..chunk + PERIOD).map(byte_at).collect::<Vec<_>>().into(),
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
        let chunk = self.pattern.slice(start as usize..(start + size) as usize);
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
