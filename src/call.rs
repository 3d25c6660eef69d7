//! What lasts through all hops of a call: the chain, the upload, and who hears of `100 Continue`.

use std::{
    error,
    ops::ControlFlow,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use http::{Request, Response, request, response};
use http_body::Body;
use tower::BoxError;

use crate::{
    body::{
        BodyFactory, Capacity, Ends, Glimpse, Prepared, ReplayBody, Resend, ResponseBody, Upload,
    },
    chain::{Chain, Next, Seen, Step},
    error::Error,
    expectation::{self, Wait},
    history::Source,
    informational::Listener,
    policy::{Answer, Policy, Question, Recall, Recalled, Recollection, RequestPolicy},
    refusal::{Refusal, RefusalKind},
    rules::{expect::Expectation, method},
    settings::{OnRefusal, Settings},
};

/// What a layer gives to all its calls.
pub(crate) struct Shared<P> {
    pub(crate) settings: Arc<Settings>,
    pub(crate) policy: Arc<P>,
}

impl<P> Clone for Shared<P> {
    fn clone(&self) -> Self {
        Self { settings: Arc::clone(&self.settings), policy: Arc::clone(&self.policy) }
    }
}

/// How many bytes of one request's content are recorded: a request extension that takes the place of
/// the layer's [`replay_limit`](crate::FollowRedirectLayer::replay_limit).
///
/// ```
/// use http::Request;
/// use tower_follow_redirect::ReplayLimit;
///
/// let request = Request::put("http://a.test/").extension(ReplayLimit::new(16 << 20)).body(())?;
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayLimit(u64);

impl ReplayLimit {
    /// Makes the extension of a limit in bytes.
    pub fn new(bytes: u64) -> Self {
        Self(bytes)
    }
}

/// One call.
pub(crate) struct Call<P, B> {
    shared: Shared<P>,
    policy: Option<RequestPolicy>,
    listener: Listener,
    chain: Chain,
    upload: Upload<B>,
    next: Option<(Box<Next>, Prepared<B>)>,
    /// The request that waits to be sent, in a box since most calls have none.
    leaving: Option<Box<Leaving>>,
    sent_at: Instant,
    elapsed: Duration,
}

/// A request that may yet be redirected by what a policy remembers.
struct Leaving {
    head: request::Parts,
    hop: u32,
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

impl<P, B> Call<P, B>
where
    P: Policy,
    B: Body + Send + 'static,
{
    /// Begins a call, and says what is done first.
    pub(crate) fn begin<R: Body>(shared: Shared<P>, request: Request<B>) -> (Self, Outcome<B, R>) {
        let settings = &shared.settings;
        let (mut head, body) = request.into_parts();
        let policy = head.extensions.remove();
        let listener = Listener::new(&mut head.extensions);
        let factory = head.extensions.remove().or_else(|| BodyFactory::of(&body));
        let limit = head.extensions.remove::<ReplayLimit>();
        let capacity = Capacity {
            memory: limit.map_or(settings.replay_limit, |ReplayLimit(limit)| limit),
            #[cfg(feature = "spill")]
            spill: settings.spill.clone(),
        };
        let mut call = Self {
            policy,
            listener,
            chain: Chain::new(&mut head, settings),
            upload: Upload::new(body, capacity, factory),
            next: None,
            leaving: None,
            sent_at: Instant::now(),
            elapsed: Duration::ZERO,
            shared,
        };
        let outcome = call.leave(head, 0);
        (call, outcome)
    }

    /// Goes on with the request that waits to be sent.
    pub(crate) fn on_recollected<R: Body>(&mut self) -> Outcome<B, R> {
        let Leaving { head, hop } = *self.leaving.take().expect("a request waits to be sent");
        self.leave(head, hop)
    }

    /// Asks what a response leads to. `peeked` is what was seen of its body.
    pub(crate) fn on_response<R: Body>(
        &mut self,
        head: response::Parts,
        body: ResponseBody<R>,
        peeked: Option<&Glimpse>,
    ) -> Outcome<B, R> {
        let policy = policy(&self.policy, &self.shared);
        if !self.chain.may_go_on(policy, head.status) {
            let refusal = self.chain.not_redirect(head.status);
            return self.end(head, body, refusal);
        }
        if self.chain.is_failed_expectation(head.status) {
            expectation::remember_refusal(&self.shared.settings, self.chain.uri());
        }
        self.upload.hold();
        if peeked.is_none() {
            self.elapsed = self.sent_at.elapsed();
        }
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

    /// Learns that the inner service failed.
    pub(crate) fn on_failure<R: Body>(&mut self, error: BoxError) -> Outcome<B, R> {
        match self.conclude_failure(&*error) {
            Some(next) => {
                self.next = Some(next);
                self.go_on()
            }
            None => Outcome::Done(Err(self.error(error))),
        }
    }

    /// Ends the current hop, whose response is drained: what is still being sent of it fails.
    pub(crate) fn go_on<R: Body>(&mut self) -> Outcome<B, R> {
        let (next, prepared) = self.next.take().expect("a hop ends only where another follows");
        let repeated = next.is_repeated();
        let (head, hop) = self.move_on(*next, prepared);
        if repeated {
            return Outcome::Send(self.request(head, hop, Expectation::None));
        }
        self.leave(head, hop)
    }

    /// Notes that a request is sent now.
    pub(crate) fn sent(&mut self) {
        self.sent_at = Instant::now();
    }

    /// Makes the error of an inner service that failed, or was not ready for a hop.
    pub(crate) fn error<R: Body>(&mut self, error: impl Into<BoxError>) -> Error<R> {
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

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Lets a request leave, unless the policy remembers that it must go elsewhere.
    fn leave<R: Body>(&mut self, mut head: request::Parts, mut hop: u32) -> Outcome<B, R> {
        loop {
            let policy = policy(&self.policy, &self.shared);
            let remembered = match self.chain.recall(policy, &head) {
                Recall::Redirect(remembered) => remembered,
                Recall::Nothing => return self.send(head, hop),
                Recall::Retract => match self.retraction() {
                    Some((next, prepared)) => {
                        (head, hop) = self.move_on(*next, prepared);
                        continue;
                    }
                    None => return self.send(head, hop),
                },
                Recall::Wait(recollection) => {
                    self.leaving = Some(Box::new(Leaving { head, hop }));
                    return Outcome::Recall(recollection);
                }
            };
            let resend = self.upload.resend();
            let settings = &self.shared.settings;
            let (response, step) = self.chain.on_recalled(settings, policy, &remembered, resend);
            match self.carry_out_remembered(step, response, head, hop) {
                ControlFlow::Continue(next) => (head, hop) = next,
                ControlFlow::Break(outcome) => return outcome,
            }
        }
    }

    fn send<R: Body>(&mut self, mut head: request::Parts, hop: u32) -> Outcome<B, R> {
        let expectation = self.expectation(&mut head);
        Outcome::Send(self.request(head, hop, expectation))
    }

    /// Follows a remembered redirect of `request`, and returns the request that it leads to.
    fn carry_out_remembered<R: Body>(
        &mut self,
        step: Step,
        response: response::Parts,
        request: request::Parts,
        hop: u32,
    ) -> ControlFlow<Outcome<B, R>, (request::Parts, u32)> {
        let refusal = match step {
            Step::Send(next) => match self.upload.prepare(next.content) {
                Ok(prepared) => return ControlFlow::Continue(self.move_on(*next, prepared)),
                Err(error) => self.chain.content_failed(response.status, &next, error),
            },
            Step::Ask(question) => {
                self.leaving = Some(Box::new(Leaving { head: request, hop }));
                return ControlFlow::Break(Outcome::Ask(Asked::Remembered(response), question));
            }
            Step::Refuse(refusal) => refusal,
            // There is no response to hand back: the server's own is what the caller gets.
            Step::Return(_) | Step::Peek(_) => return ControlFlow::Break(self.send(request, hop)),
        };
        ControlFlow::Break(match self.shared.settings.on_refusal {
            OnRefusal::Return => self.send(request, hop),
            OnRefusal::Error => {
                let refusal = self.explained(refusal).of_memory();
                Outcome::Done(Err(Error::remembered(refusal, self.chain.history())))
            }
        })
    }

    /// Changes over to the next request, whose head it returns, with the number of its hop.
    fn move_on(&mut self, next: Next, prepared: Prepared<B>) -> (request::Parts, u32) {
        (self.chain.commit(next), self.upload.advance(prepared))
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
                if next.is_redirect() {
                    let policy = policy(&self.policy, &self.shared);
                    self.chain.conclude(policy, Ok(&head), Some(&next));
                }
                self.next = Some((next, prepared));
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

    /// Ends the call with a response, unless it shows that what was remembered is wrong.
    fn end<R: Body>(
        &mut self,
        head: response::Parts,
        body: ResponseBody<R>,
        refusal: Option<Refusal>,
    ) -> Outcome<B, R> {
        let policy = policy(&self.policy, &self.shared);
        if self.chain.conclude(policy, Ok(&head), None) == Recalled::Retracted {
            self.next = self.retraction();
            if self.next.is_some() {
                return Outcome::Drain(body);
            }
        }
        Outcome::Done(Ok(self.finish(head, body, refusal)))
    }

    /// Tells the policy of an error, and returns what is sent then, if anything is.
    fn conclude_failure(
        &mut self,
        error: &(dyn error::Error + Send + Sync + 'static),
    ) -> Option<(Box<Next>, Prepared<B>)> {
        let policy = policy(&self.policy, &self.shared);
        match self.chain.conclude(policy, Err(error), None) {
            Recalled::Retracted => self.retraction(),
            Recalled::Stands => None,
        }
    }

    /// Prepares the request that the remembered redirects began with, if its content is there.
    fn retraction(&mut self) -> Option<(Box<Next>, Prepared<B>)> {
        let next = self.chain.retraction()?;
        self.upload.hold();
        if self.upload.resend() == Resend::Impossible {
            return None;
        }
        let prepared = self.upload.prepare(next.content).ok()?;
        Some((Box::new(next), prepared))
    }

    /// Adds why the content is gone, where the limit is not the reason.
    fn explained(&self, refusal: Refusal) -> Refusal {
        match self.upload.failure() {
            Some(error) if refusal.kind() == RefusalKind::BodyNotReplayable => {
                refusal.with_source(error)
            }
            _ => refusal,
        }
    }

    fn refuse<R: Body>(
        &mut self,
        head: response::Parts,
        body: ResponseBody<R>,
        refusal: Refusal,
    ) -> Outcome<B, R> {
        let policy = policy(&self.policy, &self.shared);
        self.chain.conclude(policy, Ok(&head), None);
        let response = self.finish(head, body, Some(refusal.clone()));
        Outcome::Done(match self.shared.settings.on_refusal {
            OnRefusal::Error => Err(Error::refused(refusal, response)),
            OnRefusal::Return => Ok(response),
        })
    }

    /// Makes the response that the caller gets.
    fn finish<R: Body>(
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

    /// Makes the request of a hop, and listens for the answer that its content waits for.
    fn request(
        &mut self,
        head: request::Parts,
        hop: u32,
        expectation: Expectation,
    ) -> Request<ReplayBody<B>> {
        self.chain.expects(expectation);
        let wait = match expectation {
            Expectation::Continue => {
                let support = policy(&self.policy, &self.shared).expect(&head);
                expectation::wait(&self.shared.settings, support)
            }
            Expectation::None => None,
        };
        let Some(Wait { patience, successor, unreported }) = wait else {
            let mut request = Request::from_parts(head, self.upload.body(hop, None));
            self.listener.listen(&mut request);
            return request;
        };
        let mut request = Request::from_parts(head, self.upload.body(hop, Some(patience)));
        self.listener.listen_for(&mut request, &self.upload, hop, successor, unreported);
        request
    }

    fn expectation(&self, head: &mut request::Parts) -> Expectation {
        expectation::decide(&self.shared.settings, head, self.upload.size_hint())
    }
}

/// Returns the policy of a call: the request's own, or the layer's.
fn policy<'a, P: Policy>(own: &'a Option<RequestPolicy>, shared: &'a Shared<P>) -> &'a dyn Policy {
    match own {
        Some(RequestPolicy(policy)) => &**policy,
        None => &*shared.policy,
    }
}
