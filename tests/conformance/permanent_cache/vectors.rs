//! The format of `permanent-cache.json`. Whatever it does not name is an error.

use serde::{Deserialize, de::IgnoredAny};

use super::config::Config;

/// Steps that are taken one after the other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what only a reader needs is named, so that the rest is unknown")]
pub struct Vector {
    id: IgnoredAny,
    /// Who demands it: an RFC (`must`, `should`, `may`), or this crate (`policy`).
    pub level: String,
    #[serde(default)]
    pub config: Config,
    pub steps: Vec<Step>,
    #[serde(default)]
    source: IgnoredAny,
}

/// One of these things.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Step {
    Call(Call),
    Other(Other),
}

/// A request, the exchanges that it must lead to, and what must come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub send: Request,
    pub network: Vec<Exchange>,
    #[serde(default)]
    pub expect: Expect,
    /// Whether the user's policy lets redirects be followed; it does.
    pub follow: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub method: String,
    pub uri: String,
    #[serde(default)]
    pub headers: Fields,
}

/// A request that must come, and how it is answered.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    pub uri: String,
    /// If it is not that of the call.
    pub method: Option<String>,
    pub status: Option<u16>,
    pub error: Option<Failure>,
    #[serde(default)]
    pub headers: Fields,
}

pub type Fields = Vec<(String, FieldValue)>;

#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// So many seconds from now, as a date.
    Date(i64),
    Text(String),
}

/// How a request fails.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    Connect,
}

/// What must come of a call. An absent field demands nothing.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    pub first_uri: Option<String>,
    /// How many remembered redirects lead to the first request.
    pub skipped: Option<usize>,
    #[serde(rename = "final")]
    pub end: Option<End>,
    /// In the first request; `Name` or `Name: value`.
    pub absent_headers: Vec<String>,
    pub present_headers: Vec<String>,
}

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum End {
    /// With a response, whether or not an error is around it.
    Status(u16),
    /// With an error of this kind.
    Error(ErrorKind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    TooManyRedirects,
    Loop,
    MissingLocation,
    BadLocation,
    Scheme,
    BodyNotReplayable,
    Policy,
    Tunnel,
    NotRedirect,
    /// The network failed.
    Connect,
}

/// What happens between calls: one field each.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Other {
    pub advance_s: Option<u64>,
    /// A snapshot is read.
    pub restore: Option<Vec<Remembered>>,
    /// Somebody else has written to the store.
    pub inject: Option<Vec<Remembered>>,
    pub store_down: Option<bool>,
    pub remove: Option<String>,
    pub clear: Option<bool>,
    pub assert_entries: Option<usize>,
}

/// A redirect as it is written down.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    pub source: String,
    pub target: String,
    /// From the clock's start on.
    pub expires_in_s: u64,
    pub status: Option<u16>,
}

impl Vector {
    /// Returns whether a step reaches into the store.
    pub fn needs_store(&self) -> bool {
        self.steps.iter().any(|step| match step {
            Step::Call(_) => false,
            Step::Other(other) => other.inject.is_some() || other.store_down.is_some(),
        })
    }
}
