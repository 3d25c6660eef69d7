//! Bytes, read as choices.

/// Where the bytes end, every choice is the first.
#[derive(Debug)]
pub(super) struct Choices {
    bytes: Vec<u8>,
    at: usize,
}

impl Choices {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), at: 0 }
    }

    pub(super) fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        byte
    }

    pub(super) fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound.max(1)
    }

    pub(super) fn is(&mut self) -> bool {
        self.below(2) == 1
    }

    pub(super) fn one<T: Clone>(&mut self, table: &[T]) -> T {
        table[usize::from(self.byte()) % table.len()].clone()
    }
}
