//! What the runner must know of a vector, and what can become of it.

use serde_json::Value;

/// A vector of one of the files.
pub trait Vector: Sized + Send + Sync + 'static {
    /// The lists of the file.
    const LISTS: &'static [&'static str] = &["vectors"];

    /// The classes that leave clients a choice only in vectors that our part of the set has not.
    const OPEN_ELSEWHERE: &'static [&'static str] = &[];

    /// Looks at what a file says besides its vectors.
    ///
    /// # Errors
    ///
    /// Fails if its vectors mean something else than is read here.
    fn check_file(_: &Value) -> Result<(), String> {
        Ok(())
    }

    /// Reads a vector of one of the lists.
    fn read(list: &str, value: &Value) -> serde_json::Result<Self>;

    fn class(&self) -> &str;

    /// Returns whether clients may legitimately differ.
    fn is_open(&self) -> bool;

    /// Makes the calls that the vector describes, and judges what came of them.
    fn judge(&self) -> impl Future<Output = Verdict> + Send;
}

/// What became of a vector.
pub enum Verdict {
    Passed,
    /// The crate does something else than the vector expects.
    Deviates(String),
    /// What holds for every call does not hold for this one: no list excuses that.
    Breaks(String),
    /// It, or what it asks of a client, is not known here.
    Unreadable(String),
    OutOfScope(String),
    /// It deviates as `expected_failures.txt` says, with this reason.
    KnownDeviation(String),
    /// It is a vector of somebody else's set that leaves a choice, and our list of choices states
    /// ours for its class.
    OurChoice(String),
}
