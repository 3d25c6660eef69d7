//! A body that can be sent once.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use md5::{Digest, Md5};

const CHUNK: u64 = 64 * 1024;

/// A one-shot body of a known size, made while it is read: it is not `Clone`.
pub struct OneShot {
    left: u64,
    chunk: Vec<u8>,
}

impl OneShot {
    pub fn new(size: u64) -> Self {
        Self { left: size, chunk: (0..CHUNK).map(|position| (position % 251) as u8).collect() }
    }

    /// Takes the next part. Each begins with its place, so that none can be mistaken for another.
    fn next(&mut self) -> Option<Bytes> {
        let size = self.left.min(CHUNK) as usize;
        if size == 0 {
            return None;
        }
        let place = self.left.to_be_bytes();
        let mark = place.len().min(size);
        self.chunk[..mark].copy_from_slice(&place[..mark]);
        self.left -= size as u64;
        // Memory of its own, as what is read from a file has: who keeps it needs that memory.
        Some(Bytes::copy_from_slice(&self.chunk[..size]))
    }

    /// Returns the MD5 of the content of a body of this size, in hexadecimal.
    pub fn md5(size: u64) -> String {
        let mut body = Self::new(size);
        let mut hash = Md5::new();
        while let Some(part) = body.next() {
            hash.update(&part);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Body for OneShot {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.next().map(|part| Ok(Frame::data(part))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
