//! How many requests there are, and where they go.

use http::Uri;

use super::super::{
    journal::{Broken, Sent},
    line::Reader,
    policies::rewrite,
    server::{Answer, Location, ORIGINS, ReadingEnd, Reply, uri},
};
use super::{Facts, Step, broken};

pub fn check(facts: &Facts<'_>) -> Result<Vec<(Step, Option<usize>)>, Broken> {
    let steps = facts.steps()?;
    let count = |wanted| steps.iter().filter(|(step, _)| *step == wanted).count();
    let limit = facts.script.settings.limit;
    if count(Step::Follows) > limit {
        return broken("no more redirects are followed than the limit", format!("{steps:?}"));
    }
    if count(Step::Retracts) > 1 {
        return broken("a memory misleads a call once", format!("{steps:?}"));
    }
    for (at, (step, from)) in steps.iter().enumerate() {
        if let Some(before) = at.checked_sub(1) {
            is_drained(facts, &facts.journal.sent[before], at)?;
        }
        let sent = &facts.journal.sent[at];
        let Some(from) = from.map(|from| &facts.journal.sent[from]) else { continue };
        match step {
            Step::Follows => follows(facts, from, sent, at)?,
            Step::Repeats => repeats(from, sent, at)?,
            Step::First | Step::Retracts => {}
        }
    }
    Ok(steps)
}

/// A redirect is read to its end before the next request, so that its connection can be used again.
fn is_drained(facts: &Facts<'_>, before: &Sent, at: usize) -> Result<(), Broken> {
    let Answer::Response(Reply { body, .. }) = &before.visit.answer else { return Ok(()) };
    let settings = &facts.script.settings;
    let (bytes, time) = settings.drain;
    let size: usize = body.frames.iter().map(|length| (*length).max(1)).sum();
    let takes = body.delay * (body.frames.len() as u32 + 1);
    let in_time = takes.is_zero() || settings.has_clock && takes < time;
    let is_worth_it = size as u64 <= bytes && in_time && body.end == ReadingEnd::Clean;
    if is_worth_it && before.answered && before.reader != Reader::Done {
        let how = format!("before request {at}: {:?}", before.reader);
        return broken("a redirect is read to its end", how);
    }
    Ok(())
}

/// The same request is not sent again, where that is looked for.
fn is_no_loop(facts: &Facts<'_>, sent: &Sent, at: usize) -> Result<(), Broken> {
    let is_same = |other: &&Sent| {
        (&other.method, &other.uri, &other.headers, other.content.is_some())
            == (&sent.method, &sent.uri, &sent.headers, sent.content.is_some())
    };
    let looks = facts.script.settings.detects_loops && !facts.script.tree.remembers();
    if looks && facts.journal.sent[..at].iter().any(|other| is_same(&other)) {
        return broken("a loop is noticed", format!("request {at}"));
    }
    Ok(())
}

fn follows(facts: &Facts<'_>, from: &Sent, sent: &Sent, at: usize) -> Result<(), Broken> {
    is_no_loop(facts, sent, at)?;
    let tree = &facts.script.tree;
    if let (false, Some(expected)) = (tree.leads(), target(from)) {
        if sent.uri != expected {
            let how = format!("request {at} is for {}, not {expected}", sent.uri);
            return broken("a redirect is followed to its target", how);
        }
    }
    if let (false, Some(status)) = (tree.rewrites(), from.status()) {
        let (expected, _) = rewrite(status, &from.method);
        if sent.method != expected {
            let how = format!("request {at} is {}, not {expected}", sent.method);
            return broken("the method is what RFC 9110 makes of it", how);
        }
    }
    if from.uri.scheme_str() == Some("ftp") {
        return broken("only http and https are requested", format!("request {at}"));
    }
    Ok(())
}

/// Returns where the answer to a request leads, if it says so.
fn target(from: &Sent) -> Option<Uri> {
    let Answer::Response(reply) = &from.visit.answer else { return None };
    let target = match reply.location {
        Location::Page(origin, page) => uri(origin, page),
        Location::SamePath(origin) => format!("{}{}", ORIGINS[origin], from.uri.path()),
        Location::Relative(page) => {
            let (scheme, authority) = (from.uri.scheme_str()?, from.uri.authority()?);
            format!("{scheme}://{authority}/p{page}")
        }
        Location::None | Location::Bad(_) | Location::Region(_) => return None,
    };
    target.parse().ok()
}

fn repeats(from: &Sent, sent: &Sent, at: usize) -> Result<(), Broken> {
    let is_same = (&from.method, &from.uri) == (&sent.method, &sent.uri);
    if !is_same || sent.expects_continue() || from.content.is_some() != sent.content.is_some() {
        return broken(
            "after 417 the same is sent without the expectation",
            format!("request {at}"),
        );
    }
    Ok(())
}
