//! What lasts through all hops of a call: the chain, the upload, and who hears of `100 Continue`.

mod ending;
mod leaving;
mod own;
mod trace;
mod watch;

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Request, Response, request, response};
use http_body::Body;

pub(crate) use self::ending::Last;
pub use self::own::ReplayLimit;
use self::{own::Own, watch::Watch};
use crate::{
    body::{BodyFactory, Capacity, Glimpse, Prepared, ReplayBody, ResponseBody, Upload},
    chain::{Chain, Next, Seen, Step},
    error::Error,
    expectation,
    history::Source,
    informational::Listener,
    observe::{About, HopOutcome},
    policy::{Answer, Policy, Question, Recalled, Recollection, RequestPolicy},
    rules::expect::Expectation,
    settings::Settings,
    timer::Deadline,
};

/// What a layer gives to all its calls.
pub(crate) struct Shared<P> {
    pub(crate) settings: Settings,
    pub(crate) policy: Arc<P>,
}

/// One call.
pub(crate) struct Call<P, B> {
    shared: Arc<Shared<P>>,
    policy: Option<RequestPolicy>,
    listener: Listener,
    chain: Chain,
    upload: Upload<B>,
    next: Option<(Box<Next>, Prepared<B>)>,
    /// The request that waits to be sent, in a box since most calls have none.
    leaving: Option<Box<Leaving>>,
    /// In a box since most calls have none.
    watch: Option<Box<Watch>>,
    sent_at: Instant,
    elapsed: Duration,
}

/// A request that may yet be redirected by what a policy remembers.
struct Leaving {
    head: request::Parts,
    hop: u32,
}

/// Where a response leads.
pub(crate) enum Leads {
    /// The call ends with it.
    Nowhere,
    /// To another request, perhaps.
    On,
    /// To the request that the remembered redirects began with, once its body is drained.
    Back,
}

/// What is done next.
pub(crate) enum Outcome<B, R: Body> {
    /// The call ends.
    Done(Result<Response<ResponseBody<R>>, Error<R>>),
    /// The policy wants to see so much of the body.
    Peek(response::Parts, ResponseBody<R>, usize),
    /// The policy waits for an answer.
    Ask(Asked<R>, Question),
    /// The rest of the body is drained, then the next request is sent.
    Drain(ResponseBody<R>),
    /// The policy waits before it knows what it remembers.
    Recall(Recollection),
    /// The request is sent.
    Send(Request<ReplayBody<B>>),
}

/// The redirect that a question is about.
pub(crate) enum Asked<R: Body> {
    Received(response::Parts, ResponseBody<R>),
    Remembered(response::Parts),
}

impl<R: Body> Asked<R> {
    /// Returns what has come of the request that was sent last, while the question is open.
    pub(crate) fn last(&self) -> Last<'_> {
        match self {
            Self::Received(head, _) => Last::Undecided(head),
            Self::Remembered(_) => Last::Decided,
        }
    }
}

impl<P, B> Call<P, B>
where
    P: Policy,
    B: Body + Send + 'static,
{
    /// Makes the call of a request, and takes from its head what is meant for this layer.
    pub(crate) fn new(shared: Arc<Shared<P>>, head: &mut request::Parts, body: B) -> Self {
        let Own { policy, listener, factory, replay_limit, fragment } =
            Own::take(&mut head.extensions);
        let settings = &shared.settings;
        let capacity = Capacity {
            memory: replay_limit.unwrap_or(settings.replay_limit),
            #[cfg(feature = "spill")]
            spill: settings.spill.clone(),
        };
        let factory = factory.or_else(|| BodyFactory::of(&body));
        Self {
            policy,
            listener,
            upload: Upload::new(body, capacity, factory),
            chain: Chain::new(head, fragment),
            next: None,
            leaving: None,
            watch: Watch::of(&shared.settings, head),
            sent_at: Instant::now(),
            elapsed: Duration::ZERO,
            shared,
        }
    }

    /// Asks what a response leads to.
    #[inline]
    pub(crate) fn on_response(&mut self, head: &response::Parts) -> Leads {
        if with_policy!(self, |policy| self.chain.may_go_on(policy, head.status)) {
            self.elapsed = self.sent_at.elapsed();
            if let Some(watch) = &mut self.watch {
                watch.answered(head.status);
            }
            return Leads::On;
        }
        if self.watch.is_some() {
            self.elapsed = self.sent_at.elapsed();
        }
        match with_policy!(self, |policy| self.chain.conclude(policy, Ok(head), None)) {
            Recalled::Retracted if self.retract(About::Response(head.status)) => Leads::Back,
            Recalled::Retracted | Recalled::Stands => Leads::Nowhere,
        }
    }

    /// Asks where a response leads. `peeked` is what was seen of its body.
    pub(crate) fn on_redirect<R: Body>(
        &mut self,
        head: response::Parts,
        body: ResponseBody<R>,
        peeked: Option<&Glimpse>,
    ) -> Outcome<B, R> {
        let policy = policy(&self.policy, &self.shared);
        if self.chain.is_failed_expectation(head.status) {
            expectation::remember_refusal(&self.shared.settings, self.chain.uri());
        }
        self.upload.hold();
        let (resend, elapsed) = (self.upload.resend(), self.elapsed);
        let seen = Seen { resend, peeked, elapsed, source: Source::Server };
        let step = self.chain.on_response(&self.shared.settings, policy, &head, seen);
        self.carry_out(step, head, body)
    }

    /// Asks what a response leads to, now that the policy's question has an answer.
    pub(crate) fn on_answer<R: Body>(&mut self, asked: Asked<R>, answer: Answer) -> Outcome<B, R> {
        let settings = &self.shared.settings;
        match asked {
            Asked::Received(head, body) => {
                let step = self.chain.on_answer(settings, &head, answer, self.elapsed);
                self.carry_out(step, head, body)
            }
            Asked::Remembered(head) => {
                let step = self.chain.on_answer(settings, &head, answer, Duration::ZERO);
                let Leaving { head: request, hop } =
                    *self.leaving.take().expect("the request waits for the answer");
                match self.carry_out_remembered(step, head, request, hop) {
                    ControlFlow::Continue((request, hop)) => self.leave(request, hop),
                    ControlFlow::Break(outcome) => outcome,
                }
            }
        }
    }

    /// Ends the current hop, whose response is drained: what is still being sent of it fails.
    pub(crate) fn go_on<R: Body>(&mut self) -> Outcome<B, R> {
        let (next, prepared) = self.next.take().expect("a hop ends only where another follows");
        let repeated = next.is_repeated();
        let (head, hop) = self.move_on(next, prepared);
        if repeated {
            self.chain.expects(Expectation::None);
            return Outcome::Send(self.request(head, hop, None));
        }
        self.leave(head, hop)
    }

    /// Notes that the first request is sent now, with which the call has begun.
    #[inline]
    pub(crate) fn first_sent(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.sent();
        }
    }

    /// Notes that a request is sent now.
    pub(crate) fn sent(&mut self) {
        self.sent_at = Instant::now();
        self.first_sent();
    }

    /// Returns when the whole call must have ended, if it must.
    #[inline]
    pub(crate) fn total_deadline(&self) -> Option<Box<Deadline>> {
        let time = self.settings().total_time?;
        Some(Box::new(Deadline::new(&self.settings().timer, time)))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    fn carry_out<R: Body>(
        &mut self,
        step: Step,
        head: response::Parts,
        body: ResponseBody<R>,
    ) -> Outcome<B, R> {
        let next = match step {
            Step::Return(refusal) => return self.end(head, body, refusal),
            Step::Refuse(refusal) => {
                let refusal = self.explained(refusal);
                return self.refuse(head, body, refusal);
            }
            Step::Peek(limit) => return Outcome::Peek(head, body, limit),
            Step::Ask(question) => return Outcome::Ask(Asked::Received(head, body), question),
            Step::Send(next) => next,
        };
        match self.upload.prepare(next.content) {
            Ok(prepared) => {
                let about = About::Response(head.status);
                if next.is_redirect() {
                    let policy = policy(&self.policy, &self.shared);
                    self.chain.conclude(policy, Ok(&head), Some(&next));
                    self.tell_followed(about, &next);
                } else {
                    self.tell(about, HopOutcome::Repeated);
                }
                self.next = Some((next, prepared));
                if body.is_end_stream() || self.shared.settings.drain.bytes == 0 {
                    return self.go_on();
                }
                Outcome::Drain(body)
            }
            Err(error) => {
                let refusal = self.chain.content_failed(head.status, &next, error);
                if next.is_redirect() {
                    self.refuse(head, body, refusal)
                } else {
                    // A 417 is an answer, and no redirect that could be refused.
                    self.end(head, body, Some(refusal))
                }
            }
        }
    }
}

/// Calls a hook of every call's with its policy. That of the layer is no `dyn`: a hook that it does not
/// have costs nothing.
macro_rules! with_policy {
    ($call:ident, |$policy:ident| $hook:expr) => {
        match &$call.policy {
            None => {
                let $policy = &*$call.shared.policy;
                $hook
            }
            Some(RequestPolicy(own)) => {
                let $policy = &**own;
                $hook
            }
        }
    };
}
use with_policy;

/// Returns the policy of a call: the request's own, or the layer's.
fn policy<'a, P: Policy>(own: &'a Option<RequestPolicy>, shared: &'a Shared<P>) -> &'a dyn Policy {
    match own {
        Some(RequestPolicy(policy)) => &**policy,
        None => &*shared.policy,
    }
}
