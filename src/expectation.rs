//! What becomes of `Expect: 100-continue` in one call: whether it is sent, and how content waits.

use std::time::{Duration, Instant};

use http::{Uri, request};
use http_body::SizeHint;

use crate::{
    body::{Patience, Successor},
    informational::Listener,
    policy::ExpectSupport,
    rules::{
        expect::{self, Expectation, Threshold},
        origin::Origin,
    },
    settings::{ExpectContinue, Settings, Unreported},
    timer::Deadline,
};

/// How the content of one request waits.
pub(crate) struct Wait {
    pub(crate) patience: Patience,
    pub(crate) heard: Heard,
}

/// What is heard of the server's answer means this for content that waits.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "hyper"), allow(dead_code, reason = "nobody reports 1xx"))]
pub(crate) struct Heard {
    /// Whether a redirect may come after `100 Continue`.
    pub(crate) successor: Successor,
    /// What the content does if nothing can be heard.
    pub(crate) unreported: Unreported,
}

/// Decides for one request, whose content has the `size`, and adds or removes `Expect` accordingly.
pub(crate) fn decide(
    settings: &Settings,
    head: &mut request::Parts,
    size: Option<&SizeHint>,
) -> Expectation {
    let ExpectContinue { threshold, unreported, .. } = settings.expect;
    let is_heard = Listener::HEARS && !expect::is_unreported(head.version);
    let threshold = match threshold {
        // What nobody waits for is not asked for.
        Threshold::Above(_) if !is_heard && unreported == Unreported::SendAtOnce => {
            Threshold::WhenAsked
        }
        threshold => threshold,
    };
    let expectation = expect::decide(head, size, threshold);
    if expectation == Expectation::Continue && is_refused(settings, &head.uri) {
        expect::remove(&mut head.headers);
        return Expectation::None;
    }
    expectation
}

/// Returns how content waits that expects something, or `None` where nobody would tell it to go.
pub(crate) fn wait(settings: &Settings, support: ExpectSupport) -> Option<Wait> {
    let Settings { expect: ExpectContinue { wait, unreported, .. }, timer, .. } = settings;
    let deadline = |wait| Box::new(Deadline::new(timer, wait));
    let patience = match (support, unreported) {
        (_, Unreported::SendAtOnce) if !Listener::HEARS => return None,
        (ExpectSupport::Answers | ExpectSupport::Decides, Unreported::SendAtOnce) => {
            Patience::UntilAnsweredOr(deadline(LONGEST_WAIT.max(*wait)))
        }
        (ExpectSupport::Unknown, _) | (_, Unreported::Wait) => Patience::Until(deadline(*wait)),
    };
    let successor = match support {
        ExpectSupport::Unknown | ExpectSupport::Answers => Successor::Possible,
        ExpectSupport::Decides => Successor::Excluded,
    };
    Some(Wait { patience, heard: Heard { successor, unreported: *unreported } })
}

/// How long content waits for a server that always answers. Its answer does not come through where something
/// inside reads the content before it sends the request, and keeps the head meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// More than a process lives, and less than a clock can tell.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Notes that the server of a URI has answered 417 to the expectation.
pub(crate) fn remember_refusal(settings: &Settings, uri: &Uri) {
    let now = Instant::now();
    let memory = settings.expect.memory.min(FOR_EVER);
    let until = now.checked_add(memory).filter(|until| *until > now);
    if let (Some(origin), Some(until)) = (Origin::of(uri), until) {
        settings.refusers.remember(origin, now, until);
    }
}

fn is_refused(settings: &Settings, uri: &Uri) -> bool {
    let refusers = &settings.refusers;
    Origin::of(uri).is_some_and(|origin| refusers.know(&origin, Instant::now()))
}
