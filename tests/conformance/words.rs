//! What differs, and what went wrong, in words.

use std::fmt::Debug;

/// The ways in which two things differ.
#[derive(Default)]
pub struct Differences(Vec<String>);

impl Differences {
    pub fn add(&mut self, difference: impl Into<String>) {
        self.0.push(difference.into());
    }

    /// Adds that what was found is not what was expected; nothing expected is anything.
    pub fn equal<T: PartialEq + Debug>(&mut self, what: &str, expected: Option<T>, found: T) {
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            self.add(format!("{what}: expected {expected:?}, found {found:?}"));
        }
    }

    /// Returns the words, or `None` where nothing differs.
    pub fn text(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join("; "))
    }
}

impl Extend<String> for Differences {
    fn extend<I: IntoIterator<Item = String>>(&mut self, differences: I) {
        self.0.extend(differences);
    }
}

/// Writes an error with all its sources.
pub fn describe(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
