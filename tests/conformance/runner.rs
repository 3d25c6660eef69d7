//! Runs the vectors of a file, and says of each what became of it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use serde::Deserialize as _;
use serde_json::Value;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    check::{broken_promises, differences},
    client::call,
    config::{Layer, Offer},
    lists::List,
    vectors::Vector,
};

/// How many vectors run at a time.
const CONCURRENCY: usize = 32;

/// How long a vector may take.
const TIMEOUT: Duration = Duration::from_secs(20);

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
    /// It is a vector of somebody else's set that leaves a choice, and `choices.txt` states ours for
    /// its class.
    OurChoice(String),
}

/// A vector that was read, or why it was not.
pub struct Case {
    pub id: String,
    vector: Result<Vector, String>,
}

/// A vector and what became of it.
pub struct Report {
    pub id: String,
    pub verdict: Verdict,
    /// The class of a vector that leaves clients a choice.
    open_class: Option<String>,
}

impl Case {
    /// Reads each vector by itself, so that a strange one fails alone.
    ///
    /// # Errors
    ///
    /// Fails if the file has another form.
    pub fn read_all(text: &str) -> Result<Vec<Self>, String> {
        let file: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let Some(Value::Array(vectors)) = file.get("vectors") else {
            return Err("there is no list `vectors`".into());
        };
        let cases: Vec<_> = vectors.iter().enumerate().map(Self::read).collect();
        let mut seen = HashSet::new();
        match cases.iter().find(|case| !seen.insert(&case.id)) {
            Some(case) => Err(format!("the id {} comes twice", case.id)),
            None => Ok(cases),
        }
    }

    fn read((index, value): (usize, &Value)) -> Self {
        let id = value["id"].as_str().map_or_else(|| format!("#{index}"), str::to_owned);
        let vector = Vector::deserialize(value);
        Self { id, vector: vector.map_err(|error| error.to_string()) }
    }

    /// Returns the vector if it leaves clients a choice.
    pub fn choice(&self) -> Option<&Vector> {
        self.vector.as_ref().ok().filter(|vector| vector.policy_dependent)
    }

    async fn run(&self) -> Verdict {
        let vector = match &self.vector {
            Ok(vector) => vector,
            Err(why) => return Verdict::Unreadable(why.clone()),
        };
        if let Some(why) = vector.unsendable() {
            return Verdict::OutOfScope(why);
        }
        match vector.config.offer() {
            Err(why) => Verdict::Unreadable(why),
            Ok(Offer::No(why)) => Verdict::OutOfScope(why.into()),
            Ok(Offer::All(layer)) => judge(vector, &layer).await,
            Ok(Offer::Without(option, layer)) => without(option, vector, &layer).await,
        }
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

impl Vector {
    /// Returns why the script cannot be played over HTTP/1.
    fn unsendable(&self) -> Option<String> {
        let broken = |value: &[u8]| value.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
        let mut values = self.hops.iter().flat_map(|hop| &hop.headers);
        let (name, _) = values.find(|(_, value)| broken(&value.0))?;
        Some(format!("no {name} with a line break comes through a parser of HTTP"))
    }
}

/// What excuses a vector that deviates.
pub struct Excuses<'a> {
    pub file: &'a str,
    /// By id. A listed vector must deviate.
    pub deviations: &'a List,
    /// By class, for vectors that our lists need not name.
    pub choices: Option<&'a List>,
}

/// Runs cases side by side; the reports are in the order of the cases.
pub async fn run(cases: Vec<Case>, excuses: &Excuses<'_>) -> Vec<Report> {
    let permits = Arc::new(Semaphore::new(CONCURRENCY));
    let mut running = JoinSet::new();
    for (index, case) in cases.into_iter().enumerate() {
        let permits = Arc::clone(&permits);
        running.spawn(async move {
            let _permit = permits.acquire().await.expect("nobody closes the semaphore");
            let id = case.id.clone();
            let open_class = case.choice().map(|vector| vector.class.clone());
            let verdict = tokio::spawn(async move { case.run().await }).await;
            // A panic is the failure of one vector only.
            let verdict = verdict.unwrap_or_else(|panic| Verdict::Breaks(panic.to_string()));
            (index, Report { id, verdict, open_class })
        });
    }
    let mut reports = running.join_all().await;
    reports.sort_by_key(|(index, _)| *index);
    reports.into_iter().map(|(_, report)| report.excused(excuses)).collect()
}

impl Report {
    /// Compares a verdict with what is known, so that the lists stay true.
    fn excused(self, excuses: &Excuses<'_>) -> Self {
        let known = excuses.deviations.get(&format!("{}:{}", excuses.file, self.id));
        let chosen = self.open_class.as_deref().and_then(|class| excuses.choices?.get(class));
        let verdict = match (self.verdict, known, chosen) {
            (Verdict::Deviates(_), Some(reason), _) => Verdict::KnownDeviation(reason.into()),
            (Verdict::Deviates(_), None, Some(choice)) => Verdict::OurChoice(choice.into()),
            (Verdict::Passed, Some(_), _) => {
                Verdict::Deviates("it passes, and is listed as an expected failure".into())
            }
            (Verdict::OutOfScope(_), Some(_), _) => {
                Verdict::Deviates("it is listed as an expected failure, and did not run".into())
            }
            (verdict, _, _) => verdict,
        };
        Self { verdict, ..self }
    }
}
