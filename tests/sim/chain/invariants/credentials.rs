//! What is secret stays with its origin.

use http::{HeaderMap, HeaderName, Uri, header};

use super::super::{
    call::SECRET,
    closure::{SET, STRIPPED},
    journal::{Broken, Marks, Sent},
    policies::{SECRETS, origin},
    server::uri,
};
use super::{Facts, Step, broken};

/// The caller's own request, or one that was sent.
struct From<'a> {
    uri: Uri,
    sent: Option<&'a Sent>,
}

impl From<'_> {
    fn has(&self, name: &HeaderName) -> bool {
        self.sent.is_none_or(|sent| has_own(&sent.headers, name))
    }

    fn marks(&self) -> Marks {
        self.sent.map_or(Marks { secret: true, kept: true }, |sent| sent.marks)
    }
}

fn has_own(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.get_all(name).iter().any(|value| value == SECRET)
}

pub fn check(facts: &Facts<'_>, steps: &[(Step, Option<usize>)]) -> Result<(), Broken> {
    for (at, (step, from)) in steps.iter().enumerate() {
        let from = match from {
            None => From { uri: first(facts), sent: None },
            Some(from) => {
                let sent = &facts.journal.sent[*from];
                From { uri: sent.uri.clone(), sent: Some(sent) }
            }
        };
        let sent = &facts.journal.sent[at];
        come_along(facts, &from, sent, at)?;
        of_policies(facts, *step, sent, at)?;
    }
    Ok(())
}

fn first(facts: &Facts<'_>) -> Uri {
    let (origin, page) = facts.call.at;
    uri(origin, page).parse().expect("it is a URI")
}

/// What the caller has given comes along only where it may.
fn come_along(facts: &Facts<'_>, from: &From<'_>, sent: &Sent, at: usize) -> Result<(), Broken> {
    let crosses = origin(&from.uri) != origin(&sent.uri);
    let trusted = facts.script.tree.may_trust(&from.uri, &sent.uri);
    for name in &SECRETS {
        if !has_own(&sent.headers, name) {
            continue;
        }
        if !from.has(name) {
            return broken("what was stripped never comes back", format!("{name} in request {at}"));
        }
        if crosses && !trusted {
            let how = format!("{name} in request {at}");
            return broken("no credential goes to another origin", how);
        }
    }
    let (before, now) = (from.marks(), sent.marks);
    if now.secret && !before.secret || now.kept && !before.kept {
        return broken("what was stripped never comes back", format!("{now:?} in request {at}"));
    }
    let keeps = facts.script.settings.keeps_extension;
    if crosses && !trusted && (now.secret || now.kept && !keeps) {
        return broken("no extension goes to another origin", format!("{now:?} in request {at}"));
    }
    if before.kept && keeps && !now.kept {
        return broken("an extension that may go along does", format!("request {at}"));
    }
    if !crosses && before.secret && !now.secret && !facts.script.tree.leads() {
        return broken("within an origin every extension goes along", format!("request {at}"));
    }
    Ok(())
}

/// What a policy sets is for one origin, and what it strips is gone.
fn of_policies(facts: &Facts<'_>, step: Step, sent: &Sent, at: usize) -> Result<(), Broken> {
    let origin = origin(&sent.uri);
    if sent.headers.get_all(SET).iter().any(|value| value != origin.as_str()) {
        return broken("what a policy sets is for one origin", format!("request {at}"));
    }
    let authority = sent.uri.authority().map(|authority| authority.as_str());
    if sent.headers.get(header::HOST).is_some_and(|host| host.to_str().ok() != authority) {
        return broken("no request names another host than its own", format!("request {at}"));
    }
    let is_stripped = step == Step::Follows && facts.script.tree.strips();
    if is_stripped && sent.headers.contains_key(STRIPPED) {
        return broken("what a policy strips is gone", format!("request {at}"));
    }
    Ok(())
}
