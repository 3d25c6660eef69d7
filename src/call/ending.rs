//! How a call ends: with a response, with an error, or not yet.

use std::{
    error,
    task::{Context, Poll, ready},
};

use http::{Response, response};
use http_body::Body;

use super::{Call, Outcome, policy, with_policy};
use crate::{
    BoxError,
    body::{Ends, Prepared, Resend, ResponseBody},
    chain::Next,
    error::{Error, TotalTimeElapsed},
    observe::{About, HopOutcome},
    policy::{Policy, Recalled, RequestPolicy},
    refusal::{Refusal, RefusalKind},
    rules::method,
    settings::OnRefusal,
};

/// What has come of the request that was sent last.
pub(crate) enum Last<'a> {
    /// Nothing yet.
    Unanswered,
    /// A response, of which it is not decided whether it leads to another request.
    Undecided(&'a response::Parts),
    /// It is decided, or nothing was sent.
    Decided,
}

impl<P, B> Call<P, B>
where
    P: Policy,
    B: Body + Send + 'static,
{
    /// Learns that the inner service failed.
    pub(crate) fn on_failure<R: Body>(&mut self, error: BoxError) -> Outcome<B, R> {
        match self.conclude_failure(&*error) {
            Recalled::Retracted if self.retract(About::Nothing) => self.go_on(),
            Recalled::Retracted | Recalled::Stands => Outcome::Done(Err(self.error(error))),
        }
    }

    /// Ends the call with a response, unless it shows that what was remembered is wrong.
    #[inline]
    pub(super) fn end<R: Body>(
        &mut self,
        head: response::Parts,
        body: ResponseBody<R>,
        refusal: Option<Refusal>,
    ) -> Outcome<B, R> {
        let recalled = with_policy!(self, |policy| self.chain.conclude(policy, Ok(&head), None));
        if recalled == Recalled::Retracted && self.retract(About::Response(head.status)) {
            return Outcome::Drain(body);
        }
        self.tell_returned(&head, refusal.as_ref());
        Outcome::Done(Ok(self.finish(head, body, refusal)))
    }

    pub(super) fn refuse<R: Body>(
        &mut self,
        head: response::Parts,
        body: ResponseBody<R>,
        refusal: Refusal,
    ) -> Outcome<B, R> {
        let policy = policy(&self.policy, &self.shared);
        self.chain.conclude(policy, Ok(&head), None);
        let on_refusal = self.shared.settings.on_refusal;
        let outcome = match on_refusal {
            OnRefusal::Error => HopOutcome::Refused(&refusal),
            OnRefusal::Return => HopOutcome::Returned(Some(&refusal)),
        };
        self.tell(About::Response(head.status), outcome);
        let response = self.finish(head, body, Some(refusal.clone()));
        Outcome::Done(match on_refusal {
            OnRefusal::Error => Err(Error::refused(refusal, response)),
            OnRefusal::Return => Ok(response),
        })
    }

    /// Makes the response that the caller gets, of one that leads nowhere.
    #[inline]
    pub(crate) fn last<R: Body>(
        &mut self,
        head: response::Parts,
        body: ResponseBody<R>,
    ) -> Response<ResponseBody<R>> {
        let refusal = self.chain.not_redirect(head.status);
        self.tell_returned(&head, refusal.as_ref());
        self.finish(head, body, refusal)
    }

    /// Makes the response that the caller gets.
    #[inline]
    pub(super) fn finish<R: Body>(
        &mut self,
        head: response::Parts,
        body: ResponseBody<R>,
        refusal: Option<Refusal>,
    ) -> Response<ResponseBody<R>> {
        let ends =
            if method::is_redirect(head.status) { Ends::WithResponse } else { Ends::ByItself };
        let upload = self.upload.hand_over(ends);
        let mut response = Response::from_parts(head, body.ending(upload));
        if let Some(history) = self.chain.history() {
            response.extensions_mut().insert(history);
        }
        if let Some(refusal) = refusal {
            response.extensions_mut().insert(refusal);
        }
        response
    }

    /// Adds why the content is gone, where the limit is not the reason.
    pub(super) fn explained(&self, refusal: Refusal) -> Refusal {
        match self.upload.failure() {
            Some(error) if refusal.kind() == RefusalKind::BodyNotReplayable => {
                refusal.with_source(error)
            }
            _ => refusal,
        }
    }

    /// Tells the policy of an error.
    pub(super) fn conclude_failure(
        &mut self,
        error: &(dyn error::Error + Send + Sync + 'static),
    ) -> Recalled {
        let policy = policy(&self.policy, &self.shared);
        self.chain.conclude(policy, Err(error), None)
    }

    /// Prepares to go back to where the remembered redirects began, and returns whether that can be.
    pub(super) fn retract(&mut self, about: About) -> bool {
        self.next = self.retraction();
        if self.next.is_some() {
            self.tell(about, HopOutcome::Retracted);
        }
        self.next.is_some()
    }

    /// Prepares the request that the remembered redirects began with, if its content is there.
    pub(super) fn retraction(&mut self) -> Option<(Box<Next>, Prepared<B>)> {
        let next = self.chain.retraction()?;
        self.upload.hold();
        if self.upload.resend() == Resend::Impossible {
            return None;
        }
        let prepared = self.upload.prepare(next.content).ok()?;
        Some((Box::new(next), prepared))
    }

    /// Makes the error of an inner service that failed, or was not ready for a hop.
    pub(crate) fn error<R: Body>(&mut self, error: impl Into<BoxError>) -> Error<R> {
        let error = error.into();
        self.tell(About::Nothing, HopOutcome::Failed(&*error));
        self.upload.close();
        Error::service(self.chain.request_line(), self.chain.history(), error)
    }

    /// Is ready, with the error of the call, when the server has sent too many 1xx responses.
    pub(crate) fn poll_too_many<R: Body>(&mut self, cx: &mut Context<'_>) -> Poll<Error<R>> {
        let too_many = ready!(self.listener.poll_too_many(cx));
        let too_many: BoxError = too_many.into();
        // No other request helps against such a server.
        let _ = self.conclude_failure(&*too_many);
        Poll::Ready(self.error(too_many))
    }

    /// Makes the error of a call that has taken too long. No other request can follow, whatever the policy
    /// learns of it.
    pub(crate) fn too_late<R: Body>(&mut self, last: Last<'_>) -> Error<R> {
        let error = TotalTimeElapsed { limit: self.settings().total_time.unwrap_or_default() };
        match last {
            Last::Unanswered => {
                self.conclude_failure(&error);
            }
            Last::Undecided(head) => {
                let policy = policy(&self.policy, &self.shared);
                self.chain.conclude(policy, Ok(head), None);
            }
            Last::Decided => {}
        }
        self.error(error)
    }
}
