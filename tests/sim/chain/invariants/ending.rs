//! Every call ends with what it has, and says why.

use tower_follow_redirect::{OnRefusal, RefusalKind};

use super::super::{
    caller::{Got, How, Read, Source},
    content::{Again, End},
    journal::{Broken, Sent},
    policies::{Leaf, is_redirect},
    server::{Answer, Interim, ReadingEnd},
    transport::Readiness,
};
use super::{Facts, Step, broken};

pub fn check(facts: &Facts<'_>, steps: &[(Step, Option<usize>)]) -> Result<(), Broken> {
    match facts.end.how {
        How::Left => return Ok(()),
        How::GaveUp => return gives_up(facts),
        How::Response => responds(facts)?,
        How::Refused(kind) => is_refused(facts, kind)?,
        how => has_cause(facts, how)?,
    }
    is_about_the_last(facts)?;
    counts(facts, steps)?;
    is_on_time(facts)
}

/// A caller waits for ever only where the server of the last request is silent.
fn gives_up(facts: &Facts<'_>) -> Result<(), Broken> {
    let last = facts.journal.sent.last();
    let is_silent = last.is_some_and(|sent| match &sent.visit.answer {
        Answer::Silence => true,
        Answer::Response(reply) => facts.journal.handed_over && reply.body.end == ReadingEnd::Never,
        Answer::Reset => false,
    });
    if is_silent {
        return Ok(());
    }
    broken("nothing hangs", "the call waits for what it need not wait for")
}

fn responds(facts: &Facts<'_>) -> Result<(), Broken> {
    let Some(got) = &facts.end.response else {
        return broken("a call that succeeds has a response", "it has none");
    };
    is_last(facts, got)?;
    match got.refusal {
        None if (300..400).contains(&got.status) => {
            broken("every 3xx that is handed back has its reason", got.status.to_string())
        }
        Some(RefusalKind::NotRedirect) if is_redirect(got.status) => {
            broken("a redirect is not refused as none", got.status.to_string())
        }
        Some(kind) if !is_returned(facts, kind, got.status) => {
            broken("a refusal is what the settings say", format!("{kind} of {}", got.status))
        }
        Some(kind) => is_justified(facts, kind),
        None => Ok(()),
    }
}

/// Returns whether a refusal may come as a response.
fn is_returned(facts: &Facts<'_>, kind: RefusalKind, status: u16) -> bool {
    let is_error = matches!(
        kind,
        RefusalKind::TooManyRedirects
            | RefusalKind::Loop
            | RefusalKind::BadLocation
            | RefusalKind::BodyNotReplayable
    );
    // S3 stops for reasons like these.
    let stops = facts.script.tree.any(&|leaf| matches!(leaf, Leaf::S3));
    !is_error
        || stops
        || !is_redirect(status)
        || facts.script.settings.on_refusal == OnRefusal::Return
}

fn is_refused(facts: &Facts<'_>, kind: RefusalKind) -> Result<(), Broken> {
    if facts.script.settings.on_refusal == OnRefusal::Return {
        return broken("a refusal is what the settings say", format!("{kind} is an error"));
    }
    match (&facts.end.response, facts.end.remembered) {
        (Some(got), false) => {
            if got.refusal != Some(kind) {
                return broken("a response has the reason of its error", format!("{got:?}"));
            }
            is_last(facts, got)?;
        }
        (None, true) => {}
        (got, remembered) => {
            let how = format!("{kind}: {got:?}, remembered: {remembered}");
            return broken("every error about a response owns it", how);
        }
    }
    is_justified(facts, kind)
}

/// The response is the server's last, and whole.
fn is_last(facts: &Facts<'_>, got: &Got) -> Result<(), Broken> {
    let Some(sent) = facts.journal.sent.last() else {
        return broken("a response is the server's", "nothing was sent");
    };
    if sent.status() != Some(got.status) {
        let how = format!("{} and not {:?}", got.status, sent.status());
        return broken("a response is the server's last", how);
    }
    if got.effective.as_ref().is_some_and(|effective| *effective != sent.uri.to_string()) {
        return broken("the history ends where the response is from", format!("{got:?}"));
    }
    let Answer::Response(reply) = &sent.visit.answer else { return Ok(()) };
    let whole = got.bytes == reply.body.size();
    let is_right = match got.read {
        Read::Whole => whole && reply.body.end == ReadingEnd::Clean,
        Read::Cut => whole && reply.body.end == ReadingEnd::Fails,
        Read::Dropped => got.bytes <= reply.body.size(),
        Read::Wrong => false,
    };
    if !is_right {
        let how = format!("{got:?} of {} bytes", reply.body.size());
        return broken("a response body is handed over as it is", how);
    }
    Ok(())
}

/// What an error or a refusal names is the request that was sent last.
fn is_about_the_last(facts: &Facts<'_>) -> Result<(), Broken> {
    let may_be_the_next =
        facts.end.remembered || matches!(facts.end.how, How::NotReady | How::TotalTime);
    let last = facts.journal.sent.last().map(|sent| sent.uri.to_string());
    match &facts.end.about {
        Some(about) if !may_be_the_next && last.as_ref() != Some(about) => {
            broken("an error is about the last request", format!("{about}, not {last:?}"))
        }
        _ => Ok(()),
    }
}

/// Nothing is refused without its cause.
fn is_justified(facts: &Facts<'_>, kind: RefusalKind) -> Result<(), Broken> {
    let (settings, tree) = (&facts.script.settings, &facts.script.tree);
    let is_justified = match kind {
        RefusalKind::TooManyRedirects => {
            facts.end.hops.len() >= settings.limit
                || tree.any(&|leaf| matches!(leaf, Leaf::Limited(_) | Leaf::S3))
        }
        RefusalKind::Loop => settings.detects_loops || tree.any(&|leaf| matches!(leaf, Leaf::S3)),
        RefusalKind::BodyNotReplayable => is_lost(facts),
        _ => true,
    };
    if is_justified {
        return Ok(());
    }
    broken("nothing is refused without its cause", format!("{kind}"))
}

/// Returns whether content may be gone.
fn is_lost(facts: &Facts<'_>) -> bool {
    let (call, settings) = (facts.call, &facts.script.settings);
    let limit = call.replay_limit.unwrap_or(settings.replay_limit);
    let most = facts.journal.sent.iter().map(|sent| sent.received.bytes).max().unwrap_or(0);
    // Then nothing is recorded any more.
    let decides = |sent: &Sent| {
        sent.received.continued.is_some() && facts.script.tree.trusts_to_decide(&sent.uri)
    };
    match call.content.again {
        Again::OneShot => {
            most as u64 > limit
                || call.content.end == End::Fails
                || facts.journal.sent.iter().any(decides)
        }
        Again::Factory => false,
        Again::FactoryFails(_) => true,
    }
}

/// Returns whether an error has its cause.
fn has_cause(facts: &Facts<'_>, how: How) -> Result<(), Broken> {
    let settings = &facts.script.settings;
    let last = facts.journal.sent.last();
    let has_cause = match how {
        How::NotReady => facts.script.readiness.contains(&Readiness::Fails),
        How::Reset => last.is_some_and(|sent| matches!(sent.visit.answer, Answer::Reset)),
        How::ContentFailed => facts.call.content.end == End::Fails,
        How::TotalTime => settings.total_time.is_some() && settings.has_clock,
        How::TooManyInformational => last.is_some_and(|sent| match sent.visit.interim {
            Interim::Hints(count) => count as u32 > settings.informational_limit,
            _ => false,
        }),
        _ => false,
    };
    if has_cause && facts.end.response.is_none() {
        return Ok(());
    }
    broken("no call fails without its cause", format!("{how:?}"))
}

/// The history has every redirect that was followed, and no other.
fn counts(facts: &Facts<'_>, steps: &[(Step, Option<usize>)]) -> Result<(), Broken> {
    let hops = &facts.end.hops;
    // What the last of them leads to may not have been sent any more.
    let may_lack_one =
        facts.end.remembered || matches!(facts.end.how, How::NotReady | How::TotalTime);
    let received = hops.iter().filter(|source| **source == Source::Server).count();
    let way = way(steps);
    let followed = way.len().saturating_sub(1);
    let is_right = received == followed || may_lack_one && received == followed + 1;
    // Where a memory was wrong, what it led to is no part of the history.
    let walks = hops.split(|source| *source == Source::Server);
    let retracted = way
        .iter()
        .zip(walks)
        .all(|(step, walk)| *step != Step::Retracts || walk.is_empty() || facts.end.remembered);
    if is_right && retracted && hops.len() <= facts.script.settings.limit {
        return Ok(());
    }
    broken("the history is what happened", format!("{hops:?}: {steps:?}"))
}

/// Returns how each request came to be sent that the last one was made from, and the last.
fn way(steps: &[(Step, Option<usize>)]) -> Vec<Step> {
    let mut way = Vec::new();
    let mut at = steps.len().checked_sub(1);
    while let Some(number) = at {
        let (step, from) = steps[number];
        // The same again is no other stage of the way.
        if step != Step::Repeats {
            way.push(step);
        }
        at = from;
    }
    way.reverse();
    way
}

fn is_on_time(facts: &Facts<'_>) -> Result<(), Broken> {
    let settings = &facts.script.settings;
    match settings.total_time {
        Some(time) if settings.has_clock && facts.end.took > time => {
            broken("a call ends within its time", format!("{:?} of {time:?}", facts.end.took))
        }
        _ => Ok(()),
    }
}
