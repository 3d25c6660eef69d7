//! How a request leaves: where the policies remember it must go, and when its content is sent.

use std::ops::ControlFlow;

use http::{Request, request, response};
use http_body::Body;

use super::{Asked, Call, Leaving, Outcome, policy, with_policy};
use crate::{
    body::{Prepared, ReplayBody},
    chain::{Next, Step},
    error::Error,
    expectation::{self, Wait},
    observe::{About, HopOutcome},
    policy::{Admission, Failure, Policy, Recall, Recollection, Remembered, RequestPolicy},
    refusal::RefusalKind,
    rules::expect::Expectation,
    settings::OnRefusal,
};

/// What keeps a request from leaving as it is.
pub(crate) enum Obstacle {
    /// The policy does not let it leave at all.
    Forbidden(Failure),
    /// The policy waits before it knows.
    Undecided(Recollection),
    /// The policy remembers where it must go.
    Redirect(Remembered),
    /// What the policy remembered, and led here, was wrong.
    Retraction,
}

impl<P, B> Call<P, B>
where
    P: Policy,
    B: Body + Send + 'static,
{
    /// Asks the policy whether a request may leave, and what it remembers of where that must go.
    #[inline]
    pub(crate) fn obstacle(&mut self, head: &request::Parts) -> Option<Obstacle> {
        match with_policy!(self, |policy| self.chain.admit(policy, head)) {
            Admission::Granted => {}
            Admission::Refused(failure) => return Some(Obstacle::Forbidden(failure)),
            Admission::Wait(recollection) => return Some(Obstacle::Undecided(recollection)),
        }
        match with_policy!(self, |policy| self.chain.recall(policy, head)) {
            Recall::Nothing => None,
            Recall::Redirect(remembered) => Some(Obstacle::Redirect(remembered)),
            Recall::Retract => Some(Obstacle::Retraction),
            Recall::Wait(recollection) => Some(Obstacle::Undecided(recollection)),
        }
    }

    /// Says what is done with the first request, which does not leave as it is.
    pub(crate) fn on_first_obstacle<R: Body>(
        &mut self,
        obstacle: Obstacle,
        head: request::Parts,
    ) -> Outcome<B, R> {
        self.overcome(Some(obstacle), head, 0)
    }

    /// Goes on with the request that waits to be sent.
    pub(crate) fn on_recollected<R: Body>(&mut self) -> Outcome<B, R> {
        let Leaving { head, hop } = *self.leaving.take().expect("a request waits to be sent");
        self.leave(head, hop)
    }

    /// Lets a request leave, unless the policy forbids it, or remembers that it must go elsewhere.
    pub(super) fn leave<R: Body>(&mut self, head: request::Parts, hop: u32) -> Outcome<B, R> {
        let obstacle = self.obstacle(&head);
        self.overcome(obstacle, head, hop)
    }

    fn overcome<R: Body>(
        &mut self,
        mut obstacle: Option<Obstacle>,
        mut head: request::Parts,
        mut hop: u32,
    ) -> Outcome<B, R> {
        loop {
            let remembered = match obstacle {
                None => return Outcome::Send(self.send(head, hop)),
                Some(Obstacle::Redirect(remembered)) => remembered,
                Some(Obstacle::Forbidden(failure)) => return self.forbid(failure),
                Some(Obstacle::Undecided(recollection)) => {
                    self.leaving = Some(Box::new(Leaving { head, hop }));
                    return Outcome::Recall(recollection);
                }
                Some(Obstacle::Retraction) => match self.retraction() {
                    Some((next, prepared)) => {
                        self.tell(About::Nothing, HopOutcome::Retracted);
                        (head, hop) = self.move_on(next, prepared);
                        obstacle = self.obstacle(&head);
                        continue;
                    }
                    None => return Outcome::Send(self.send(head, hop)),
                },
            };
            let resend = self.upload.resend();
            let (settings, policy) = (&self.shared.settings, policy(&self.policy, &self.shared));
            let (response, step) = self.chain.on_recalled(settings, policy, &remembered, resend);
            match self.carry_out_remembered(step, response, head, hop) {
                ControlFlow::Continue(next) => (head, hop) = next,
                ControlFlow::Break(outcome) => return outcome,
            }
            obstacle = self.obstacle(&head);
        }
    }

    /// Ends the call with a request that may not leave.
    #[cold]
    fn forbid<R: Body>(&mut self, failure: Failure) -> Outcome<B, R> {
        self.tell(About::Nothing, HopOutcome::NotAdmitted(&failure));
        let request_line = self.chain.request_line();
        Outcome::Done(Err(Error::not_sent(request_line, self.chain.history(), failure)))
    }

    /// Makes the request of a hop, whose content may have to wait.
    #[inline]
    pub(crate) fn send(&mut self, mut head: request::Parts, hop: u32) -> Request<ReplayBody<B>> {
        let wait = self.wait(&mut head);
        self.request(head, hop, wait)
    }

    /// Follows a remembered redirect of `request`, and returns the request that it leads to.
    pub(super) fn carry_out_remembered<R: Body>(
        &mut self,
        step: Step,
        response: response::Parts,
        request: request::Parts,
        hop: u32,
    ) -> ControlFlow<Outcome<B, R>, (request::Parts, u32)> {
        let refusal = match step {
            Step::Send(next) => match self.upload.prepare(next.content) {
                Ok(prepared) => {
                    self.tell_followed(About::Memory(response.status), &next);
                    return ControlFlow::Continue(self.move_on(next, prepared));
                }
                Err(error) => self.chain.content_failed(response.status, &next, error),
            },
            Step::Ask(question) => {
                self.leaving = Some(Box::new(Leaving { head: request, hop }));
                return ControlFlow::Break(Outcome::Ask(Asked::Remembered(response), question));
            }
            // The server may know a way out by now.
            Step::Refuse(refusal) if refusal.kind() == RefusalKind::Loop => {
                return ControlFlow::Break(Outcome::Send(self.send(request, hop)));
            }
            Step::Refuse(refusal) => refusal,
            // There is no response to hand back: the server's own is what the caller gets.
            Step::Return(_) | Step::Peek(_) => {
                return ControlFlow::Break(Outcome::Send(self.send(request, hop)));
            }
        };
        ControlFlow::Break(match self.shared.settings.on_refusal {
            OnRefusal::Return => Outcome::Send(self.send(request, hop)),
            OnRefusal::Error => {
                let refusal = self.explained(refusal).of_memory();
                self.tell(About::Memory(response.status), HopOutcome::Refused(&refusal));
                Outcome::Done(Err(Error::remembered(refusal, self.chain.history())))
            }
        })
    }

    /// Changes over to the next request, whose head it returns, with the number of its hop.
    pub(super) fn move_on(
        &mut self,
        next: Box<Next>,
        prepared: Prepared<B>,
    ) -> (request::Parts, u32) {
        (self.chain.commit(&self.shared.settings, next), self.upload.advance(prepared))
    }

    /// Decides how the content of a request waits, whose head gets an `Expect` or loses it.
    #[inline]
    pub(crate) fn wait(&mut self, head: &mut request::Parts) -> Option<Wait> {
        let size = self.upload.size_hint();
        if size.is_none() && !self.chain.mentions_expect() {
            // There is nothing that could wait, and nothing to remove.
            self.chain.expects(Expectation::None);
            return None;
        }
        let expectation = expectation::decide(&self.shared.settings, head, size);
        self.chain.expects(expectation);
        match expectation {
            Expectation::Continue => {
                let support = policy(&self.policy, &self.shared).expect(head);
                expectation::wait(&self.shared.settings, support)
            }
            Expectation::None => None,
        }
    }

    /// Makes the request of a hop, and listens for the answer that its content waits for.
    #[inline]
    pub(crate) fn request(
        &mut self,
        head: request::Parts,
        hop: u32,
        wait: Option<Wait>,
    ) -> Request<ReplayBody<B>> {
        match wait {
            None => {
                let mut request = Request::from_parts(head, self.upload.body(hop, None));
                self.listener.listen(&mut request, self.shared.settings.informational_limit);
                request
            }
            Some(wait) => self.waiting_request(head, hop, wait),
        }
    }

    fn waiting_request(
        &mut self,
        head: request::Parts,
        hop: u32,
        Wait { patience, heard }: Wait,
    ) -> Request<ReplayBody<B>> {
        let mut request = Request::from_parts(head, self.upload.body(hop, Some(patience)));
        let limit = self.shared.settings.informational_limit;
        self.listener.listen_for(&mut request, &self.upload, hop, heard, limit);
        request
    }
}
