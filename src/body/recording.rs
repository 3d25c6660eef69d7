//! What was read of the caller's body, and whether it can be sent again.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame};
use tower::BoxError;

use super::handover::{Handover, Progress};

/// The caller's body with all that its hops share.
pub(super) struct Content<B> {
    pub(super) handover: Handover<Recording<B>>,
    /// How many bytes are recorded, in more than one frame.
    pub(super) limit: u64,
}

/// The caller's body, and what was read of it.
pub(super) struct Recording<B> {
    /// `None` once it has ended.
    source: Option<Pin<Box<B>>>,
    frames: Vec<Bytes>,
    recorded: u64,
    trailers: Option<HeaderMap>,
    keep: Keep,
    read: bool,
    /// The source failed: whoever reads on must not take that for its end.
    failed: bool,
}

/// Whether frames are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    Frames,
    /// They passed the limit, or there is a factory to make the body anew.
    Nothing,
}

impl<B> Content<B> {
    pub(super) fn new(body: B, limit: u64, keep: Keep) -> Self {
        Self { handover: Handover::new(Recording::new(body, keep)), limit }
    }
}

impl<B> Recording<B> {
    pub(super) fn new(body: B, keep: Keep) -> Self {
        let source = Some(Box::pin(body));
        let (frames, trailers) = (Vec::new(), None);
        Self { source, frames, recorded: 0, trailers, keep, read: false, failed: false }
    }

    pub(super) fn progress(&self) -> Progress {
        match self.keep {
            _ if !self.read => Progress::Unread,
            Keep::Frames => Progress::Kept,
            Keep::Nothing => Progress::Gone,
        }
    }

    /// Returns whether the limit is passed, and a hop that has sent the first `position` frames
    /// needs none of them. The first frame is kept at any size: it costs a reference, and may be all
    /// there is.
    pub(super) fn is_over(&self, position: usize, limit: u64) -> bool {
        // Frames without a byte take room, too.
        let count = self.frames.len();
        self.recorded.max(count as u64) > limit && count > 1 && position >= count
    }

    /// Forgets the frames, and keeps none from here on.
    pub(super) fn forget(&mut self) -> Vec<Bytes> {
        self.keep = Keep::Nothing;
        mem::take(&mut self.frames)
    }

    /// Returns whether a hop that has sent the first `position` frames has sent all.
    pub(super) fn is_all(&self, position: usize) -> bool {
        let sent = match self.keep {
            Keep::Frames => position >= self.frames.len() + usize::from(self.trailers.is_some()),
            Keep::Nothing => self.trailers.is_none(),
        };
        self.source.is_none() && !self.failed && sent
    }
}

impl<B> Recording<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Reads the source, and records what it gives.
    fn poll_source(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(source) = &mut self.source else {
            // A poll for the hop before has got the error itself.
            return Poll::Ready(
                self.failed.then(|| Err("the content failed before its end".into())),
            );
        };
        let frame = match ready!(source.as_mut().poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                self.source = None;
                self.read = true;
                self.keep = Keep::Nothing;
                self.failed = true;
                return Poll::Ready(Some(Err(error.into())));
            }
            None => {
                self.source = None;
                return Poll::Ready(None);
            }
        };
        self.read = true;
        let frame = frame.map_data(|mut data| data.copy_to_bytes(data.remaining()));
        match (frame.data_ref(), frame.trailers_ref()) {
            (Some(data), _) if self.keep == Keep::Frames => {
                self.recorded += data.len() as u64;
                self.frames.push(data.clone());
            }
            (_, Some(trailers)) if self.keep == Keep::Frames => {
                self.trailers = Some(trailers.clone());
            }
            _ => {}
        }
        if source.is_end_stream() {
            self.source = None;
        }
        Poll::Ready(Some(Ok(frame)))
    }

    /// Reads the next frame for a hop that has sent the first `position` frames.
    pub(super) fn poll_next(
        &mut self,
        position: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(data) = self.frames.get(position) {
            return Poll::Ready(Some(Ok(Frame::data(data.clone()))));
        }
        let trailers = match self.keep {
            Keep::Frames if position > self.frames.len() => return Poll::Ready(None),
            Keep::Frames => self.trailers.clone(),
            Keep::Nothing => self.trailers.take(),
        };
        match trailers {
            Some(trailers) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            None => self.poll_source(cx),
        }
    }
}
