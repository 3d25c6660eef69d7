//! What lasts through all hops of a call: the chain, the upload, and who hears of `100 Continue`.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use http::{Request, Response, request, response};
use http_body::Body;
use tower::BoxError;

use crate::{
    body::{BodyFactory, Capacity, Ends, Glimpse, Prepared, ReplayBody, ResponseBody, Upload},
    chain::{Chain, Next, Seen, Step},
    error::Error,
    expectation::{self, Wait},
    informational::Listener,
    policy::{Answer, Policy, Question, RequestPolicy},
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
    sent_at: Instant,
    elapsed: Duration,
}

/// What a response leads to.
pub(crate) enum Outcome<R: Body> {
    /// The call ends.
    Done(Result<Response<ResponseBody<R>>, Error<R>>),
    /// The policy wants to see so much of the body.
    Peek(response::Parts, ResponseBody<R>, usize),
    /// The policy waits for an answer.
    Ask(response::Parts, ResponseBody<R>, Question),
    /// The rest of the body is drained, then the next request is sent.
    Drain(ResponseBody<R>),
}

impl<P, B> Call<P, B>
where
    P: Policy,
    B: Body + Send + 'static,
{
    /// Begins a call, and returns the request of its first hop.
    pub(crate) fn new(shared: Shared<P>, request: Request<B>) -> (Self, Request<ReplayBody<B>>) {
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
            sent_at: Instant::now(),
            elapsed: Duration::ZERO,
            shared,
        };
        let expectation = call.expectation(&mut head);
        let request = call.request(head, 0, expectation);
        (call, request)
    }

    /// Asks what a response leads to. `peeked` is what was seen of its body.
    pub(crate) fn on_response<R: Body>(
        &mut self,
        head: response::Parts,
        body: ResponseBody<R>,
        peeked: Option<&Glimpse>,
    ) -> Outcome<R> {
        let policy = policy(&self.policy, &self.shared);
        if !self.chain.may_go_on(policy, head.status) {
            let refusal = self.chain.not_redirect(head.status);
            return Outcome::Done(Ok(self.finish(head, body, refusal)));
        }
        if self.chain.is_failed_expectation(head.status) {
            expectation::remember_refusal(&self.shared.settings, self.chain.uri());
        }
        self.upload.hold();
        if peeked.is_none() {
            self.elapsed = self.sent_at.elapsed();
        }
        let seen = Seen { resend: self.upload.resend(), peeked, elapsed: self.elapsed };
        let step = self.chain.on_response(&self.shared.settings, policy, &head, seen);
        self.carry_out(step, head, body)
    }

    /// Asks what a response leads to, now that the policy's question has an answer.
    pub(crate) fn on_answer<R: Body>(
        &mut self,
        head: response::Parts,
        body: ResponseBody<R>,
        answer: Answer,
    ) -> Outcome<R> {
        let step = self.chain.on_answer(&self.shared.settings, &head, answer, self.elapsed);
        self.carry_out(step, head, body)
    }

    /// Ends the hop whose response is drained: what is still being sent of it fails.
    pub(crate) fn next_request(&mut self) -> Request<ReplayBody<B>> {
        let (next, prepared) = self.next.take().expect("a hop ends only where another follows");
        let may_expect = next.is_redirect();
        let mut head = self.chain.commit(*next);
        let hop = self.upload.advance(prepared);
        let expectation = if may_expect { self.expectation(&mut head) } else { Expectation::None };
        self.request(head, hop, expectation)
    }

    /// Notes that a request is sent now.
    pub(crate) fn sent(&mut self) {
        self.sent_at = Instant::now();
    }

    /// Makes the error of a hop that the inner service failed.
    pub(crate) fn failed<R: Body>(&mut self, error: impl Into<BoxError>) -> Error<R> {
        Error::service(self.chain.request_line(), self.chain.history(), error)
    }

    /// Is ready, with the error of the call, when the server has sent too many 1xx responses.
    pub(crate) fn poll_too_many<R: Body>(&mut self, cx: &mut Context<'_>) -> Poll<Error<R>> {
        let too_many = ready!(self.listener.poll_too_many(cx));
        Poll::Ready(self.failed(too_many))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    fn carry_out<R: Body>(
        &mut self,
        step: Step,
        head: response::Parts,
        body: ResponseBody<R>,
    ) -> Outcome<R> {
        let next = match step {
            Step::Return(refusal) => return Outcome::Done(Ok(self.finish(head, body, refusal))),
            Step::Refuse(refusal) => {
                let refusal = self.explained(refusal);
                return self.refuse(head, body, refusal);
            }
            Step::Peek(limit) => return Outcome::Peek(head, body, limit),
            Step::Ask(question) => return Outcome::Ask(head, body, question),
            Step::Send(next) => next,
        };
        match self.upload.prepare(next.content) {
            Ok(prepared) => {
                self.next = Some((next, prepared));
                Outcome::Drain(body)
            }
            Err(error) => {
                let refusal = self.chain.content_failed(head.status, &next, error);
                if next.is_redirect() {
                    self.refuse(head, body, refusal)
                } else {
                    // A 417 is an answer, and no redirect that could be refused.
                    Outcome::Done(Ok(self.finish(head, body, Some(refusal))))
                }
            }
        }
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
    ) -> Outcome<R> {
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
