//! What was read of the content, and where it is kept.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;

use super::frames::Frames;
#[cfg(feature = "spill")]
use super::spill::{Spill, Spilled};

/// How much of the content is kept.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    /// How many bytes are kept in memory, in more than one piece.
    pub(crate) memory: u64,
    /// Where more than that goes.
    #[cfg(feature = "spill")]
    pub(crate) spill: Option<Spill>,
}

impl Capacity {
    /// Keeps so many bytes in memory, and no more.
    #[cfg(test)]
    pub(crate) fn memory(bytes: u64) -> Self {
        Self {
            memory: bytes,
            #[cfg(feature = "spill")]
            spill: None,
        }
    }
}

/// The content from its first byte on, as far as it was read.
pub(super) enum Record {
    Memory(Frames),
    #[cfg(feature = "spill")]
    File(Box<Spilled>),
}

impl Record {
    pub(super) fn new() -> Self {
        Self::Memory(Frames::default())
    }

    /// Returns how many bytes it has.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Memory(frames) => frames.end(),
            #[cfg(feature = "spill")]
            Self::File(spilled) => spilled.size(),
        }
    }

    /// Returns whether it has more than it may.
    pub(super) fn exceeds(&self, capacity: &Capacity) -> bool {
        match self {
            Self::Memory(frames) => is_too_much(frames, capacity),
            #[cfg(feature = "spill")]
            Self::File(spilled) => spilled.exceeds_its_limit(),
        }
    }

    /// Returns why it can grow no further, if that is not its size.
    pub(super) fn failure(&self) -> Option<Arc<io::Error>> {
        match self {
            Self::Memory(_) => None,
            #[cfg(feature = "spill")]
            Self::File(spilled) => spilled.failure(),
        }
    }

    /// Adds what was read next.
    pub(super) fn push(&mut self, data: Bytes, capacity: &Capacity) {
        match self {
            Self::Memory(frames) => frames.push(data),
            #[cfg(feature = "spill")]
            Self::File(spilled) => spilled.push(data),
        }
        #[cfg(feature = "spill")]
        if let (Self::Memory(frames), Some(spill)) = (&mut *self, &capacity.spill) {
            if is_too_much(frames, capacity) {
                *self = Self::File(Box::new(Spilled::new(std::mem::take(frames), spill)));
            }
        }
        #[cfg(not(feature = "spill"))]
        let _ = capacity;
    }

    /// Is ready when there is room for more, at least for one piece.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Memory(_) => {
                let _ = cx;
                Poll::Ready(())
            }
            #[cfg(feature = "spill")]
            Self::File(spilled) => spilled.poll_room(cx),
        }
    }

    /// Reads some of what is kept from `position` on, which is below its size.
    pub(super) fn poll_at(
        &mut self,
        position: u64,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Bytes>> {
        match self {
            Self::Memory(frames) => {
                let _ = cx;
                Poll::Ready(Ok(frames.at(position).unwrap_or_default()))
            }
            #[cfg(feature = "spill")]
            Self::File(spilled) => spilled.poll_at(position, cx),
        }
    }
}

/// Returns whether memory has more than it may. A single piece is kept at any size: it costs a
/// reference, and may be all there is.
fn is_too_much(frames: &Frames, capacity: &Capacity) -> bool {
    frames.size() > capacity.memory && frames.count() > 1
}
