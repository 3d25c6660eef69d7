//! Our side of what is left open: the choices and the known deviations, as files beside the vectors.

use std::collections::{BTreeMap, BTreeSet};

use crate::runner::Case;

/// A file of lines `name  words`; `#` begins a comment.
pub struct List {
    entries: BTreeMap<String, String>,
}

impl List {
    /// Reads a list.
    ///
    /// # Errors
    ///
    /// Fails if a line has no words, or a name comes twice.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut entries = BTreeMap::new();
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, words) = line
                .split_once(char::is_whitespace)
                .ok_or_else(|| format!("`{line}` says nothing"))?;
            if entries.insert(name.to_owned(), words.trim().to_owned()).is_some() {
                return Err(format!("`{name}` is listed twice"));
            }
        }
        Ok(Self { entries })
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries.get(name).map(String::as_str)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }
}

/// Returns what the lists leave out of the vectors of a file, and what they name that is not there.
pub fn complaints(cases: &[Case], choices: &List, deviations: &List, file: &str) -> Vec<String> {
    let mut complaints = choice_complaints(cases, choices);
    let ids: BTreeSet<_> = cases.iter().map(|case| format!("{file}:{}", case.id)).collect();
    let unknown = deviations.names().filter(|name| !ids.contains(*name));
    complaints.extend(unknown.map(|name| format!("expected_failures.txt: {name} did not run")));
    complaints
}

fn choice_complaints(cases: &[Case], choices: &List) -> Vec<String> {
    let open: Vec<_> = cases.iter().filter_map(Case::choice).collect();
    let classes: BTreeSet<&str> = open.iter().map(|vector| &*vector.class).collect();
    let ids: BTreeSet<&str> = open.iter().map(|vector| &*vector.id).collect();
    let undecided = classes.iter().filter(|class| choices.get(class).is_none());
    let unknown = choices.names().filter(|name| !classes.contains(name) && !ids.contains(name));
    undecided
        .map(|class| format!("choices.txt says nothing of `{class}`"))
        .chain(unknown.map(|name| format!("choices.txt: `{name}` leaves no choice")))
        .collect()
}
