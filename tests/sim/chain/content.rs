//! What a caller uploads.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use tower::BoxError;
use tower_follow_redirect::BodyFactory;

use super::{
    choices::Choices,
    clock::{Clock, Sleep},
    pattern,
    tokens::{Kind, Token, Tokens},
};

/// The trailer that content with trailers ends with.
pub const TRAILER: (&str, &str) = ("x-sum", "right");

/// What the content of a request is, and how it comes.
#[derive(Clone, Debug)]
pub struct Content {
    /// The lengths of its pieces.
    pub pieces: Vec<usize>,
    pub length: Length,
    pub end: End,
    /// The piece before which it is not ready, and for how long.
    pub pause: Option<(usize, Duration)>,
    pub again: Again,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Known,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It says with its last piece that it is at its end.
    Told,
    /// It ends when it is asked for more.
    Untold,
    Trailers,
    /// It fails after its last piece.
    Fails,
}

/// Whether the caller can make it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    OneShot,
    Factory,
    /// The factory fails when it is used so often.
    FactoryFails(usize),
}

impl Content {
    pub fn choose(choices: &mut Choices<'_>) -> Self {
        let pieces = match choices.below(6) {
            0 | 1 => Vec::new(),
            2 => vec![choices.pick(&[1, 100, 5000])],
            _ => {
                let size = choices.pick(&[0, 1, 7, 100, 1000, 20_000]);
                let count = 1 + choices.below(6);
                (0..count).map(|_| if size == 0 { 0 } else { 1 + choices.below(size) }).collect()
            }
        };
        let end = choices.pick(&[End::Told, End::Untold, End::Untold, End::Trailers, End::Fails]);
        let length = choices.pick(&[Length::Known, Length::Unknown]);
        let again = match choices.below(8) {
            0..=5 => Again::OneShot,
            6 => Again::Factory,
            _ => Again::FactoryFails(choices.below(3)),
        };
        let pause = choices.maybe(3, |choices| {
            (choices.below(4), Duration::from_millis(choices.pick(&[0, 1, 100, 1500])))
        });
        match pieces.is_empty() {
            true => Self { pieces, length: Length::Known, end: End::Told, pause: None, again },
            false => Self { pieces, length, end, pause, again },
        }
    }

    pub fn size(&self) -> usize {
        self.pieces.iter().sum()
    }

    /// Returns whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Makes the body of a request, and a factory if the caller has one.
    pub fn body(self: &Arc<Self>, clock: &Clock, tokens: &Tokens) -> (OneShot, Option<Factory>) {
        let body = OneShot::new(self, clock, tokens.token(Kind::Content));
        let fails_at = match self.again {
            Again::OneShot => return (body, None),
            Again::Factory => usize::MAX,
            Again::FactoryFails(times) => times,
        };
        let (content, clock, token) =
            (Arc::clone(self), clock.clone(), tokens.token(Kind::Content));
        let made = AtomicUsize::new(0);
        let make = move || match made.fetch_add(1, Ordering::Relaxed) {
            times if times < fails_at => Ok(OneShot::new(&content, &clock, token.clone())),
            _ => Err(BoxError::from(FAILED)),
        };
        (body, Some(BodyFactory::fallible(make)))
    }
}

pub type Factory = BodyFactory<OneShot>;

/// The error of content that fails, and of a factory that does.
pub const FAILED: &str = "the disk is gone";

/// The caller's body.
pub struct OneShot {
    content: Arc<Content>,
    next: usize,
    sent: usize,
    pause: Option<Sleep>,
    ended: bool,
    clock: Clock,
    _token: Token,
}

impl OneShot {
    fn new(content: &Arc<Content>, clock: &Clock, token: Token) -> Self {
        Self {
            content: Arc::clone(content),
            next: 0,
            sent: 0,
            pause: None,
            ended: false,
            clock: clock.clone(),
            _token: token,
        }
    }

    /// Waits before a piece where the content says so, once.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match (&mut self.pause, self.content.pause) {
            (Some(pause), _) => Pin::new(pause).poll(cx),
            (None, Some((at, time))) if at == self.next => {
                let pause = self.pause.insert(self.clock.sleep(time));
                Pin::new(pause).poll(cx)
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Body for OneShot {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        assert!(!self.ended, "content is read after its end");
        ready!(self.poll_pause(cx));
        let at = self.next;
        self.next += 1;
        if let Some(&length) = self.content.pieces.get(at) {
            let data = pattern::part(self.sent, length);
            self.sent += length;
            self.ended = self.is_end_stream();
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let is_first = at == self.content.pieces.len();
        self.ended = self.content.end != End::Trailers || !is_first;
        Poll::Ready(match self.content.end {
            End::Trailers if is_first => {
                let mut trailers = HeaderMap::new();
                trailers.insert(TRAILER.0, HeaderValue::from_static(TRAILER.1));
                Some(Ok(Frame::trailers(trailers)))
            }
            End::Fails => Some(Err(FAILED.into())),
            End::Told | End::Untold | End::Trailers => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.content.end == End::Told && self.next >= self.content.pieces.len()
    }

    fn size_hint(&self) -> SizeHint {
        match self.content.length {
            Length::Known => SizeHint::with_exact((self.content.size() - self.sent) as u64),
            Length::Unknown => SizeHint::new(),
        }
    }
}
