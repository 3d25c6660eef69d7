//! What a policy's decision leads to: the next request, or a reason why there is none.

use std::{sync::Arc, time::Duration};

use http::{Extensions, HeaderMap, StatusCode, Uri, header, response};

use super::{
    Chain, Pending, Step,
    next::{Followed, Kind, Next},
    trail::{Trail, Visits},
};
use crate::{
    body::Resend,
    history::{Recorded, Source},
    policy::{Decision, Failure, Proposal},
    refusal::RefusalKind,
    rules::{
        location::LocationError,
        method::{self, Content},
        next::{Crossing, Grant, Secrets},
        target::Target,
        visit::Visit,
    },
    settings::{Loops, Settings},
};

impl Chain {
    /// Turns a decision into the next request, or says why there is none.
    pub(super) fn settle(
        &self,
        settings: &Settings,
        response: &response::Parts,
        pending: Pending,
        decision: Decision,
        elapsed: Duration,
    ) -> Step {
        let Pending { proposal, mut edits, resend, source } = pending;
        let chosen_by = proposal.chosen_by(&edits);
        let Proposal { method, content, target } = proposal.edited(&mut edits);
        let status = response.status;
        let grant = match self.grant(decision, status, target.as_ref().ok()) {
            Ok(grant) => grant,
            Err(step) => return step,
        };
        let target = match target {
            Ok(target) => target,
            Err(error) => return self.without_target(error, status),
        };
        // That of a policy, too.
        let target = target.inheriting(self.at.fragment.as_deref());
        let refuse = |kind| Step::Refuse(self.refusal_to(kind, status, Some(&target), None));
        if self.hops().len() >= settings.limit {
            return refuse(RefusalKind::TooManyRedirects);
        }
        if content == Content::Keep && resend == Resend::Impossible {
            return refuse(RefusalKind::BodyNotReplayable);
        }

        let crossing = Crossing::between(self.at.head.uri(), target.uri(), grant);
        let recorded = self.recorded(&response.headers, settings);
        let extensions = self.kept_extensions(crossing, settings);
        let (uri, fragment) = target.into_parts();
        let mut followed = Followed {
            method,
            fragment,
            crossing,
            extensions,
            edits,
            visits: Visits::Same,
            status,
            source,
            elapsed,
            chosen_by,
            recorded,
        };
        match self.visits(settings, response, &followed, &uri, content) {
            Some(visits) => followed.visits = visits,
            None => {
                let target = Target::of_request(uri, followed.fragment);
                let loops = self.refusal_to(RefusalKind::Loop, status, Some(&target), None);
                return Step::Refuse(loops);
            }
        }
        Step::Send(Box::new(Next { uri, content, kind: Kind::Redirect(followed) }))
    }

    /// Returns what has been visited if a redirect is followed, or `None` if it loops, and loops are looked
    /// for.
    fn visits(
        &self,
        settings: &Settings,
        response: &response::Parts,
        followed: &Followed,
        uri: &Uri,
        content: Content,
    ) -> Option<Visits> {
        // What a policy claims is no redirect. It may be about something that no field shows, such as
        // the region to sign for, and the policy knows when to end.
        if settings.loops != Loops::Detect || !method::is_redirect(followed.status) {
            return Some(Visits::Same);
        }
        // A jar inside may send it to whoever is asked again.
        if response.headers.contains_key(header::SET_COOKIE) {
            return Some(Visits::Forget);
        }
        // Only the inner service sees how the next request differs.
        if !followed.edits.extensions.is_empty() {
            return Some(Visits::Same);
        }
        let secrets = self.at.secrets(settings);
        let mut sent = self.at.head.to_parts();
        let last = Visit::new(&sent.method, &sent.uri, &sent.headers, secrets);
        followed.change(&mut sent, content, secrets);
        let set: Vec<_> = followed.edits.set.keys().chain(secrets.set_by_policy).cloned().collect();
        let secrets = Secrets { set_by_policy: &set, ..secrets };
        let next = Visit::new(&followed.method, uri, &sent.headers, secrets);
        let visited = |trail: &Trail| trail.visited.contains(&next);
        if last == next || self.trail.as_deref().is_some_and(visited) {
            return None;
        }
        // What is only remembered was not sent, and may have been sent back since.
        Some(match followed.source {
            Source::Server => Visits::Add(Box::new(last)),
            Source::Memory => Visits::Same,
        })
    }

    /// Returns what a decision grants, or what it leads to if it does not follow.
    fn grant(
        &self,
        decision: Decision,
        status: StatusCode,
        target: Option<&Target>,
    ) -> Result<Grant, Step> {
        match decision {
            // A policy claimed the status, and then had no opinion.
            Decision::Pass if !method::is_redirect(status) => {
                Err(Step::Return(self.not_redirect(status)))
            }
            Decision::Pass | Decision::Follow => Ok(Grant::Nothing),
            Decision::FollowWithCredentials => Ok(Grant::Credentials),
            Decision::Stop => {
                let refusal = self.refusal_to(RefusalKind::Policy, status, target, None);
                Err(Step::Return(Some(refusal)))
            }
            Decision::StopBecause(Failure { kind, source }) => {
                Err(Step::Return(Some(self.refusal_to(kind, status, target, source))))
            }
            Decision::Fail(Failure { kind, source }) => {
                Err(Step::Refuse(self.refusal_to(kind, status, target, source)))
            }
        }
    }

    /// Returns what becomes of a redirect that the policy would follow, and that has no usable target.
    fn without_target(&self, error: LocationError, status: StatusCode) -> Step {
        let kind = match error {
            LocationError::Missing => {
                let refusal = self.refusal(RefusalKind::MissingLocation, status);
                return Step::Return(status.is_redirection().then_some(refusal));
            }
            LocationError::Bad(_) => RefusalKind::BadLocation,
            LocationError::Scheme(_) => RefusalKind::Scheme,
        };
        Step::Refuse(self.refusal_to(kind, status, None, Some(Arc::new(error))))
    }

    /// Returns those of the caller's extensions that may go along, if not all do.
    fn kept_extensions(&self, crossing: Crossing, settings: &Settings) -> Option<Extensions> {
        match crossing {
            Crossing::WithinOrigin | Crossing::Trusted => None,
            Crossing::Anonymous => {
                let mut kept = Extensions::new();
                settings
                    .extensions
                    .iter()
                    .for_each(|keep| keep(self.at.head.extensions(), &mut kept));
                Some(kept)
            }
        }
    }

    /// Returns the fields of a redirect that the history keeps.
    fn recorded(&self, headers: &HeaderMap, settings: &Settings) -> Recorded {
        let mut recorded = Recorded::default();
        if settings.record.is_empty() {
            return recorded;
        }
        let used: usize = self.hops().iter().map(|hop| hop.recorded.size()).sum();
        let mut left = settings.record_limit.saturating_sub(used);
        for name in &settings.record {
            for value in headers.get_all(name) {
                recorded.add(name, value, &mut left);
            }
        }
        recorded
    }
}
