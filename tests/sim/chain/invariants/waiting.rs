//! Content that waits for `100 Continue` does not leave before.

use std::time::Duration;

use http::Method;

use super::super::{
    journal::{Broken, Sent},
    layer::Expect,
    server::{Hears, Takes},
};
use super::{Facts, broken};

pub fn check(facts: &Facts<'_>) -> Result<(), Broken> {
    let settings = &facts.script.settings;
    for (at, sent) in facts.journal.sent.iter().enumerate() {
        let waits = waits(facts, sent);
        let received = &sent.received;
        let is_trusted = !settings.unreported && facts.script.tree.trusts_to_answer(&sent.uri);
        if received.starved && sent.content.is_some() && !(waits && is_trusted) {
            return broken("content that may leave leaves", format!("request {at}"));
        }
        let Some(first) = received.first else { continue };
        let waited = first - sent.at;
        if !waits {
            let is_asked = sent.visit.takes != Takes::UpTo(0);
            if is_asked && waited > pause(facts) {
                let how = format!("request {at}: after {waited:?}");
                return broken("content that need not wait leaves at once", how);
            }
            continue;
        }
        match received.continued {
            None if !settings.has_clock && is_trusted
                || settings.has_clock && waited < least(settings.waits, is_trusted) =>
            {
                let how = format!("request {at}: after {waited:?} of {:?}", settings.waits);
                return broken("content waits until it is asked for, or its time is over", how);
            }
            Some(asked) if sent.visit.hears == Hears::Until && first > asked + pause(facts) => {
                let how = format!("request {at}: at {first:?}, asked for at {asked:?}");
                return broken("content leaves when it is asked for", how);
            }
            None | Some(_) => {}
        }
    }
    Ok(())
}

/// Returns how long content waits at least that nobody asks for, if there is a clock.
fn least(waits: Duration, is_trusted: bool) -> Duration {
    if is_trusted { waits.max(Duration::from_secs(30)) } else { waits }
}

/// Returns how long the content itself is not ready.
fn pause(facts: &Facts<'_>) -> Duration {
    facts.call.content.pause.map_or(Duration::ZERO, |(_, time)| time)
}

/// Returns whether a request's content waits.
fn waits(facts: &Facts<'_>, sent: &Sent) -> bool {
    let settings = &facts.script.settings;
    let is_heard = sent.visit.hears == Hears::Until || settings.unreported;
    sent.expects_continue()
        && is_heard
        && settings.expect != Expect::Off
        && !facts.call.upgrades
        && sent.method != Method::CONNECT
}
