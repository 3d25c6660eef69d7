//! The redirects of one call: no I/O, no clock, no body.

mod next;
mod settle;
mod standing;
mod trail;
mod walk;

use std::{error::Error, mem, sync::Arc, time::Duration};

use http::{Extensions, Method, StatusCode, Uri, request, response};

pub(crate) use self::next::Next;
use self::{standing::Standing, trail::Trail, walk::Memory};
use crate::{
    BoxError,
    body::{Glimpse, More, Resend},
    head::Head,
    history::{History, Source},
    policy::{
        Admission, Answer, Attempt, CallFacts, Decision, Edits, Exchange, Outcome, Outgoing,
        Policy, Proposal, Question, Recall, Recalled, Remembered, Sent, Verdict, is_asked,
    },
    refusal::{Refusal, RefusalKind},
    rules::{expect::Expectation, target::Target},
    settings::Settings,
};

/// What one call knows of itself: the request that was sent last, and how it came to be.
pub(crate) struct Chain {
    at: Standing,
    reach: Reach,
    call_state: Extensions,
    expectation: Expectation,
    memory: Memory,
    /// In a box: most calls have none, and a call is moved before it is polled.
    trail: Option<Box<Trail>>,
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Resource,
    /// CONNECT or an upgrade: this connection only.
    Tunnel,
}

/// A redirect whose policy waits for an answer.
struct Pending {
    proposal: Proposal,
    edits: Edits,
    resend: Resend,
    source: Source,
}

/// What whoever drives the chain does next.
pub(crate) enum Step {
    /// Hand the response over; a 3xx with its reason.
    Return(Option<Refusal>),
    /// Hand the response over as the settings say for refusals.
    Refuse(Refusal),
    /// Read the beginning of the response body, and ask again.
    Peek(usize),
    /// Wait for the answer.
    Ask(Question),
    /// Send the next request.
    Send(Box<Next>),
}

impl Chain {
    /// Begins the chain of a request.
    #[inline]
    pub(crate) fn new(request: &request::Parts, fragment: Option<Box<str>>) -> Self {
        let head = Head::copy(request);
        let reach = if head.is_tunnel() { Reach::Tunnel } else { Reach::Resource };
        Self {
            at: Standing { head, fragment, set_by_policy: None },
            reach,
            call_state: Extensions::new(),
            expectation: Expectation::None,
            memory: Memory::Asked,
            trail: None,
        }
    }

    /// Returns whether the request that is sent next says anything of `Expect`.
    #[inline]
    pub(crate) fn mentions_expect(&self) -> bool {
        self.at.head.mentions_expect()
    }

    /// Notes whether the request that is sent next has `Expect: 100-continue`.
    pub(crate) fn expects(&mut self, expectation: Expectation) {
        self.expectation = expectation;
    }

    /// Returns whether a response may lead to another request, so that what is sent must wait.
    #[inline]
    pub(crate) fn may_go_on<P>(&self, policy: &P, status: StatusCode) -> bool
    where
        P: Policy + ?Sized,
    {
        is_asked(policy, status) || self.is_failed_expectation(status)
    }

    /// Reads the head of a response and says what to do.
    pub(crate) fn on_response(
        &mut self,
        settings: &Settings,
        policy: &dyn Policy,
        response: &response::Parts,
        seen: Seen<'_>,
    ) -> Step {
        if self.is_failed_expectation(response.status) && seen.resend != Resend::Impossible {
            return Step::Send(Box::new(self.without_expect()));
        }
        if !is_asked(policy, response.status) {
            return Step::Return(self.not_redirect(response.status));
        }
        if self.reach == Reach::Tunnel {
            let refusal = self.refusal(RefusalKind::Tunnel, response.status);
            return Step::Return(response.status.is_redirection().then_some(refusal));
        }
        let fragment = self.at.fragment.as_deref();
        let request = self.at.head.whole();
        let (rules, limit) = (&settings.methods, settings.location);
        let proposal = Proposal::new(request, fragment, response, rules, limit);
        self.decide(settings, policy, response, proposal, seen)
    }

    /// Asks whether the request that is sent next may leave.
    #[inline]
    pub(crate) fn admit<P>(&mut self, policy: &P, head: &request::Parts) -> Admission
    where
        P: Policy + ?Sized,
    {
        policy.admit(&mut Outgoing::of(head, trail::hops(&self.trail), &mut self.call_state))
    }

    /// Asks what the policy remembers of where the request that is sent next must go.
    #[inline]
    pub(crate) fn recall<P>(&mut self, policy: &P, head: &request::Parts) -> Recall
    where
        P: Policy + ?Sized,
    {
        if self.memory == Memory::SetAside || self.reach == Reach::Tunnel {
            return Recall::Nothing;
        }
        policy.recall(&mut Outgoing::of(head, trail::hops(&self.trail), &mut self.call_state))
    }

    /// Says what to do about a redirect that is remembered. `response` stands for the one that was
    /// received once.
    pub(crate) fn on_recalled(
        &mut self,
        settings: &Settings,
        policy: &dyn Policy,
        remembered: &Remembered,
        resend: Resend,
    ) -> (response::Parts, Step) {
        let (response, ()) = remembered.response().into_parts();
        let fragment = self.at.fragment.as_deref();
        let request = self.at.head.whole();
        let target = remembered.target.clone().on(&request.uri).inheriting(fragment);
        let proposal = Proposal::of(request, response.status, Ok(target), &settings.methods);
        let nothing = Glimpse::of_nothing();
        let seen = Seen {
            resend,
            peeked: Some(&nothing),
            elapsed: Duration::ZERO,
            source: Source::Memory,
        };
        let step = self.decide(settings, policy, &response, proposal, seen);
        (response, step)
    }

    /// Asks the policy about a redirect.
    fn decide(
        &mut self,
        settings: &Settings,
        policy: &dyn Policy,
        response: &response::Parts,
        proposal: Proposal,
        seen: Seen<'_>,
    ) -> Step {
        let (request, secrets) = self.at.whole(settings);
        let call = CallFacts {
            hops: trail::hops(&self.trail),
            secrets,
            peeked: seen.peeked.map(|glimpse| &*glimpse.bytes),
            source: seen.source,
            call_state: &mut self.call_state,
        };
        let mut attempt = Attempt::new(request, response, &proposal, seen.resend, call);
        let verdict = policy.redirect(&mut attempt);
        let edits = attempt.into_edits();
        let Seen { resend, source, .. } = seen;
        let pending = Pending { proposal, edits, resend, source };
        match verdict {
            Verdict::Decided(decision) => {
                self.settle(settings, response, pending, decision, seen.elapsed)
            }
            Verdict::Peek(limit) if seen.may_show(limit) => Step::Peek(limit),
            Verdict::Peek(_) => {
                let decision = Decision::fail("the policy has seen the response body already");
                self.settle(settings, response, pending, decision, seen.elapsed)
            }
            Verdict::Ask(question) => {
                // Nobody is asked in vain.
                if self.hops().len() >= settings.limit {
                    let decision = Decision::refuse(RefusalKind::TooManyRedirects);
                    return self.settle(settings, response, pending, decision, seen.elapsed);
                }
                self.trail_mut().pending = Some(pending);
                Step::Ask(question)
            }
        }
    }

    /// Goes on with the answer to a question that [`Step::Ask`] put.
    pub(crate) fn on_answer(
        &mut self,
        settings: &Settings,
        response: &response::Parts,
        answer: Answer,
        elapsed: Duration,
    ) -> Step {
        let pending = self.trail_mut().pending.take();
        let mut pending = pending.expect("an answer follows a question");
        pending.edits.extend(answer.edits);
        self.settle(settings, response, pending, answer.decision, elapsed)
    }

    /// Tells the policy what came of the request that was sent last, and returns whether it takes back
    /// what it has recalled.
    #[inline]
    pub(crate) fn conclude<P>(
        &mut self,
        policy: &P,
        outcome: Outcome<'_>,
        next: Option<&Next>,
    ) -> Recalled
    where
        P: Policy + ?Sized,
    {
        let sent = Sent::Head(&self.at.head);
        let followed_to = next.map(|next| &next.uri);
        let call_state = &mut self.call_state;
        let mut exchange =
            Exchange::of(sent, outcome, followed_to, trail::hops(&self.trail), call_state);
        policy.concluded(&mut exchange);
        exchange.recalled()
    }

    /// Returns what happened, once it has ended.
    #[inline]
    pub(crate) fn history(&mut self) -> Option<History> {
        let hops = mem::take(&mut self.trail.as_mut()?.hops);
        (!hops.is_empty()).then(|| History::new(hops, self.requested()))
    }

    /// Returns how many redirects were followed, until the history is taken.
    pub(crate) fn redirects(&self) -> usize {
        self.hops().len()
    }

    /// Returns the URI of the request that was sent last.
    pub(crate) fn uri(&self) -> &Uri {
        self.at.head.uri()
    }

    /// Returns method and target of the request that was sent last.
    pub(crate) fn request_line(&self) -> (Method, Target) {
        (self.at.head.method().clone(), self.requested())
    }

    /// Returns the refusal of a redirect whose content could not be made anew.
    pub(crate) fn content_failed(
        &self,
        status: StatusCode,
        next: &Next,
        source: BoxError,
    ) -> Refusal {
        let target = next.target();
        self.refusal_to(RefusalKind::BodyNotReplayable, status, Some(&target), Some(source.into()))
    }

    /// Returns whether a response refuses what the request expected, and that alone.
    pub(crate) fn is_failed_expectation(&self, status: StatusCode) -> bool {
        status == StatusCode::EXPECTATION_FAILED && self.expectation == Expectation::Continue
    }

    /// Returns the target of the request that was sent last.
    fn requested(&self) -> Target {
        Target::of_request(self.at.head.uri().clone(), self.at.fragment.clone())
    }

    /// Returns why a response is handed over that leads to nothing, if it is a 3xx.
    #[inline]
    pub(crate) fn not_redirect(&self, status: StatusCode) -> Option<Refusal> {
        status.is_redirection().then(|| self.refusal(RefusalKind::NotRedirect, status))
    }

    fn refusal(&self, kind: RefusalKind, status: StatusCode) -> Refusal {
        self.refusal_to(kind, status, None, None)
    }

    fn refusal_to(
        &self,
        kind: RefusalKind,
        status: StatusCode,
        target: Option<&Target>,
        source: Option<Arc<dyn Error + Send + Sync>>,
    ) -> Refusal {
        Refusal::new(kind, self.request_line(), status, target.cloned(), source)
    }
}

/// What is known of a response besides its head.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) resend: Resend,
    pub(crate) peeked: Option<&'a Glimpse>,
    pub(crate) elapsed: Duration,
    pub(crate) source: Source,
}

impl Seen<'_> {
    /// Returns whether a look at so many bytes would show more than was seen already.
    fn may_show(&self, limit: usize) -> bool {
        self.peeked.is_none_or(|seen| seen.more == More::Maybe && seen.bytes.len() < limit)
    }
}
