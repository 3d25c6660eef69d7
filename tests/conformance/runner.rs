//! Runs the vectors of a file, and says of each what became of it.

use std::{collections::HashSet, sync::Arc};

use serde_json::Value;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    lists::List,
    vector::{Vector, Verdict},
};

/// How many vectors run at a time.
const CONCURRENCY: usize = 32;

/// A vector that was read, or why it was not.
pub struct Case<V> {
    pub id: String,
    vector: Result<V, String>,
}

/// A vector and what became of it.
pub struct Report {
    pub id: String,
    pub verdict: Verdict,
    /// The class of a vector that leaves clients a choice.
    open_class: Option<String>,
}

impl<V: Vector> Case<V> {
    /// Reads each vector by itself, so that a strange one fails alone.
    ///
    /// # Errors
    ///
    /// Fails if the file has another form.
    pub fn read_all(text: &str) -> Result<Vec<Self>, String> {
        let file: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        V::check_file(&file)?;
        let mut cases = Vec::new();
        for list in V::LISTS {
            let Some(Value::Array(vectors)) = file.get(list) else {
                return Err(format!("there is no list `{list}`"));
            };
            cases.extend(vectors.iter().enumerate().map(|vector| Self::read(list, vector)));
        }
        let mut seen = HashSet::new();
        match cases.iter().find(|case| !seen.insert(&case.id)) {
            Some(case) => Err(format!("the id {} comes twice", case.id)),
            None => Ok(cases),
        }
    }

    fn read(list: &str, (index, value): (usize, &Value)) -> Self {
        let name = value["id"].as_str().or_else(|| value["host"].as_str());
        let id = name.map_or_else(|| format!("{list}#{index}"), str::to_owned);
        let vector = V::read(list, value);
        Self { id, vector: vector.map_err(|error| error.to_string()) }
    }

    /// Returns the vector if it leaves clients a choice.
    pub fn choice(&self) -> Option<&V> {
        self.vector.as_ref().ok().filter(|vector| vector.is_open())
    }

    async fn run(&self) -> Verdict {
        match &self.vector {
            Ok(vector) => vector.judge().await,
            Err(why) => Verdict::Unreadable(why.clone()),
        }
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
pub async fn run<V: Vector>(cases: Vec<Case<V>>, excuses: &Excuses<'_>) -> Vec<Report> {
    let permits = Arc::new(Semaphore::new(CONCURRENCY));
    let mut running = JoinSet::new();
    for (index, case) in cases.into_iter().enumerate() {
        let permits = Arc::clone(&permits);
        running.spawn(async move {
            let _permit = permits.acquire().await.expect("nobody closes the semaphore");
            let id = case.id.clone();
            let open_class = case.choice().map(|vector| vector.class().to_owned());
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
