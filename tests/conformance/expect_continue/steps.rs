//! The steps of a server's script, and whose requests they wait for.

use std::time::Duration;

use serde::Deserialize;

use super::vectors::Vector;
use crate::url::Url;

/// What the server says when something has happened.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub when: When,
    #[serde(default)]
    after_ms: u64,
    pub status: Option<u16>,
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    #[serde(default)]
    pub body: String,
    pub reason: Option<String>,
    /// Bytes as they are, in place of a status.
    pub raw: Option<String>,
    /// Whether the server then ends its side of the connection.
    #[serde(default)]
    pub close: bool,
    /// Whether it does so for ever.
    #[serde(default)]
    pub repeat: bool,
    /// For [`When::BodyBytes`].
    #[serde(default)]
    pub bytes: usize,
    /// For [`When::NextRequest`], like the two that follow.
    pub url: Option<String>,
    pub method: Option<String>,
    #[serde(default)]
    pub headers_absent: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// The head of a request is there.
    Head,
    /// Its content is there, to its declared end.
    Body,
    /// So many bytes of its content are there.
    BodyBytes,
    /// Content comes although nothing was said.
    Timeout,
    /// At once.
    #[serde(rename = "after_ms")]
    AfterMs,
    /// At once, and the final response was sent: the connection may be idle.
    #[serde(rename = "after_final")]
    AfterFinal,
    /// The head of another request is there.
    NextRequest,
}

impl Step {
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.after_ms)
    }

    /// Returns the status of a final response that the step sends.
    pub fn final_status(&self) -> Option<u16> {
        let status = match &self.raw {
            Some(raw) => raw.split("HTTP/1.").skip(1).filter_map(status_of).find(|&s| s >= 200),
            None => self.status,
        };
        status.filter(|&status| status >= 200)
    }

    /// Returns why the step cannot be played over HTTP/2.
    pub fn only_http1(&self) -> Option<&'static str> {
        if self.raw.is_some() {
            return Some("HTTP/2 has no raw bytes of a response");
        }
        self.close.then_some("a stream of HTTP/2 is not half-closed without a response")
    }
}

/// Reads the status in `1 100 Continue`.
fn status_of(line: &str) -> Option<u16> {
    line.get(2..5)?.parse().ok()
}

impl Vector {
    /// Returns the requests of the script that only the caller can make, by another call.
    ///
    /// The layer itself follows a redirect, and repeats a request after 417. After 401 or 407 the same
    /// request would be the work of a layer that has credentials: nobody makes it here.
    pub fn further_calls(&self) -> Vec<&Step> {
        let mut calls = Vec::new();
        let mut answer = None;
        let mut may_repeat = self.expect.expect_header_sent != Some(false);
        for step in &self.server {
            if step.when == When::NextRequest {
                match answer {
                    Some(301 | 302 | 303 | 307 | 308) if self.config.follow => {}
                    Some(417) if may_repeat => may_repeat = false,
                    Some(401 | 407) if self.is_same_url(step) => {}
                    _ => calls.push(step),
                }
            }
            answer = step.final_status().or(answer);
        }
        calls
    }

    fn is_same_url(&self, step: &Step) -> bool {
        let url = step.url.as_ref().unwrap_or(&self.request.url);
        Url::parse(url).0 == Url::parse(&self.request.url).0
    }
}
