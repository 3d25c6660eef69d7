//! How often everything has happened.

use std::{collections::BTreeMap, fmt};

use super::{caller::How, invariants::Facts};

/// Counts by group and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<(&'static str, &'static str), u64>,
}

impl Tally {
    pub fn note(&mut self, group: &'static str, name: &'static str) {
        *self.counts.entry((group, name)).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.counts {
            *self.counts.entry(*key).or_default() += count;
        }
    }

    pub fn count(&self, group: &'static str, name: &'static str) -> u64 {
        self.counts.get(&(group, name)).copied().unwrap_or(0)
    }
}

/// Notes what happened in a call.
pub fn note(facts: &Facts<'_>, tally: &mut Tally) {
    tally.note("call", how(facts));
}

fn how(facts: &Facts<'_>) -> &'static str {
    match facts.end.how {
        How::Response => "response",
        How::Refused(_) => "refused",
        How::NotReady => "not ready",
        How::Reset => "reset",
        How::ContentFailed => "content failed",
        How::TotalTime => "total time",
        How::TooManyInformational => "too many 1xx",
        How::OtherError => "other",
        How::Left => "left",
        How::GaveUp => "gave up",
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((group, name), count) in &self.counts {
            writeln!(f, "{group:12} {name:40} {count:>10}")?;
        }
        Ok(())
    }
}
