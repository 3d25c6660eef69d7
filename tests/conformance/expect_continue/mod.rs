//! `expect-continue.json`: uploads that wait for `100 Continue`, over HTTP/1 and HTTP/2.
//!
//! The server plays the steps of a vector in order, byte by byte. Besides what a vector expects it is
//! asked of every call: does what came to the server come from the caller, does nothing look complete
//! that is cut off, is the response whole, does the client work on, and does everything end.

mod body;
mod call;
mod check;
mod client;
mod http1;
mod http2;
mod line;
mod server;
mod stage;
mod steps;
mod tasks;
mod vectors;

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

pub use self::vectors::Vector;
use self::{
    call::call,
    check::{broken_promises, differences},
    steps::Step,
    vectors::Version,
};
use crate::vector::{self, Verdict};

/// How long a vector may take.
const TIMEOUT: Duration = Duration::from_secs(60);

impl vector::Vector for Vector {
    const OPEN_ELSEWHERE: &'static [&'static str] =
        &["late-100", "several-1xx", "417", "redirect", "http10", "auth", "desync"];

    fn read(_: &str, value: &Value) -> serde_json::Result<Self> {
        Self::deserialize(value)
    }

    fn class(&self) -> &str {
        &self.class
    }

    fn is_open(&self) -> bool {
        self.policy_dependent
    }

    async fn judge(&self) -> Verdict {
        if self.request.version == Version::Http2 {
            if let Some(why) = self.server.iter().find_map(Step::only_http1) {
                return Verdict::OutOfScope(why.into());
            }
        }
        let found = match tokio::time::timeout(TIMEOUT, call(self)).await {
            Ok(Ok(found)) => found,
            Ok(Err(why)) => return Verdict::Breaks(why),
            Err(_) => return Verdict::Breaks(format!("it takes more than {TIMEOUT:?}")),
        };
        if let Some(broken) = broken_promises(self, &found).text() {
            return Verdict::Breaks(broken);
        }
        let mut failures = Vec::new();
        for (who, expect) in self.choices() {
            match differences(&expect, self, &found).text() {
                None => return Verdict::Passed,
                Some(text) => failures.push(format!("[{who}] {text}")),
            }
        }
        failures.extend(found.answer.error.map(|error| format!("[error] {error}")));
        Verdict::Deviates(failures.join("\n    "))
    }
}
