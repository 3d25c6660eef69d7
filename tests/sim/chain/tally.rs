//! How often everything has happened: a generator that never makes a thing does not test it.

use std::{collections::BTreeMap, fmt};

use tower_follow_redirect::RefusalKind;

use super::{
    Brought,
    caller::{How, Read, Source},
    closure::SET,
    content::{Again, End},
    invariants::{Facts, Step},
    journal::{Ending, Sent},
    policies::{SECRETS, origin},
    server::{Answer, Interim, ReadingEnd},
    transport::Readiness,
};

/// Counts by group and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<(&'static str, &'static str), u64>,
}

/// All that must happen, in any number of chains worth its name.
const ALL: [(&str, &[&str]); 5] = [
    (
        "a call ends with",
        &[
            "a response that was not redirected",
            "a response after redirects",
            "a 3xx, handed back",
            "a refusal, which owns the response",
            "a refusal of what was remembered",
            "a service that is not ready",
            "a reset",
            "content that fails",
            "its total time",
            "too many 1xx",
            "a caller who leaves",
            "silence",
        ],
    ),
    (
        "refused for",
        &[
            "too-many-redirects",
            "loop",
            "missing-location",
            "bad-location",
            "scheme",
            "body-not-replayable",
            "policy",
            "tunnel",
            "not-redirect",
        ],
    ),
    (
        "a request",
        &[
            "is the caller's",
            "follows within its origin",
            "follows to another origin",
            "follows with credentials that were granted",
            "repeats what met 417",
            "retracts what was remembered",
            "goes where it must, as is remembered",
            "is the fourth or later",
            "is the 34th or later",
            "has what a policy set",
        ],
    ),
    (
        "content",
        &[
            "is complete",
            "is complete after some was sent before",
            "is complete where nothing was sent before",
            "is complete, made again",
            "is complete with trailers",
            "fails",
            "is cancelled in the middle",
            "is cancelled unsent",
            "is cut by the server",
            "was asked for by 100",
            "has waited its time",
        ],
    ),
    (
        "a fault",
        &[
            "no answer",
            "a reset",
            "a response that is cut",
            "a response that never ends",
            "an answer before the content is there",
            "many 1xx",
            "a service that is slow",
            "a service that takes one at a time",
            "a service that is never ready",
            "a response that is dropped",
            "a policy that the request brings",
        ],
    ),
];

impl Tally {
    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.counts {
            *self.counts.entry(*key).or_default() += count;
        }
    }

    /// Returns what never happened, and would have to.
    pub fn missing(&self) -> Vec<(&'static str, &'static str)> {
        all().filter(|key| !self.counts.contains_key(key)).collect()
    }

    fn count(&mut self, group: &'static str, name: &'static str) {
        *self.counts.entry((group, name)).or_default() += 1;
    }
}

fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALL.iter().flat_map(|(group, names)| names.iter().map(|name| (*group, *name)))
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (group, names) in ALL {
            writeln!(f, "{group}")?;
            for name in names {
                let count = self.counts.get(&(group, *name)).unwrap_or(&0);
                writeln!(f, "  {name:<46} {count:>11}")?;
            }
        }
        Ok(())
    }
}

/// Notes what happened in a call that has kept all promises.
pub fn note(facts: &Facts<'_>, steps: &[(Step, Option<usize>)], tally: &mut Tally) {
    tally.count("a call ends with", ends_with(facts));
    let refusal = match facts.end.how {
        How::Refused(kind) => Some(kind),
        _ => facts.end.response.as_ref().and_then(|got| got.refusal),
    };
    if let Some(kind) = refusal {
        tally.count("refused for", RefusalKind::as_str(kind));
    }
    for (at, sent) in facts.journal.sent.iter().enumerate() {
        let (step, from) = steps[at];
        let from = from.map(|from| &facts.journal.sent[from]);
        note_request(tally, step, from, sent, at);
        note_content(facts, tally, sent, at);
        note_faults(tally, sent);
    }
    for _ in facts.end.hops.iter().filter(|source| **source == Source::Memory) {
        tally.count("a request", "goes where it must, as is remembered");
    }
    note_others(facts, tally);
}

fn ends_with(facts: &Facts<'_>) -> &'static str {
    let status = facts.end.response.as_ref().map_or(0, |got| got.status);
    match facts.end.how {
        How::Response if (300..400).contains(&status) => "a 3xx, handed back",
        How::Response if facts.end.hops.is_empty() => "a response that was not redirected",
        How::Response => "a response after redirects",
        How::Refused(_) if facts.end.remembered => "a refusal of what was remembered",
        How::Refused(_) => "a refusal, which owns the response",
        How::NotReady => "a service that is not ready",
        How::Reset => "a reset",
        How::ContentFailed => "content that fails",
        How::TotalTime => "its total time",
        How::TooManyInformational => "too many 1xx",
        How::Left => "a caller who leaves",
        How::GaveUp => "silence",
        How::OtherError => "something else",
    }
}

fn note_request(tally: &mut Tally, step: Step, from: Option<&Sent>, sent: &Sent, at: usize) {
    let mut count = |name| tally.count("a request", name);
    let has_secret = |sent: &Sent| SECRETS.iter().any(|name| sent.headers.contains_key(name));
    match (step, from) {
        (Step::First, _) => count("is the caller's"),
        (Step::Repeats, _) => count("repeats what met 417"),
        (Step::Retracts, _) => count("retracts what was remembered"),
        (Step::Follows, Some(from)) if origin(&from.uri) == origin(&sent.uri) => {
            count("follows within its origin");
        }
        (Step::Follows, _) if has_secret(sent) => {
            count("follows with credentials that were granted");
        }
        (Step::Follows, _) => count("follows to another origin"),
    }
    if at >= 3 {
        count("is the fourth or later");
    }
    if at >= 33 {
        count("is the 34th or later");
    }
    if sent.headers.contains_key(SET) {
        count("has what a policy set");
    }
}

fn note_content(facts: &Facts<'_>, tally: &mut Tally, sent: &Sent, at: usize) {
    let mut count = |name| tally.count("content", name);
    let before = facts.journal.sent[..at].iter().map(|sent| sent.received.bytes).max();
    let received = &sent.received;
    if sent.content.is_none() {
        return;
    }
    match received.end {
        Some(Ending::Complete) => {
            count("is complete");
            match before {
                _ if at == 0 => {}
                Some(0) => count("is complete where nothing was sent before"),
                _ if facts.call.content.again == Again::OneShot => {
                    count("is complete after some was sent before");
                }
                _ => count("is complete, made again"),
            }
            if facts.call.content.end == End::Trailers {
                count("is complete with trailers");
            }
        }
        Some(Ending::Failed) => count("fails"),
        Some(Ending::Cancelled) if received.bytes == 0 => count("is cancelled unsent"),
        Some(Ending::Cancelled) => count("is cancelled in the middle"),
        Some(Ending::Closed) | None => count("is cut by the server"),
    }
    match received.first {
        Some(_) if sent.expects_continue() && received.continued.is_some() => {
            count("was asked for by 100")
        }
        Some(first) if sent.expects_continue() && first > sent.at => count("has waited its time"),
        _ => {}
    }
}

fn note_faults(tally: &mut Tally, sent: &Sent) {
    let mut count = |name| tally.count("a fault", name);
    match &sent.visit.answer {
        Answer::Silence => count("no answer"),
        Answer::Reset => count("a reset"),
        Answer::Response(reply) => match reply.body.end {
            ReadingEnd::Fails => count("a response that is cut"),
            ReadingEnd::Never => count("a response that never ends"),
            ReadingEnd::Clean => {}
        },
    }
    let is_early = sent.content.is_some() && sent.received.end != Some(Ending::Complete);
    if is_early && sent.answered {
        count("an answer before the content is there");
    }
    if let Interim::Hints(_) = sent.visit.interim {
        count("many 1xx");
    }
}

fn note_others(facts: &Facts<'_>, tally: &mut Tally) {
    let mut count = |name| tally.count("a fault", name);
    for readiness in &facts.script.readiness {
        match readiness {
            Readiness::After(_) => count("a service that is slow"),
            Readiness::Alone => count("a service that takes one at a time"),
            Readiness::Fails => count("a service that is never ready"),
            Readiness::AtOnce => {}
        }
    }
    if facts.end.response.as_ref().is_some_and(|got| got.read == Read::Dropped) {
        count("a response that is dropped");
    }
    if facts.script.brought == Brought::ByTheRequest {
        count("a policy that the request brings");
    }
}
