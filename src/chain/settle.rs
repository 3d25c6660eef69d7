//! What a policy's decision leads to: the next request, or a reason why there is none.

use std::{sync::Arc, time::Duration};

use http::{Extensions, HeaderMap, HeaderName, StatusCode, request, response};

use super::{
    Chain, Pending, Step, both,
    next::{Followed, Kind, Next},
};
use crate::{
    body::Resend,
    history::{Hop, Source},
    policy::{Decision, Failure, Proposal},
    refusal::RefusalKind,
    rules::{
        location::LocationError,
        method::{self, Content},
        next::{self, Crossing, Grant},
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
        let Pending { request, proposal, mut edits, resend, source } = pending;
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
        let refuse = |kind| Step::Refuse(self.refusal_to(kind, status, Some(&target), None));
        if self.hops.len() >= settings.limit {
            return refuse(RefusalKind::TooManyRedirects);
        }
        if content == Content::Keep && resend == Resend::Impossible {
            return refuse(RefusalKind::BodyNotReplayable);
        }

        let crossing = Crossing::between(&request.uri, target.uri(), grant);
        let mut head = next::head(&request, content, crossing, &self.at.secrets);
        edits.apply(&mut head.headers);
        let extensions = self.kept_extensions(crossing, settings);
        let mut extensions_of_policy = match crossing {
            Crossing::WithinOrigin => self.at.set_by_policy.clone(),
            Crossing::Anonymous | Crossing::Trusted => Extensions::new(),
        };
        extensions_of_policy.extend(edits.extensions);
        head.extensions = both(&extensions, &extensions_of_policy);
        head.method = method;
        head.uri = target.uri().clone();
        let visit = match settings.loops {
            Loops::UntilLimit => None,
            // What a policy claims is no redirect. It may be about something that no field shows, such
            // as the region to sign for, and the policy knows when to end.
            Loops::Detect if !method::is_redirect(status) => None,
            Loops::Detect => Some(Visit::new(&request, &self.at.secrets)),
        };
        if visit.as_ref().is_some_and(|visit| self.was_sent(visit, &head)) {
            return refuse(RefusalKind::Loop);
        }
        let hop = Hop {
            method: request.method,
            requested: self.requested(),
            status,
            source,
            elapsed,
            headers: recorded(&response.headers, &settings.record),
        };
        // What is only remembered was not sent, and may have been sent back since.
        let visit = visit.filter(|_| source == Source::Server);
        let (_, fragment) = target.into_parts();
        let fields_of_policy = edits.set.keys().cloned().collect();
        let kind = Kind::Redirect(Followed {
            hop,
            visit,
            fragment,
            crossing,
            fields_of_policy,
            extensions,
            extensions_of_policy,
        });
        Step::Send(Box::new(Next { head, content, kind }))
    }

    /// Returns whether `next` is the request that was sent `last`, or one before it.
    fn was_sent(&self, last: &Visit, next: &request::Parts) -> bool {
        let next = Visit::new(next, &self.at.secrets);
        *last == next || self.visited.contains(&next)
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

    /// Returns those of the caller's extensions that may go along.
    fn kept_extensions(&self, crossing: Crossing, settings: &Settings) -> Extensions {
        match crossing {
            Crossing::WithinOrigin | Crossing::Trusted => self.at.extensions.clone(),
            Crossing::Anonymous => {
                let mut kept = Extensions::new();
                settings.extensions.iter().for_each(|keep| keep(&self.at.extensions, &mut kept));
                kept
            }
        }
    }
}

/// Returns the fields of a redirect that the history keeps.
fn recorded(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let mut recorded = HeaderMap::new();
    for name in names {
        for value in headers.get_all(name) {
            recorded.append(name, value.clone());
        }
    }
    recorded
}
