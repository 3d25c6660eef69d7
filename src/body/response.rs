//! The response body that the caller gets.

use std::{
    fmt,
    io::IoSlice,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::upload::CancelUpload;

pin_project! {
    /// A response body, handed over as the inner service gave it.
    ///
    /// It has two duties besides: it gives back what a policy has
    /// [peeked](crate::policy::Verdict::Peek) at, and it ends an upload that the response has
    /// overtaken when the response ends or is dropped.
    pub struct ResponseBody<R: Body> {
        #[pin]
        source: Source<R>,
        upload: Tied,
    }
}

pin_project! {
    #[project = SourceProj]
    enum Source<R: Body> {
        Direct {
            #[pin]
            body: R,
        },
        // A policy has looked at it.
        Peeked {
            peeked: Box<Peeked<R>>,
        },
    }
}

/// The upload that ends with a response.
enum Tied {
    Nothing,
    To {
        #[expect(dead_code, reason = "it is there to be dropped")]
        upload: CancelUpload,
    },
    /// It has ended: a stream of HTTP/2 would fail whoever reads on.
    Ended,
}

/// What polling a body gives.
type FrameOf<R> = Result<Frame<<R as Body>::Data>, <R as Body>::Error>;

struct Peeked<R: Body> {
    /// What was read already, last frame first.
    frames: Vec<FrameOf<R>>,
    rest: Pin<Box<R>>,
    /// Whether `rest` has said that it is at its end: not every body may be asked twice.
    ended: bool,
}

impl<R: Body> ResponseBody<R> {
    #[inline]
    pub(crate) fn new(body: R) -> Self {
        Self { source: Source::Direct { body }, upload: Tied::Nothing }
    }

    /// Ends `upload` with this body.
    #[inline]
    pub(crate) fn ending(self, upload: Option<CancelUpload>) -> Self {
        let upload = match upload {
            None => Tied::Nothing,
            Some(_) if self.is_end_stream() => Tied::Ended,
            Some(upload) => Tied::To { upload },
        };
        Self { upload, ..self }
    }
}

/// For layers around that make a response of their own, such as tower-http's `Timeout`.
impl<R: Body + Default> Default for ResponseBody<R> {
    fn default() -> Self {
        Self::new(R::default())
    }
}

#[cfg(test)]
const _: fn() -> ResponseBody<http_body_util::Full<bytes::Bytes>> = Default::default;

impl<R: Body> Body for ResponseBody<R> {
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        match this.upload {
            Tied::Nothing => this.source.poll_frame(cx),
            Tied::Ended => Poll::Ready(None),
            Tied::To { .. } => {
                let frame = ready!(this.source.as_mut().poll_frame(cx));
                if !matches!(frame, Some(Ok(_))) || this.source.is_end_stream() {
                    *this.upload = Tied::Ended;
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.upload, Tied::Ended) || self.source.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.upload, &self.source) {
            (Tied::Ended, _) => SizeHint::with_exact(0),
            (_, Source::Direct { body }) => body.size_hint(),
            (_, Source::Peeked { peeked }) => peeked.size_hint(),
        }
    }
}

impl<R: Body> Source<R> {
    fn is_end_stream(&self) -> bool {
        match self {
            Self::Direct { body } => body.is_end_stream(),
            Self::Peeked { peeked } => peeked.is_end_stream(),
        }
    }

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<FrameOf<R>>> {
        match self.project() {
            SourceProj::Direct { body } => body.poll_frame(cx),
            SourceProj::Peeked { peeked } => match peeked.frames.pop() {
                Some(frame) => Poll::Ready(Some(frame)),
                None if peeked.ended => Poll::Ready(None),
                None => peeked.rest.as_mut().poll_frame(cx),
            },
        }
    }
}

impl<R: Body> Peeked<R> {
    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && (self.ended || self.rest.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let read: u64 = self
            .frames
            .iter()
            .filter_map(|frame| frame.as_ref().ok()?.data_ref())
            .map(|data| data.remaining() as u64)
            .sum();
        let rest = if self.ended { SizeHint::with_exact(0) } else { self.rest.size_hint() };
        let mut whole = SizeHint::new();
        if let Some(upper) = rest.upper() {
            whole.set_upper(upper.saturating_add(read));
        }
        whole.set_lower(rest.lower().saturating_add(read));
        whole
    }
}

impl<R: Body> fmt::Debug for ResponseBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}

/// The beginning of a response body.
pub(crate) struct Glimpse {
    pub(crate) bytes: Vec<u8>,
    pub(crate) more: More,
}

impl Glimpse {
    /// Makes the glimpse of a body that is not there.
    pub(crate) fn of_nothing() -> Self {
        Self { bytes: Vec::new(), more: More::Nothing }
    }
}

/// Whether a longer look would show more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum More {
    Maybe,
    /// The body has ended or failed, or was too slow.
    Nothing,
}

/// Reads the beginning of a response body, and keeps it for whoever reads it next.
pub(crate) struct Peek<R: Body> {
    body: Pin<Box<R>>,
    frames: Vec<FrameOf<R>>,
    ended: bool,
    seen: Vec<u8>,
    wanted: usize,
    /// What can be seen: less than is wanted where a frame hides its rest.
    limit: usize,
}

impl<R: Body> Peek<R> {
    /// Prepares to show up to `limit` bytes of `body`.
    pub(crate) fn new(body: ResponseBody<R>, limit: usize) -> Self {
        let (frames, body, ended) = match body.source {
            Source::Direct { body } => (Vec::new(), Box::pin(body), false),
            Source::Peeked { peeked } => {
                let Peeked { mut frames, rest, ended } = *peeked;
                frames.reverse();
                (frames, rest, ended)
            }
        };
        let mut peek =
            Self { body, frames: Vec::new(), ended, seen: Vec::new(), wanted: limit, limit };
        frames.into_iter().for_each(|frame| peek.push(frame));
        peek
    }

    /// Is ready when the limit is reached, or the body has ended.
    pub(crate) fn poll_seen(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // There are no more frames than bytes, save where frames are empty, and those have an end too.
        while !self.ended && self.seen.len().max(self.frames.len()) < self.limit {
            match ready!(self.body.as_mut().poll_frame(cx)) {
                Some(frame) => {
                    let failed = frame.is_err();
                    self.push(frame);
                    if failed {
                        break;
                    }
                }
                None => self.ended = true,
            }
        }
        Poll::Ready(())
    }

    /// Returns what was seen, and the body, whole.
    pub(crate) fn into_parts(mut self) -> (Glimpse, ResponseBody<R>) {
        let more = if self.seen.len() < self.wanted { More::Nothing } else { More::Maybe };
        self.frames.reverse();
        let peeked = Peeked { frames: self.frames, rest: self.body, ended: self.ended };
        let peeked = Box::new(peeked);
        let body = ResponseBody { source: Source::Peeked { peeked }, upload: Tied::Nothing };
        (Glimpse { bytes: mem::take(&mut self.seen), more }, body)
    }

    fn push(&mut self, frame: FrameOf<R>) {
        if let Some(data) = frame.as_ref().ok().and_then(Frame::data_ref) {
            let mut chunks = [IoSlice::new(&[]); 16];
            let count = data.chunks_vectored(&mut chunks);
            let before = self.seen.len();
            for chunk in &chunks[..count] {
                let room = self.limit.saturating_sub(self.seen.len());
                self.seen.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            if self.seen.len() - before < data.remaining() {
                // The rest of this frame cannot be seen without consuming it.
                self.limit = self.seen.len();
            }
        }
        self.frames.push(frame);
    }
}
