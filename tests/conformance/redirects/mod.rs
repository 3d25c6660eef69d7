//! `redirects.json`: redirects as every client knows them, over HTTP/1.

mod check;
mod client;
mod config;
mod server;
mod vectors;

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

pub use self::vectors::Vector;
use self::{
    check::{broken_promises, differences},
    client::call,
    config::{Layer, Offer},
};
use crate::vector::{self, Verdict};

/// How long a vector may take.
const TIMEOUT: Duration = Duration::from_secs(20);

impl vector::Vector for Vector {
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
        if let Some(why) = self.unsendable() {
            return Verdict::OutOfScope(why);
        }
        match self.config.offer() {
            Err(why) => Verdict::Unreadable(why),
            Ok(Offer::All(layer)) => judge(self, &layer).await,
            Ok(Offer::Without(option, layer)) => without(option, self, &layer).await,
        }
    }
}

impl Vector {
    /// Returns why the script cannot be played over HTTP/1.
    fn unsendable(&self) -> Option<String> {
        let broken = |value: &[u8]| value.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
        let mut values = self.hops.iter().flat_map(|hop| &hop.headers);
        let (name, _) = values.find(|(_, value)| broken(&value.0))?;
        Some(format!("no {name} with a line break comes through a parser of HTTP"))
    }
}

/// Runs a vector without an option that is not ours. It counts only if it passes by what is *not*
/// sent, which no other layer can repair.
async fn without(option: &str, vector: &Vector, layer: &Layer) -> Verdict {
    let out_of_scope = Verdict::OutOfScope(format!("`{option}` is not this layer's to offer"));
    if !vector.demands_no_field() {
        return out_of_scope;
    }
    match judge(vector, layer).await {
        Verdict::Deviates(_) => out_of_scope,
        verdict => verdict,
    }
}

async fn judge(vector: &Vector, layer: &Layer) -> Verdict {
    let found = match tokio::time::timeout(TIMEOUT, call(vector, layer)).await {
        Ok(Ok(found)) => found,
        Ok(Err(why)) => return Verdict::Breaks(why),
        Err(_) => return Verdict::Breaks(format!("it takes more than {TIMEOUT:?}")),
    };
    if let Some(broken) = broken_promises(vector, &found).text() {
        return Verdict::Breaks(broken);
    }
    let mut failures = Vec::new();
    for (who, expect) in vector.choices() {
        match differences(&expect, vector, &found).text() {
            None => return Verdict::Passed,
            Some(text) => failures.push(format!("[{who}] {text}")),
        }
    }
    failures.extend(found.error.map(|error| format!("[error] {error}")));
    Verdict::Deviates(failures.join("\n    "))
}
