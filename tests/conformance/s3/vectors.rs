//! The format of `s3.json`. Whatever it does not name is an error.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};

/// What the name of a host says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what only a reader needs is named, so that the rest is unknown")]
pub struct Host {
    pub host: String,
    pub s3: bool,
    pub family: Option<String>,
    pub bucket: Option<String>,
    pub region: Option<String>,
    pub partition: Option<String>,
    pub auto_follow: bool,
    #[serde(default)]
    source: IgnoredAny,
    #[serde(default)]
    note: IgnoredAny,
}

/// A request, the response to it, and what must come of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what only a reader needs is named, so that the rest is unknown")]
pub struct Redirect {
    id: IgnoredAny,
    pub request: Request,
    pub response: Response,
    #[serde(default)]
    pub options: Options,
    pub expect: Expect,
    #[serde(default)]
    source: IgnoredAny,
    #[serde(default)]
    note: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    pub method: String,
    pub url: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub body: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    pub status: u16,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub body: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// A signer is inside.
    pub resigner: bool,
    /// The region it signs for, where it is told none.
    pub signed_region: Option<String>,
    /// How many redirects were followed before.
    pub hops: usize,
    pub max_redirects: Option<usize>,
    pub custom_domains: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "a reason is informative")]
pub struct Expect {
    pub decision: Decision,
    pub next: Option<Next>,
    #[serde(default)]
    reason: IgnoredAny,
    #[serde(default)]
    reason_alt: IgnoredAny,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    Follow,
    /// The redirect is handed back.
    Stop,
    /// It is as if there were no policy for S3.
    Pass,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "whether it is signed anew is the signer's")]
pub struct Next {
    pub method: String,
    pub url: String,
    pub region: Option<String>,
    resign: IgnoredAny,
}

/// What becomes of the fields of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "what only a reader needs is named, so that the rest is unknown")]
pub struct Fields {
    id: IgnoredAny,
    pub signature: Signature,
    pub request_headers: Vec<String>,
    pub kept_verbatim: Vec<String>,
    pub regenerated: Vec<String>,
    pub removed: Vec<String>,
    #[serde(default)]
    source: IgnoredAny,
    #[serde(default)]
    note: IgnoredAny,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signature {
    None,
    V2,
    V4,
    /// It does not matter: the redirect leaves S3.
    Any,
}
