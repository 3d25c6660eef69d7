//! What keys are called in Redis.

/// Begins every key, and names the channel.
#[derive(Clone, Debug)]
pub(crate) struct Prefix(String);

impl Prefix {
    pub(crate) fn new(prefix: String) -> Self {
        Self(prefix)
    }

    pub(crate) fn channel(&self) -> String {
        format!("{}changes", self.0)
    }

    /// Returns what Redis calls `key`.
    pub(crate) fn name(&self, key: &str) -> String {
        format!("{}{key}", self.0)
    }

    /// Returns the key that Redis calls `name`; others keep theirs in the same database.
    pub(crate) fn key(&self, name: &[u8]) -> Option<String> {
        let name = std::str::from_utf8(name).ok()?;
        name.strip_prefix(&self.0).map(str::to_owned)
    }

    /// Returns a pattern for the names of all keys.
    pub(crate) fn pattern(&self) -> String {
        let mut pattern = String::with_capacity(self.0.len() + 1);
        for character in self.0.chars() {
            if matches!(character, '*' | '?' | '[' | ']' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push('*');
        pattern
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self("fr:1:".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_key() {
        let prefix = Prefix::default();
        for key in ["https://a.test/", "tenant https://a.test/?b=[c]*", ""] {
            assert_eq!(prefix.key(prefix.name(key).as_bytes()).as_deref(), Some(key));
        }
    }

    #[test]
    fn what_others_keep_is_no_key() {
        for name in [&b"session:1"[..], b"fr:", b"xfr:1:a", b"fr:1:\xff"] {
            assert_eq!(Prefix::default().key(name), None, "{name:?}");
        }
    }

    #[test]
    fn a_pattern_means_its_characters() {
        for (prefix, pattern) in
            [("fr:1:", "fr:1:*"), ("a*b?[c]\\", r"a\*b\?\[c\]\\*"), ("", "*"), ("ä-^", "ä-^*")]
        {
            assert_eq!(Prefix::new(prefix.to_owned()).pattern(), pattern);
        }
    }
}
