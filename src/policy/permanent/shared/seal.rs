//! What a shared store keeps of an entry, and how it is known to be ours.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::policy::permanent::{
    Entry,
    record::{Record, Written},
};

const VERSION: u8 = 1;

const MAC: usize = 32;

/// No value is looked at that is larger, in bytes: two URIs of 4096 bytes, and what `Vary` names.
const LARGEST: usize = 64 * 1024;

/// Authenticates entries: whoever can write to the store, and has not the key, redirects nobody.
///
/// A value is a version byte, HMAC-SHA-256 (RFC 2104) over version, key and record, and the record in
/// JSON.
pub(super) struct Seal {
    hmac: Hmac<Sha256>,
}

impl Seal {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self { hmac: Hmac::new_from_slice(key).expect("HMAC takes a key of any length") }
    }

    /// Returns what is kept of an entry, or `None` if it cannot be written down.
    pub(super) fn seal(&self, key: &str, entry: &Entry) -> Option<Vec<u8>> {
        let json = serde_json::to_vec(&Record::of(key, entry)?).ok()?;
        let mac = self.mac(key, &json).finalize().into_bytes();
        let value = [&[VERSION][..], &mac, &json].concat();
        (value.len() <= LARGEST).then_some(value)
    }

    /// Returns what a value says that is kept under `key`, if it was sealed for that key.
    pub(super) fn open(&self, key: &str, value: &[u8]) -> Option<Written> {
        if value.len() > LARGEST {
            return None;
        }
        let (&version, rest) = value.split_first()?;
        if version != VERSION {
            return None;
        }
        let (mac, json) = rest.split_at_checked(MAC)?;
        self.mac(key, json).verify_slice(mac).ok()?;
        let record: Record = serde_json::from_slice(json).ok()?;
        record.read().filter(|written| written.key == key)
    }

    fn mac(&self, key: &str, json: &[u8]) -> Hmac<Sha256> {
        let length = (key.len() as u64).to_be_bytes();
        self.hmac
            .clone()
            .chain_update([VERSION])
            .chain_update(length)
            .chain_update(key)
            .chain_update(json)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::Target;

    const KEY: &str = "https://a.test/";

    fn entry() -> Entry {
        let target = Target::new("https://b.test/".parse().unwrap(), None).unwrap();
        let stored = UNIX_EPOCH + Duration::from_secs(1000);
        Entry::new(target, stored, stored + Duration::from_secs(60))
    }

    #[test]
    fn what_is_sealed_is_opened() {
        let seal = Seal::new(&[7; 32]);
        let value = seal.seal(KEY, &entry()).unwrap();
        let written = seal.open(KEY, &value).unwrap();
        assert_eq!((&*written.key, written.entry), (KEY, entry()));
    }

    #[test]
    fn nothing_else_is_opened() {
        let seal = Seal::new(&[7; 32]);
        let value = seal.seal(KEY, &entry()).unwrap();
        for at in 0..value.len() {
            let mut changed = value.clone();
            changed[at] ^= 1;
            assert!(seal.open(KEY, &changed).is_none(), "byte {at}");
            assert!(seal.open(KEY, &value[..at]).is_none(), "the first {at} bytes");
        }
        assert!(seal.open("https://a.test/x", &value).is_none(), "another key");
        assert!(seal.open("p https://a.test/", &value).is_none(), "another partition");
        assert!(Seal::new(&[8; 32]).open(KEY, &value).is_none(), "another secret");
        assert!(seal.open(KEY, &[&value[..], b" "].concat()).is_none());
        assert!(seal.open(KEY, &[1; LARGEST + 1]).is_none());
    }

    /// A value that was sealed for a key says what that key is about.
    #[test]
    fn a_record_of_another_key_is_not_opened() {
        let seal = Seal::new(&[7; 32]);
        let json = serde_json::to_vec(&Record::of("https://c.test/", &entry()).unwrap()).unwrap();
        let mac = seal.mac(KEY, &json).finalize().into_bytes();
        let value = [&[VERSION][..], &mac, &json].concat();
        assert!(seal.open(KEY, &value).is_none());
    }
}
