//! Header fields in one buffer.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Header fields in one buffer.
#[derive(Clone, Default)]
pub(super) struct Fields {
    /// Of each its [`Lengths`], its name and its value.
    bytes: Box<[u8]>,
    /// Each value counts, of a repeated field too.
    count: usize,
    pub(super) notes: Notes,
}

/// Whether those fields are there that every call asks about: the copy finds out by the way.
#[derive(Clone, Copy, Default)]
pub(super) struct Notes {
    pub(super) expect: bool,
    pub(super) upgrade: bool,
}

/// What most heads have room in. The sum of the lengths takes longer to find out than the copy.
const USUAL_SIZE: usize = 1024;

impl Fields {
    #[inline]
    pub(super) fn copy(headers: &HeaderMap) -> Self {
        if headers.is_empty() {
            return Self::default();
        }
        let mut buffer = [0; USUAL_SIZE];
        if let Some((length, notes)) = copy_all(headers, &mut buffer) {
            return Self { bytes: buffer[..length].into(), count: headers.len(), notes };
        }
        let size = |(name, value): (&HeaderName, &HeaderValue)| {
            Lengths::SIZE + name.as_str().len() + value.len()
        };
        let mut bytes = vec![0; headers.iter().map(size).sum()];
        let (_, notes) = copy_all(headers, &mut bytes).expect("there is room for all");
        Self { bytes: bytes.into(), count: headers.len(), notes }
    }

    /// Makes the fields anew, with every repeated one in its order.
    pub(super) fn into_headers(self) -> HeaderMap {
        // A map may hold more values than it has room for names.
        let mut headers = HeaderMap::try_with_capacity(self.count).unwrap_or_default();
        let fields = Bytes::from(self.bytes);
        let mut rest = &fields[..];
        while let Some((lengths, after)) = rest.split_first_chunk() {
            let Lengths { name, value, sensitive } = Lengths::from_bytes(*lengths);
            let (name, after) = after.split_at(name);
            let (value, after) = after.split_at(value);
            let name = HeaderName::from_bytes(name).expect("it was a header name");
            let value = HeaderValue::from_maybe_shared(fields.slice_ref(value));
            let mut value = value.expect("it was a header value");
            value.set_sensitive(sensitive);
            headers.append(name, value);
            rest = after;
        }
        headers
    }
}

/// Copies all fields to the beginning of a buffer, and returns the length of the copy, or `None` if
/// there is no room for it.
#[inline]
fn copy_all(headers: &HeaderMap, buffer: &mut [u8]) -> Option<(usize, Notes)> {
    let size = buffer.len();
    let mut room = buffer;
    let mut notes = Notes::default();
    for (name, value) in headers {
        let (text, bytes) = (name.as_str().as_bytes(), value.as_bytes());
        // As long as `expect` or `upgrade`: to compare each name takes longer.
        if matches!(text.len(), 6 | 7) {
            notes.expect |= name == header::EXPECT;
            notes.upgrade |= name == header::UPGRADE;
        }
        let sensitive = value.is_sensitive();
        let lengths = Lengths { name: text.len(), value: bytes.len(), sensitive };
        let (first, rest) = room.split_first_chunk_mut()?;
        *first = lengths.to_bytes();
        let (first, rest) = rest.split_at_mut_checked(text.len())?;
        copy(text, first);
        let (first, rest) = rest.split_at_mut_checked(bytes.len())?;
        copy(bytes, first);
        room = rest;
    }
    Some((size - room.len(), notes))
}

/// Copies bytes to a slice of the same length. What is short is copied in two pieces, which may
/// overlap: that is done before `memcpy` is called.
#[inline]
fn copy(from: &[u8], to: &mut [u8]) {
    match from.len() {
        8..=16 => copy_ends::<8>(from, to),
        4..=7 => copy_ends::<4>(from, to),
        _ => to.copy_from_slice(from),
    }
}

#[inline]
fn copy_ends<const N: usize>(from: &[u8], to: &mut [u8]) {
    let from = (from.first_chunk::<N>(), from.last_chunk::<N>());
    if let (Some(first), Some(last)) = from {
        *to.first_chunk_mut().expect("it is as long") = *first;
        *to.last_chunk_mut().expect("it is as long") = *last;
    }
}

/// The lengths of a name and a value, and what `HeaderValue::is_sensitive` said.
struct Lengths {
    name: usize,
    value: usize,
    sensitive: bool,
}

impl Lengths {
    const SIZE: usize = 8;

    /// No name is longer than 16 bits tell, and no value than 47.
    fn to_bytes(&self) -> [u8; Self::SIZE] {
        let Self { name, value, sensitive } = *self;
        ((value as u64) << 17 | (name as u64) << 1 | u64::from(sensitive)).to_le_bytes()
    }

    fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        let all = u64::from_le_bytes(bytes);
        let name = (all >> 1) as usize & 0xffff;
        Self { name, value: (all >> 17) as usize, sensitive: all & 1 == 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each length by which a copy differs, and the sum with which it goes to the heap.
    #[test]
    fn every_length_is_copied() {
        for length in (1..40).chain([200, 999, 1000, 1001, 1024, 40_000]) {
            let text: String = ('a'..='z').cycle().take(length).collect();
            let mut headers = HeaderMap::new();
            headers.append(HeaderName::try_from(&text).unwrap(), HeaderValue::from_static(""));
            headers.append("x-long", HeaderValue::try_from(&text).unwrap());
            headers.append("x", HeaderValue::from_static("last"));
            assert_eq!(Fields::copy(&headers).into_headers(), headers, "{length}");
        }
    }

    #[test]
    fn what_every_call_asks_about_is_noted() {
        for (name, expect, upgrade) in [
            ("expect", true, false),
            ("upgrade", false, true),
            ("cookie", false, false),
            ("x-other", false, false),
            ("expects", false, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("accept", HeaderValue::from_static("*/*"));
            headers.insert(name, HeaderValue::from_static("v"));
            headers.insert("x-last", HeaderValue::from_static("v"));
            let notes = Fields::copy(&headers).notes;
            assert_eq!((notes.expect, notes.upgrade), (expect, upgrade), "{name}");
        }
    }
}
