//! Consecutive pieces of content, in memory.

use std::collections::VecDeque;

use bytes::Bytes;

/// Pieces of content from one position on, without a gap.
#[derive(Default)]
pub(super) struct Frames {
    /// It takes no allocation: most content comes in one piece.
    first: Option<Piece>,
    /// Those behind it, or behind what was let go.
    more: VecDeque<Piece>,
    start: u64,
    end: u64,
}

/// Some bytes, with the position of the first.
type Piece = (u64, Bytes);

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
        usize::from(self.first.is_some()) + self.more.len()
    }

    /// Adds a piece. One without a byte takes no room.
    pub(super) fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        let start = self.end;
        self.end += piece.len() as u64;
        if self.count() == 0 {
            self.first = Some((start, piece));
        } else {
            self.more.push_back((start, piece));
        }
    }

    /// Returns the rest of the piece with the byte at `position`.
    pub(super) fn at(&self, position: u64) -> Option<Bytes> {
        let next = self.more.partition_point(|(start, _)| *start <= position);
        let (start, piece) = match next.checked_sub(1) {
            Some(last) => self.more.get(last)?,
            None => self.first.as_ref().filter(|(start, _)| *start <= position)?,
        };
        let skipped = usize::try_from(position - start).ok()?;
        (skipped < piece.len()).then(|| piece.slice(skipped..))
    }

    /// Returns all pieces, in order. None is copied.
    #[cfg(feature = "spill")]
    pub(super) fn pieces(&self) -> Vec<Bytes> {
        self.first.iter().chain(&self.more).map(|(_, piece)| piece.clone()).collect()
    }

    /// Lets go of the pieces before `position`, where one begins.
    #[cfg(feature = "spill")]
    pub(super) fn forget_before(&mut self, position: u64) {
        self.first.take_if(|(start, _)| *start < position);
        while self.more.front().is_some_and(|(start, _)| *start < position) {
            self.more.pop_front();
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
            frames.push(Bytes::from_static(b"g"));
            assert_eq!((frames.count(), frames.at(6).unwrap()), (3, Bytes::from_static(b"g")));
            frames.forget_before(7);
            assert_eq!((frames.count(), frames.at(6)), (0, None));
            frames.push(Bytes::from_static(b"hi"));
            assert_eq!((frames.count(), frames.at(8).unwrap()), (1, Bytes::from_static(b"i")));
        }
    }
}
