//! What a call and its connection know of each other, and the response that goes from one to the other.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use tower::BoxError;

use super::{
    clock::Sleep,
    pattern,
    server::{Reading, ReadingEnd},
    stage::Stage,
    tokens::{Kind, Token},
};

/// Between a call of the transport and its connection.
pub type Line = Rc<RefCell<Ends>>;

#[derive(Default)]
pub struct Ends {
    /// For the call.
    pub answer: Option<Result<Response<Reply>, BoxError>>,
    pub delivered: bool,
    pub reader: Reader,
    pub call: Option<Waker>,
    pub connection: Option<Waker>,
}

/// Whether the response is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reader {
    #[default]
    Waits,
    /// It was read to its end.
    Done,
    /// The call, or the response body, was dropped before.
    Gone,
}

impl Ends {
    /// Notes that nobody reads on. The connection learns of it only if there was more to read.
    fn leave(&mut self) -> Option<Waker> {
        if self.reader != Reader::Waits {
            return None;
        }
        self.reader = Reader::Gone;
        self.connection.take()
    }
}

pub fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The transport's future for one request.
pub struct Hop {
    pub line: Line,
    pub stage: Rc<Stage>,
    pub _token: Token,
}

impl Future for Hop {
    type Output = Result<Response<Reply>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut line = self.line.borrow_mut();
        if line.delivered {
            self.stage.breaks("a future is polled once to its end", "a hop is polled again");
        }
        match line.answer.take() {
            Some(answer) => {
                line.delivered = true;
                if answer.as_ref().is_ok_and(|response| response.body().is_end_stream()) {
                    line.reader = Reader::Done;
                }
                Poll::Ready(answer)
            }
            None => {
                line.call = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Hop {
    fn drop(&mut self) {
        let (unread, waker) = {
            let mut line = self.line.borrow_mut();
            let unread = line.answer.take();
            (unread, if line.delivered { None } else { line.leave() })
        };
        drop(unread);
        wake(waker);
        self.stage.end_of_hop();
    }
}

/// A response body.
pub struct Reply {
    reading: Reading,
    next: usize,
    at: usize,
    delay: Option<Sleep>,
    state: State,
    /// The number of the request.
    sent: usize,
    line: Line,
    stage: Rc<Stage>,
    _token: Token,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    /// It waits for what never comes.
    Hanging,
    Ended,
}

impl Reply {
    /// Makes the body of the answer to a request of this number: its bytes begin at a place of its own.
    pub fn new(reading: &Reading, sent: usize, line: &Line, stage: &Rc<Stage>) -> Self {
        Self {
            reading: reading.clone(),
            next: 0,
            at: start(sent),
            delay: None,
            state: State::Reading,
            sent,
            line: Rc::clone(line),
            stage: Rc::clone(stage),
            _token: stage.tokens.token(Kind::Response),
        }
    }

    fn end(&mut self) {
        self.state = State::Ended;
        self.line.borrow_mut().reader = Reader::Done;
    }
}

/// Returns at which place of the pattern the body of a response begins.
pub fn start(sent: usize) -> usize {
    sent * 13
}

impl Body for Reply {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.state == State::Ended {
            self.stage.breaks("a body is not read after its end", "a response body is");
        }
        if !self.reading.delay.is_zero() {
            let this = &mut *self;
            let time = this.reading.delay;
            let delay = this.delay.get_or_insert_with(|| this.stage.clock.sleep(time));
            ready!(Pin::new(delay).poll(cx));
            this.delay = None;
        }
        let next = self.next;
        self.next += 1;
        if let Some(&length) = self.reading.frames.get(next) {
            let data = pattern::part(self.at, length);
            self.at += length;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.reading.end {
            ReadingEnd::Never => {
                if self.state == State::Reading {
                    self.state = State::Hanging;
                    self.stage.silence(1);
                }
                Poll::Pending
            }
            ReadingEnd::Clean => {
                self.end();
                Poll::Ready(None)
            }
            ReadingEnd::Fails => {
                self.end();
                Poll::Ready(Some(Err(CUT.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.state == State::Ended
            || self.reading.frames.is_empty() && self.reading.end == ReadingEnd::Clean
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::new()
    }
}

/// The error of a response body.
pub const CUT: &str = "the response is cut";

impl Drop for Reply {
    fn drop(&mut self) {
        if self.state == State::Hanging {
            self.stage.silence(-1);
        }
        let waker = {
            let is_over = self.is_end_stream();
            let mut line = self.line.borrow_mut();
            if is_over {
                line.reader = Reader::Done;
            }
            let waker = line.leave();
            self.stage.journal.borrow_mut().sent[self.sent].reader = line.reader;
            waker
        };
        wake(waker);
    }
}
