//! What is published: who has changed what.
//!
//! One byte of version, one of kind, 16 of who sends it, four of the length of the key, the key, and all
//! that is left is the value.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
};

use tower_follow_redirect::policy::permanent::shared::Change;

use crate::LONGEST;

const VERSION: u8 = 1;
const PUT: u8 = b'P';
const REMOVED: u8 = b'R';
const CLEARED: u8 = b'C';

/// Tells stores apart, so that none hears itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sender([u8; 16]);

impl Sender {
    pub(crate) fn random() -> Self {
        // The standard library seeds it at random.
        let half = || RandomState::new().build_hasher().finish();
        let both = (u128::from(half()) << 64) | u128::from(half());
        Self(both.to_be_bytes())
    }

    pub(crate) fn put(self, key: &str, value: &[u8]) -> Vec<u8> {
        self.message(PUT, key, value)
    }

    pub(crate) fn removed(self, key: &str) -> Vec<u8> {
        self.message(REMOVED, key, &[])
    }

    pub(crate) fn cleared(self) -> Vec<u8> {
        self.message(CLEARED, "", &[])
    }

    fn message(self, kind: u8, key: &str, value: &[u8]) -> Vec<u8> {
        // No key is that long: `LONGEST`.
        let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
        let mut message = vec![VERSION, kind];
        message.extend(self.0);
        message.extend(length.to_be_bytes());
        message.extend(key.as_bytes());
        message.extend(value);
        message
    }

    /// Reads what somebody has published, which may be anything. Returns nothing for what this sender has
    /// published itself, and for what is not understood: a later version may say more.
    pub(crate) fn hear(self, message: &[u8]) -> Option<Change> {
        let ([VERSION, kind], message) = message.split_first_chunk()? else {
            return None;
        };
        let (sender, message) = message.split_first_chunk()?;
        let (length, message) = message.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (key, value) = message.split_at_checked(length)?;
        if *sender == self.0 || key.len() > LONGEST || value.len() > LONGEST {
            return None;
        }
        let key = std::str::from_utf8(key).ok()?.to_owned();
        match *kind {
            PUT => Some(Change::Put { key, value: value.to_vec() }),
            REMOVED => Some(Change::Removed { key }),
            CLEARED => Some(Change::Cleared),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_hears_what_is_said() {
        let [one, other] = [Sender::random(), Sender::random()];
        let key = "a b:*".to_owned();
        for (message, change) in [
            (one.put(&key, b"\0\xff"), Change::Put { key: key.clone(), value: b"\0\xff".to_vec() }),
            (one.put("", b""), Change::Put { key: String::new(), value: Vec::new() }),
            (one.removed(&key), Change::Removed { key }),
            (one.cleared(), Change::Cleared),
        ] {
            assert_eq!(other.hear(&message), Some(change));
            assert_eq!(one.hear(&message), None);
        }
    }

    #[test]
    fn no_two_senders_are_the_same() {
        assert_ne!(Sender::random(), Sender::random());
    }

    #[test]
    fn whatever_else_is_published_is_ignored() {
        let [one, other] = [Sender::random(), Sender::random()];
        let good = one.put("key", b"value");
        // 22 bytes before the key, three of key: with less than that it is not whole.
        for length in 0..25 {
            assert_eq!(other.hear(&good[..length]), None, "{length}");
        }
        for (position, byte) in
            [(0, 0), (0, 2), (1, 0), (1, b'X'), (18, 0xff), (21, 200), (22, 0xff)]
        {
            let mut bad = good.clone();
            bad[position] = byte;
            assert_eq!(other.hear(&bad), None, "{position} {byte}");
        }
        let long = "k".repeat(LONGEST + 1);
        assert_eq!(other.hear(&one.removed(&long)), None);
        assert_eq!(other.hear(&one.put("key", long.as_bytes())), None);
        assert!(other.hear(&one.put(&long[1..], &long.as_bytes()[1..])).is_some());
    }
}
