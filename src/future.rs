//! Carries a call through its hops.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use http::{Request, Response, response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    BoxError,
    body::{Peek, ReplayBody, ResponseBody},
    call::{Asked, Call, Last, Leads, Outcome, Shared},
    error::Error,
    policy::{Policy, Question, Recollection},
    settings::Settings,
    timer::Deadline,
};

/// After so many hops in one poll others get a turn: a service that is always ready never yields.
const HOPS_PER_POLL: u32 = 32;

pin_project! {
    /// The future of a [`FollowRedirect`](crate::FollowRedirect) service.
    ///
    /// Dropping it cancels the hop it is at: the inner call, and the upload.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, P, B, R>
    where
        S: Service<Request<ReplayBody<B>>>,
        R: Body,
    {
        #[pin]
        state: State<S::Future, B, R>,
        service: S,
        call: Call<P, B>,
        // In a box: most calls have none.
        total: Option<Box<Deadline>>,
    }
}

pin_project! {
    #[project = StateProj]
    // What most calls never see is in a box: the future is moved before it is polled.
    enum State<F, B, R: Body> {
        // A hop is on its way.
        Calling {
            #[pin]
            response: F,
        },
        // The policy wants to see the beginning of the response body.
        Peeking {
            peeking: Option<Box<Peeking<R>>>,
        },
        // The policy waits for an answer.
        Asking {
            asked: Option<Box<Asked<R>>>,
            question: Question,
        },
        // The rest of a redirect is read, so that its connection can be used again.
        Draining {
            #[pin]
            body: ResponseBody<R>,
            left: u64,
            deadline: Deadline,
        },
        // The policy waits before it knows what it remembers of the next hop.
        Recalling {
            recollection: Recollection,
        },
        // The call has ended before anything was sent.
        Ended {
            result: Option<Box<Result<Response<ResponseBody<R>>, Error<R>>>>,
        },
        // The service is not ready for the next hop, or is asked whether it is.
        Readying {
            request: Option<Box<Request<ReplayBody<B>>>>,
        },
    }
}

impl<S, P, B, R> ResponseFuture<S, P, B, R>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>>,
    R: Body,
{
    /// Begins a call, with a service that is ready.
    #[inline]
    pub(crate) fn new(mut service: S, shared: Arc<Shared<P>>, request: Request<B>) -> Self
    where
        P: Policy,
        B: Body + Send + 'static,
    {
        let (mut head, body) = request.into_parts();
        let mut call = Call::new(shared, &mut head, body);
        let total = call.total_deadline();
        let _entered = call.enter();
        let state = match call.obstacle(&head) {
            None => {
                let wait = call.wait(&mut head);
                call.first_sent();
                State::Calling { response: service.call(call.request(head, 0, wait)) }
            }
            Some(obstacle) => State::after(call.on_first_obstacle(obstacle, head), call.settings()),
        };
        Self { state, service, call, total }
    }
}

impl<F, B, R: Body> State<F, B, R> {
    fn after(outcome: Outcome<B, R>, settings: &Settings) -> Self {
        match outcome {
            Outcome::Done(result) => Self::Ended { result: Some(Box::new(result)) },
            Outcome::Peek(head, body, limit) => Self::Peeking {
                peeking: Some(Box::new(Peeking {
                    head,
                    peek: Peek::new(body, limit),
                    deadline: Deadline::new(&settings.timer, settings.peek_time),
                })),
            },
            Outcome::Ask(asked, question) => {
                Self::Asking { asked: Some(Box::new(asked)), question }
            }
            Outcome::Drain(body) => Self::Draining {
                body,
                left: settings.drain.bytes,
                deadline: Deadline::new(&settings.timer, settings.drain.time),
            },
            Outcome::Recall(recollection) => Self::Recalling { recollection },
            Outcome::Send(request) => Self::Readying { request: Some(Box::new(request)) },
        }
    }
}

impl<S, P, B, R> Future for ResponseFuture<S, P, B, R>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    P: Policy,
    B: Body + Send + 'static,
    R: Body,
{
    type Output = Result<Response<ResponseBody<R>>, Error<R>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let _entered = self.as_mut().project().call.enter();
        let polled = self.as_mut().poll_hops(cx);
        if polled.is_ready() || self.total.is_none() {
            return polled;
        }
        self.poll_too_late(cx).map(Err)
    }
}

impl<S, P, B, R> ResponseFuture<S, P, B, R>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    P: Policy,
    B: Body + Send + 'static,
    R: Body,
{
    /// Is ready, with the error of the call, when it has taken too long; then its hop is over.
    fn poll_too_late(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Error<R>> {
        let mut this = self.project();
        if let Some(total) = this.total {
            ready!(total.poll_elapsed(cx));
        }
        let error = match this.state.as_mut().project() {
            StateProj::Calling { .. } => this.call.too_late(Last::Unanswered),
            StateProj::Peeking { peeking } => {
                let peeking = peeking.as_ref().expect("Peeking peeks until it has seen enough");
                this.call.too_late(Last::Undecided(&peeking.head))
            }
            StateProj::Asking { asked, .. } => {
                this.call.too_late(asked.as_deref().map_or(Last::Decided, Asked::last))
            }
            StateProj::Draining { .. }
            | StateProj::Recalling { .. }
            | StateProj::Ended { .. }
            | StateProj::Readying { .. } => this.call.too_late(Last::Decided),
        };
        this.state.set(State::Ended { result: None });
        Poll::Ready(error)
    }

    #[inline]
    fn poll_hops(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<ResponseBody<R>>, Error<R>>> {
        let mut this = self.project();
        let mut hops = 0;
        loop {
            let outcome = match this.state.as_mut().project() {
                StateProj::Calling { response } => match response.poll(cx) {
                    Poll::Ready(Ok(response)) => {
                        let (head, body) = response.into_parts();
                        let body = ResponseBody::new(body);
                        match this.call.on_response(&head) {
                            Leads::Nowhere => {
                                return Poll::Ready(Ok(this.call.last(head, body)));
                            }
                            Leads::On => this.call.on_redirect(head, body, None),
                            Leads::Back => Outcome::Drain(body),
                        }
                    }
                    Poll::Ready(Err(error)) => this.call.on_failure(error.into()),
                    Poll::Pending => {
                        let error = ready!(this.call.poll_too_many(cx));
                        this.state.set(State::Ended { result: None });
                        return Poll::Ready(Err(error));
                    }
                },
                StateProj::Peeking { peeking } => {
                    let Peeking { head, peek, .. } = *ready!(poll_peek(peeking, cx));
                    let (seen, body) = peek.into_parts();
                    this.call.on_redirect(head, body, Some(&seen))
                }
                StateProj::Asking { asked, question } => {
                    let answer = ready!(Pin::new(question).poll(cx));
                    let asked = asked.take().expect("Asking holds a redirect until it is answered");
                    this.call.on_answer(*asked, answer)
                }
                StateProj::Draining { body, left, deadline } => {
                    ready!(poll_drain(body, left, deadline, cx));
                    // Only now: an upload that is cancelled earlier takes the rest of the response
                    // along.
                    this.call.go_on()
                }
                StateProj::Recalling { recollection } => {
                    ready!(Pin::new(recollection).poll(cx));
                    this.call.on_recollected()
                }
                StateProj::Ended { result } => {
                    return Poll::Ready(*result.take().expect("Ended is polled once"));
                }
                StateProj::Readying { request } => {
                    let request = request.take();
                    Outcome::Send(*request.expect("Readying holds a request until it is sent"))
                }
            };
            let request = match outcome {
                Outcome::Done(result) => return Poll::Ready(result),
                Outcome::Send(request) => request,
                outcome => {
                    this.state.set(State::after(outcome, this.call.settings()));
                    continue;
                }
            };
            // The service may be ready only when the hop before is gone.
            this.state.set(State::Readying { request: None });
            if this.service.poll_ready(cx).map_err(|e| this.call.error(e))?.is_pending() {
                this.state.set(State::Readying { request: Some(Box::new(request)) });
                return Poll::Pending;
            }
            this.call.sent();
            let response = this.service.call(request);
            this.state.set(State::Calling { response });
            hops += 1;
            if hops == HOPS_PER_POLL {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }
}

/// A response into whose body a policy looks.
struct Peeking<R: Body> {
    head: response::Parts,
    peek: Peek<R>,
    deadline: Deadline,
}

/// Reads as much as the policy wants to see, within its time.
fn poll_peek<R: Body>(
    peeking: &mut Option<Box<Peeking<R>>>,
    cx: &mut Context<'_>,
) -> Poll<Box<Peeking<R>>> {
    let Peeking { peek, deadline, .. } =
        &mut **peeking.as_mut().expect("Peeking peeks until it has seen enough");
    if peek.poll_seen(cx).is_pending() {
        ready!(deadline.poll(cx));
    }
    Poll::Ready(peeking.take().expect("it is there"))
}

/// Reads a body to its end, or to what it is worth.
fn poll_drain<R: Body>(
    mut body: Pin<&mut ResponseBody<R>>,
    left: &mut u64,
    deadline: &mut Deadline,
    cx: &mut Context<'_>,
) -> Poll<()> {
    while !body.is_end_stream() {
        let Poll::Ready(frame) = body.as_mut().poll_frame(cx) else {
            return deadline.poll(cx);
        };
        let Some(Ok(frame)) = frame else { break };
        let length = frame.data_ref().map_or(0, |data| data.remaining() as u64);
        // Frames without a byte have an end, too.
        match left.checked_sub(length.max(1)) {
            Some(rest) => *left = rest,
            None => break,
        }
    }
    Poll::Ready(())
}

impl<S, P, B, R> fmt::Debug for ResponseFuture<S, P, B, R>
where
    S: Service<Request<ReplayBody<B>>>,
    R: Body,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
