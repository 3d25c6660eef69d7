//! The format of `expect-continue.json`. Whatever it does not name is an error.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::steps::Step;

/// A request, a script for the server, and what must come of both.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what only a reader needs is named, so that the rest is unknown")]
pub struct Vector {
    id: IgnoredAny,
    pub class: String,
    pub request: Request,
    #[serde(default)]
    pub config: Config,
    pub server: Vec<Step>,
    pub expect: Expect,
    pub policy_dependent: bool,
    #[serde(default)]
    pub alternatives: Vec<Alternative>,
    #[serde(default)]
    source: Source,
    #[serde(default)]
    notes: IgnoredAny,
    #[serde(default)]
    cve: IgnoredAny,
}

/// Where a vector comes from.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Source {
    repo: IgnoredAny,
    file: IgnoredAny,
    test: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub version: Version,
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Version {
    #[serde(rename = "1.0")]
    Http10,
    #[serde(rename = "1.1")]
    Http11,
    #[serde(rename = "2")]
    Http2,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    pub kind: Kind,
    #[serde(default)]
    pub length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// In one piece, of known length.
    Known,
    /// A stream of unknown length.
    Unknown,
    /// A stream of known length.
    OneShot,
    None,
    /// A stream that fails halfway.
    Failing,
    UnknownWithTrailers,
}

/// The options of the client. An unknown one is an error, since it would silently not be tested.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long content waits; a `null` that is written down is for ever.
    #[serde(deserialize_with = "present")]
    pub expect_timeout_ms: Option<Option<u64>>,
    /// Whether the feature is on; it is.
    pub expect: Option<bool>,
    /// Above how many bytes `Expect` is added; without it, always.
    pub threshold: Option<u64>,
    pub caller_override: Option<CallerOverride>,
    /// Whether redirects are followed; they are not.
    pub follow: bool,
    pub max_redirects: Option<usize>,
    pub cancel_after_ms: Option<u64>,
    pub read_timeout_ms: Option<u64>,
    /// How long it takes until the head can be written.
    pub head_write_delay_ms: Option<u64>,
}

/// What the caller has done to `Expect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallerOverride {
    /// It is there, and has no value.
    Empty,
}

fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl Config {
    /// Returns when the caller gives up, counted from when the server has the request's head.
    pub fn caller_patience(&self) -> Option<Duration> {
        let first = self.cancel_after_ms.into_iter().chain(self.read_timeout_ms).min();
        first.map(Duration::from_millis)
    }
}

/// What must come of a call. An absent field demands nothing.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Of the first request.
    pub expect_header_sent: Option<bool>,
    pub body_sent: Option<Sent>,
    /// From the head of a request to its content, or to the response where there is no content.
    pub wait_ms: Option<(u64, u64)>,
    /// The 1xx responses that the caller heard of.
    pub informational: Option<Vec<u16>>,
    /// All that came to the server.
    pub requests: Option<usize>,
    pub final_status: Option<u16>,
    pub outcome: Option<Outcome>,
    /// Whether the next request comes on the first one's connection.
    pub connection_reusable: Option<Reusable>,
    pub retry: Option<Retry>,
    pub body_still_replayable: Option<bool>,
}

/// How much of the content came to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sent {
    Full,
    Partial,
    None,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The caller gets a response that is no redirect.
    Response,
    /// The caller gets a 3xx.
    Stop,
    Error,
    /// Nothing came, and the caller had not said how long to wait: no vector asks for that.
    #[serde(skip)]
    Hangs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Reusable {
    Must(bool),
    Free(Either),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Either {
    Either,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    None,
    WithoutExpect,
}

/// What other clients do, as far as it differs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alternative {
    pub profiles: Vec<String>,
    pub expect: Expect,
}

impl Vector {
    /// Returns every behaviour that is right, each with the name of who behaves so.
    ///
    /// A vector that leaves no choice has one.
    pub fn choices(&self) -> Vec<(String, Expect)> {
        let main = ("main".to_owned(), self.expect.clone());
        let alternatives: &[_] = if self.policy_dependent { &self.alternatives } else { &[] };
        let others = alternatives
            .iter()
            .map(|other| (other.profiles.join(", "), self.expect.overlaid(&other.expect)));
        [main].into_iter().chain(others).collect()
    }
}

impl Expect {
    /// Lays the fields of a partial expectation over these.
    fn overlaid(&self, over: &Self) -> Self {
        let (base, over) = (self.clone(), over.clone());
        Self {
            expect_header_sent: over.expect_header_sent.or(base.expect_header_sent),
            body_sent: over.body_sent.or(base.body_sent),
            wait_ms: over.wait_ms.or(base.wait_ms),
            informational: over.informational.or(base.informational),
            requests: over.requests.or(base.requests),
            final_status: over.final_status.or(base.final_status),
            outcome: over.outcome.or(base.outcome),
            connection_reusable: over.connection_reusable.or(base.connection_reusable),
            retry: over.retry.or(base.retry),
            body_still_replayable: over.body_still_replayable.or(base.body_still_replayable),
        }
    }
}
