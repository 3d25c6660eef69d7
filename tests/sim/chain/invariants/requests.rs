//! How many requests there are, and where they go.

use http::Uri;

use super::{Facts, Step, broken};
use crate::chain::{
    journal::{Broken, Sent},
    policies::rewrite,
    server::{Answer, Location, ORIGINS, uri},
};

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

fn follows(facts: &Facts<'_>, from: &Sent, sent: &Sent, at: usize) -> Result<(), Broken> {
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
