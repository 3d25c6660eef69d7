//! The inner service: it opens a connection for every request.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use http::{Request, Response};
use tower::BoxError;
use tower_follow_redirect::ReplayBody;
use tower_service::Service;

use super::{
    choices::Choices,
    clock::Sleep,
    connection::Connection,
    content::OneShot,
    line::{Hop, Line, Reply},
    server::Pace,
    stage::Stage,
    tokens::{Kind, Token},
};

/// How the service gets ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    AtOnce,
    After(Duration),
    /// When no hop is under way, as with a limit of one at a time.
    Alone,
    Fails,
}

impl Readiness {
    pub fn choose(choices: &mut Choices<'_>) -> Vec<Self> {
        let all = |choices: &mut Choices<'_>| match choices.below(24) {
            0..=13 => Self::AtOnce,
            14..=17 => Self::After(Duration::from_millis(choices.pick(&[0, 1, 300]))),
            18..=22 => Self::Alone,
            _ => Self::Fails,
        };
        (0..1 + choices.below(5)).map(|_| all(choices)).collect()
    }
}

pub struct Transport {
    stage: Rc<Stage>,
    state: State,
    _token: Token,
}

enum State {
    Unasked,
    Waiting(Readiness, Option<Sleep>),
    Ready,
}

/// The error of a service that does not get ready.
pub const NOT_READY: &str = "no connection is to be had";

impl Transport {
    pub fn new(stage: &Rc<Stage>) -> Self {
        let _token = stage.tokens.token(Kind::Service);
        Self { stage: Rc::clone(stage), state: State::Unasked, _token }
    }

    fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if let State::Unasked = self.state {
            let readiness = self.stage.next_readiness();
            let sleep = match readiness {
                Readiness::After(time) => Some(self.stage.clock.sleep(time)),
                _ => None,
            };
            self.state = State::Waiting(readiness, sleep);
        }
        let State::Waiting(readiness, sleep) = &mut self.state else { return Poll::Ready(Ok(())) };
        match readiness {
            Readiness::Fails => {
                self.state = State::Unasked;
                return Poll::Ready(Err(NOT_READY.into()));
            }
            Readiness::Alone if !self.stage.is_free(cx.waker()) => return Poll::Pending,
            Readiness::After(_) | Readiness::AtOnce | Readiness::Alone => {}
        }
        if let Some(sleep) = sleep {
            ready!(Pin::new(sleep).poll(cx));
        }
        self.state = State::Ready;
        Poll::Ready(Ok(()))
    }
}

/// A clone is as ready as a new one: not at all.
impl Clone for Transport {
    fn clone(&self) -> Self {
        Self::new(&self.stage)
    }
}

impl Service<Request<ReplayBody<OneShot>>> for Transport {
    type Response = Response<Reply>;
    type Error = BoxError;
    type Future = Hop;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.poll_state(cx)
    }

    fn call(&mut self, request: Request<ReplayBody<OneShot>>) -> Hop {
        if !matches!(self.state, State::Ready) {
            self.stage.breaks("a service is called when it is ready", request.uri().to_string());
        }
        self.state = State::Unasked;
        let line = Line::default();
        let mut connection = Connection::open(request, &line, &self.stage);
        if connection.pace() == Pace::InTurn
            || connection.poll(&mut Context::from_waker(Waker::noop())).is_pending()
        {
            self.stage.opened.borrow_mut().push(connection);
        }
        self.stage.begin_hop();
        let _token = self.stage.tokens.token(Kind::Call);
        Hop { line, stage: Rc::clone(&self.stage), _token }
    }
}
