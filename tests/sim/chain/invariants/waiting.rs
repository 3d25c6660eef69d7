//! Content that waits for `100 Continue` does not leave before.

use http::Method;

use super::{Facts, broken};
use crate::chain::{
    journal::{Broken, Sent},
    layer::Expect,
    server::Hears,
};

pub fn check(facts: &Facts<'_>) -> Result<(), Broken> {
    for (at, sent) in facts.journal.sent.iter().enumerate() {
        let Some(first) = sent.received.first else { continue };
        if waits(facts, sent) && !sent.received.continued {
            let settings = &facts.script.settings;
            let waited = first - sent.at;
            let for_ever = !settings.unreported && facts.script.tree.trusts_to_answer(&sent.uri);
            if for_ever || waited < settings.waits {
                let how = format!("request {at}: after {waited:?} of {:?}", settings.waits);
                return broken("content waits until it is asked for, or its time is over", how);
            }
        }
    }
    Ok(())
}

/// Returns whether a request's content waits.
fn waits(facts: &Facts<'_>, sent: &Sent) -> bool {
    let settings = &facts.script.settings;
    let is_heard = sent.visit.hears == Hears::Until || settings.unreported;
    sent.expects_continue()
        && is_heard
        && settings.has_clock
        && settings.expect != Expect::Off
        && !facts.call.upgrades
        && sent.method != Method::CONNECT
}
