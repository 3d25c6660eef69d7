//! What was read of the caller's body, and whether it can be sent again.

use std::{
    io, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame};

use super::{
    handover::{Handover, Progress, Successor},
    record::{Capacity, Record},
};
use crate::BoxError;

/// The caller's body with all that its hops share.
pub(super) struct Content<B> {
    pub(super) handover: Handover<Recording<B>>,
}

/// The caller's body, and what was read of it.
pub(super) struct Recording<B> {
    source: Source<B>,
    record: Record,
    trailers: Option<HeaderMap>,
    keep: Keep,
    progress: Progress,
    /// Why it is gone, if that is not the limit's doing.
    failure: Option<Arc<io::Error>>,
}

enum Source<B> {
    Open(Pin<Box<B>>),
    Ended,
    /// It failed: whoever reads on must not take that for its end.
    Failed,
}

/// What is kept of what is read.
#[derive(Clone)]
pub(super) enum Keep {
    UpTo(Capacity),
    /// It passed the limit, there is a factory to make the body anew, or no hop follows.
    Nothing,
}

impl<B> Content<B> {
    pub(super) fn new(body: B, keep: Keep) -> Self {
        Self { handover: Handover::new(Recording::new(body, keep)) }
    }
}

impl<B> Recording<B> {
    pub(super) fn new(body: B, keep: Keep) -> Self {
        Self {
            source: Source::Open(Box::pin(body)),
            record: Record::new(),
            trailers: None,
            keep,
            progress: Progress::Unread,
            failure: None,
        }
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress
    }

    /// Keeps nothing more: no hop follows. What this hop has still to send of the record stays.
    pub(super) fn stop(&mut self) {
        self.keep = Keep::Nothing;
    }

    /// Returns whether the record is of no more use, to a hop that has sent so many bytes.
    pub(super) fn is_over(&self, sent: u64, successor: Successor) -> bool {
        let useless = match (&self.keep, successor) {
            (Keep::UpTo(capacity), Successor::Possible) => self.record.exceeds(capacity),
            (Keep::Nothing, _) | (_, Successor::Excluded) => self.record.size() > 0,
        };
        useless && sent >= self.record.size()
    }

    /// Lets go of the record, and keeps nothing from here on. The caller drops what is returned.
    pub(super) fn forget(&mut self) -> Record {
        self.keep = Keep::Nothing;
        self.progress = Progress::Gone;
        self.failure = self.record.failure();
        mem::replace(&mut self.record, Record::new())
    }

    /// Returns why the content is gone, if that is not the limit's doing.
    pub(super) fn failure(&self) -> Option<Arc<io::Error>> {
        self.failure.clone()
    }

    /// Returns whether a hop that has sent so many bytes, and no trailers, has sent all.
    pub(super) fn is_all(&self, sent: u64) -> bool {
        matches!(self.source, Source::Ended)
            && self.trailers.is_none()
            && sent >= self.record.size()
    }

    fn note_read(&mut self) {
        self.progress = match (&self.keep, self.progress) {
            (Keep::UpTo(_), Progress::Unread | Progress::Kept) => Progress::Kept,
            (Keep::UpTo(_), Progress::Gone) | (Keep::Nothing, _) => Progress::Gone,
        };
    }
}

/// What polling a body gives.
type FrameOf = Option<Result<Frame<Bytes>, BoxError>>;

impl<B> Recording<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Reads what comes next for a hop that has sent so many bytes.
    pub(super) fn poll_next(
        &mut self,
        sent: u64,
        successor: Successor,
        cx: &mut Context<'_>,
    ) -> Poll<FrameOf> {
        if sent < self.record.size() {
            let data = ready!(self.record.poll_at(sent, cx));
            return Poll::Ready(Some(data.map(Frame::data).map_err(Into::into)));
        }
        if let Some(trailers) = &self.trailers {
            return Poll::Ready(Some(Ok(Frame::trailers(trailers.clone()))));
        }
        ready!(self.record.poll_room(cx));
        self.poll_source(successor, cx)
    }

    /// Reads the source, and records what it gives.
    fn poll_source(&mut self, successor: Successor, cx: &mut Context<'_>) -> Poll<FrameOf> {
        let source = match &mut self.source {
            Source::Open(source) => source,
            Source::Ended => return Poll::Ready(None),
            // A poll for the hop before has got the error itself.
            Source::Failed => {
                return Poll::Ready(Some(Err("the content failed before its end".into())));
            }
        };
        let frame = match ready!(source.as_mut().poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                self.source = Source::Failed;
                self.stop();
                self.note_read();
                return Poll::Ready(Some(Err(error.into())));
            }
            None => {
                self.source = Source::Ended;
                return Poll::Ready(None);
            }
        };
        if source.is_end_stream() {
            self.source = Source::Ended;
        }
        if successor == Successor::Excluded {
            self.stop();
        }
        self.note_read();
        let frame = frame.map_data(|mut data| data.copy_to_bytes(data.remaining()));
        if let Keep::UpTo(capacity) = &self.keep {
            match frame.data_ref() {
                Some(data) => self.record.push(data.clone(), capacity),
                None => self.trailers = frame.trailers_ref().cloned(),
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }
}
