//! Consecutive pieces of content, in memory.

use std::collections::VecDeque;

use bytes::Bytes;

/// Pieces of content from one position on, without a gap.
#[derive(Default)]
pub(super) struct Frames {
    /// Each with the position of its first byte.
    pieces: VecDeque<(u64, Bytes)>,
    start: u64,
    end: u64,
}

impl Frames {
    /// Returns the position of the first byte.
    #[cfg(feature = "spill")]
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Returns the position behind the last byte.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Returns how many bytes there are.
    pub(super) fn size(&self) -> u64 {
        self.end - self.start
    }

    /// Returns how many pieces there are.
    pub(super) fn count(&self) -> usize {
        self.pieces.len()
    }

    /// Adds a piece. One without a byte takes no room.
    pub(super) fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        let start = self.end;
        self.end += piece.len() as u64;
        self.pieces.push_back((start, piece));
    }

    /// Returns the rest of the piece with the byte at `position`.
    pub(super) fn at(&self, position: u64) -> Option<Bytes> {
        let next = self.pieces.partition_point(|(start, _)| *start <= position);
        let (start, piece) = self.pieces.get(next.checked_sub(1)?)?;
        let skipped = usize::try_from(position - start).ok()?;
        (skipped < piece.len()).then(|| piece.slice(skipped..))
    }

    /// Returns all pieces, in order. None is copied.
    #[cfg(feature = "spill")]
    pub(super) fn pieces(&self) -> Vec<Bytes> {
        self.pieces.iter().map(|(_, piece)| piece.clone()).collect()
    }

    /// Lets go of the pieces before `position`, where one begins.
    #[cfg(feature = "spill")]
    pub(super) fn forget_before(&mut self, position: u64) {
        while self.pieces.front().is_some_and(|(start, _)| *start < position) {
            self.pieces.pop_front();
        }
        self.start = position;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_is_found_in_its_piece() {
        let mut frames = Frames::default();
        for piece in ["ab", "", "c", "def"] {
            frames.push(Bytes::from_static(piece.as_bytes()));
        }
        assert_eq!((frames.size(), frames.count()), (6, 3));
        for (position, rest) in ["ab", "b", "c", "def", "ef", "f"].into_iter().enumerate() {
            assert_eq!(frames.at(position as u64).unwrap(), rest, "at {position}");
        }
        assert_eq!(frames.at(6), None);
        #[cfg(feature = "spill")]
        {
            frames.forget_before(2);
            assert_eq!((frames.start(), frames.size(), frames.at(1)), (2, 4, None));
            assert_eq!(frames.at(2).unwrap(), "c");
            assert_eq!(frames.pieces(), ["c", "def"]);
        }
    }
}
