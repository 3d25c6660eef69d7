//! The caller's content, and what a server gets of it.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame, SizeHint};

use super::choices::Choices;

/// What is to be sent: some pieces, and perhaps trailers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) pieces: Vec<Bytes>,
    pub(super) has_trailers: bool,
}

impl Content {
    pub(super) fn of(choices: &mut Choices) -> Self {
        let count = choices.one(&[0, 1, 1, 2, 5]);
        // No two bytes that are near are the same, so that one that is lost or doubled is missed.
        let mut next = 0_u8;
        let pieces = (0..count)
            .map(|_| {
                let length = choices.one(&[0_u16, 1, 7, 40, 300]);
                let piece = (0..length).map(|_| {
                    next = next.wrapping_add(1);
                    next
                });
                piece.collect()
            })
            .collect();
        Self { pieces, has_trailers: count > 0 && choices.below(4) == 3 }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

pub(super) fn trailers() -> HeaderMap {
    HeaderMap::from_iter([(http::HeaderName::from_static("x-sum"), HeaderValue::from_static("1"))])
}

/// The caller's body. It is pending now and then, and is alive as long as its token is.
pub(super) struct Upload {
    pieces: VecDeque<Bytes>,
    has_trailers: bool,
    has_length: bool,
    is_slow: bool,
    is_rested: bool,
    _alive: Arc<()>,
}

impl Upload {
    pub(super) fn new(content: &Content, choices: &mut Choices, alive: &Arc<()>) -> Self {
        Self {
            pieces: content.pieces.clone().into(),
            has_trailers: content.has_trailers,
            has_length: choices.is(),
            is_slow: choices.is(),
            is_rested: false,
            _alive: Arc::clone(alive),
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = std::fmt::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.is_slow && !self.is_rested {
            self.is_rested = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.is_rested = false;
        let frame = match self.pieces.pop_front() {
            Some(piece) => Some(Frame::data(piece)),
            None if self.has_trailers => {
                self.has_trailers = false;
                Some(Frame::trailers(trailers()))
            }
            None => None,
        };
        Poll::Ready(frame.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && !self.has_trailers
    }

    fn size_hint(&self) -> SizeHint {
        if self.has_length {
            SizeHint::with_exact(self.pieces.iter().map(|piece| piece.len() as u64).sum())
        } else {
            SizeHint::default()
        }
    }
}

/// What has arrived of a body.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrived {
    pub(super) bytes: Vec<u8>,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) end: End,
}

/// How a body has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// Nobody has asked for more.
    #[default]
    Unread,
    Whole,
    /// It was cancelled.
    Broken,
}

impl Arrived {
    /// Reads one frame, and returns whether there may be another one.
    pub(super) async fn read<B: Body<Data = Bytes> + Unpin>(&mut self, body: &mut B) -> bool {
        let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => self.bytes.extend_from_slice(&data),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            },
            Some(Err(_)) => self.end = End::Broken,
            None => self.end = End::Whole,
        }
        self.end == End::Unread
    }

    /// What has arrived is what was sent, as far as it goes.
    pub(super) fn check(&self, content: &Content) {
        let sent = content.bytes();
        assert!(sent.starts_with(&self.bytes), "{self:?} of {content:?}");
        if self.end == End::Whole {
            assert_eq!(self.bytes, sent, "it is cut short");
            assert_eq!(self.trailers, content.has_trailers.then(trailers));
        }
    }
}
