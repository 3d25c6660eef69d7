//! The format of `redirects.json`. Whatever it does not name is an error.

use std::fmt;

use serde::{Deserialize, de::IgnoredAny};

use super::config::Config;

/// A script for the server, a request, and what must come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what only a reader needs is named, so that the rest is unknown")]
pub struct Vector {
    pub id: String,
    pub class: String,
    pub request: Request,
    pub hops: Vec<Hop>,
    pub expect: Expect,
    pub policy_dependent: bool,
    #[serde(default)]
    pub alternatives: Vec<Alternative>,
    #[serde(default)]
    pub config: Config,
    #[serde(default)]
    source: Source,
    #[serde(default)]
    profile: IgnoredAny,
    #[serde(default)]
    consensus: IgnoredAny,
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
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, Latin1)>,
    pub body: Option<Filled>,
    pub body_replayable: Option<bool>,
}

/// An answer of the server to requests for one URL.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hop {
    pub url: String,
    pub status: u16,
    pub headers: Vec<(String, Filled)>,
    #[serde(default)]
    pub body: Filled,
    #[serde(default)]
    pub repeat: bool,
    pub body_gen: Option<Generated>,
}

/// A body too large for the file.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generated {
    pub encoding: Encoding,
    pub of: Pattern,
    pub bytes: usize,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    Identity,
    Gzip,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pattern {
    Zeros,
}

/// What must come of a request. An absent field demands nothing.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    pub outcome: Option<Outcome>,
    pub final_url: Option<String>,
    pub effective_url: Option<String>,
    pub final_method: Option<String>,
    pub final_body: Option<Content>,
    pub final_status: Option<u16>,
    pub headers_present: Option<Vec<Field>>,
    pub headers_absent: Option<Vec<Field>>,
    pub hop_count: Option<usize>,
    pub error_kind: Option<String>,
    pub requests: Option<Vec<ExpectRequest>>,
}

/// What must be seen of one of the requests.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectRequest {
    pub url: Option<String>,
    pub method: Option<String>,
    pub body: Option<Content>,
    pub headers_present: Vec<Field>,
    pub headers_absent: Vec<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The caller gets a response that is no redirect.
    Response,
    /// The caller gets a 3xx.
    Stop,
    Error,
}

impl Outcome {
    fn follows(self) -> bool {
        self == Self::Response
    }
}

/// What became of the content on its way to the last request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    Same,
    Dropped,
    #[serde(rename = "n/a")]
    NotAsked,
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

    /// Returns whether all that is said of header fields is that they are absent.
    pub fn demands_no_field(&self) -> bool {
        let requests = self.expect.requests.iter().flatten();
        let present = self.expect.headers_present.iter().flatten();
        present.chain(requests.flat_map(|request| &request.headers_present)).next().is_none()
    }
}

impl Expect {
    /// Lays the fields of a partial expectation over these.
    ///
    /// Where one follows the redirect and the other does not, what is said here is about another
    /// request, and does not hold.
    fn overlaid(&self, over: &Self) -> Self {
        let follows = self.outcome.map(Outcome::follows);
        let base = match over.outcome.map(Outcome::follows) {
            Some(other) if Some(other) != follows => Self::default(),
            _ => self.clone(),
        };
        let over = over.clone();
        Self {
            outcome: over.outcome.or(base.outcome),
            final_url: over.final_url.or(base.final_url),
            effective_url: over.effective_url.or(base.effective_url),
            final_method: over.final_method.or(base.final_method),
            final_body: over.final_body.or(base.final_body),
            final_status: over.final_status.or(base.final_status),
            headers_present: over.headers_present.or(base.headers_present),
            headers_absent: over.headers_absent.or(base.headers_absent),
            hop_count: over.hop_count.or(base.hop_count),
            error_kind: over.error_kind.or(base.error_kind),
            requests: over.requests.or(base.requests),
        }
    }
}

/// A field that is seen or not: `Name`, or `Name: value`.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Field {
    pub name: String,
    pub value: Option<String>,
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        match text.split_once(':') {
            Some((name, value)) => Self { name: name.into(), value: Some(value.trim().into()) },
            None => Self { name: text, value: None },
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "`{}: {value}`", self.name),
            None => write!(f, "`{}`", self.name),
        }
    }
}

/// Bytes, written as a string: each code point is a byte.
#[derive(Clone, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Latin1(pub Vec<u8>);

impl TryFrom<String> for Latin1 {
    type Error = std::char::TryFromCharError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.chars().map(u8::try_from).collect::<Result<_, _>>().map(Self)
    }
}

/// Bytes of which `a*2097152` stands for that many `a`.
#[derive(Clone, Default, Deserialize)]
#[serde(try_from = "String")]
pub struct Filled(pub Vec<u8>);

impl TryFrom<String> for Filled {
    type Error = std::char::TryFromCharError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = Latin1::try_from(text)?.0;
        Ok(Self(fill(&bytes).unwrap_or(bytes)))
    }
}

fn fill(text: &[u8]) -> Option<Vec<u8>> {
    let [letter, b'*', count @ ..] = text else { return None };
    let count = std::str::from_utf8(count).ok()?.parse().ok()?;
    letter.is_ascii_alphanumeric().then(|| vec![*letter; count])
}
