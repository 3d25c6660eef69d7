//! Our side of what is left open: the choices and the known deviations, as files beside the vectors.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{runner::Case, vector::Vector};

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

/// Returns what the lists in `directory` leave out of the vectors of a test, and what they name that is
/// not there.
pub fn complaints<V: Vector>(
    test: &str,
    cases: &[Case<V>],
    choices: &List,
    deviations: &List,
    directory: &Path,
) -> Vec<String> {
    let mut complaints = choice_complaints(test, cases, choices);
    let this = format!("{test}.json");
    let ids: BTreeSet<&str> = cases.iter().map(|case| &*case.id).collect();
    let is_there = |name: &str| match name.split_once(':') {
        Some((file, id)) if file == this => ids.contains(id),
        // It is another test's, if there is such a file.
        Some((file, _)) => directory.join(file).is_file(),
        None => false,
    };
    let unknown = deviations.names().filter(|name| !is_there(name));
    complaints.extend(unknown.map(|name| format!("expected_failures.txt: {name} did not run")));
    complaints
}

fn choice_complaints<V: Vector>(test: &str, cases: &[Case<V>], choices: &List) -> Vec<String> {
    let open = || cases.iter().filter_map(|case| Some((&*case.id, case.choice()?.class())));
    let mut classes: BTreeSet<&str> = open().map(|(_, class)| class).collect();
    classes.extend(V::OPEN_ELSEWHERE);
    let ids: BTreeSet<&str> = open().map(|(id, _)| id).collect();
    let undecided = classes.iter().filter(|class| choices.get(class).is_none());
    let unknown = choices.names().filter(|name| !classes.contains(name) && !ids.contains(name));
    undecided
        .map(|class| format!("{test}.choices.txt says nothing of `{class}`"))
        .chain(unknown.map(|name| format!("{test}.choices.txt: `{name}` leaves no choice")))
        .collect()
}
