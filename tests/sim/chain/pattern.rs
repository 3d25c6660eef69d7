//! Bytes that are known by their place.

use std::sync::LazyLock;

use bytes::Bytes;

/// More than any body of a chain has.
const LENGTH: usize = 512 * 1024;

static PATTERN: LazyLock<Bytes> = LazyLock::new(|| {
    // Neighbours differ, and so do blocks: nothing that is moved, doubled or left out looks right.
    (0..LENGTH)
        .map(|place| (place.wrapping_mul(31) ^ (place >> 8)) as u8)
        .collect::<Vec<_>>()
        .into()
});

/// Returns the bytes of a part, which share one memory.
pub fn part(from: usize, length: usize) -> Bytes {
    PATTERN.slice(from..from + length)
}

pub fn is_part(data: &[u8], from: usize) -> bool {
    PATTERN.get(from..from + data.len()).is_some_and(|expected| expected == data)
}
