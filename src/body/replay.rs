//! A request body that records what it sends, so that it can be sent again.

use std::{
    error, fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tower::BoxError;

use super::handover::{Handover, Progress, Standing, Turn};
use crate::timer::Deadline;

/// The body of one hop's request: the caller's body, recorded as it is sent.
///
/// The inner service of [`FollowRedirect`](crate::FollowRedirect) is called with this body. It needs
/// nothing of the caller's body but `Body + Send + 'static`: no `Default`, no `Clone`, no `Sync`,
/// no `Unpin`; and it is `Send`, `Sync` and `Unpin` itself. Size hints are those of the caller's
/// body, trailers are kept, and data comes as [`Bytes`], without a copy where it was that before.
///
/// What is recorded is bounded by [`replay_limit`](crate::FollowRedirectLayer::replay_limit). A
/// body that has arrived as one frame is kept whatever its size, since that costs a reference.
///
/// ```
/// use http_body_util::{BodyExt, Full};
/// use tower_follow_redirect::ReplayBody;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower::BoxError> {
/// // A service that takes a `ReplayBody` can be tested with any body.
/// let body = ReplayBody::new(Full::new(bytes::Bytes::from("ha ha\n")));
/// assert_eq!(body.collect().await?.to_bytes(), "ha ha\n");
/// # Ok(())
/// # }
/// ```
pub struct ReplayBody<B> {
    hop: Option<Hop<B>>,
}

/// What one hop reads, from the start.
struct Hop<B> {
    content: Arc<Content<B>>,
    number: u32,
    size_hint: SizeHint,
    /// How long `100 Continue` is waited for.
    patience: Option<Deadline>,
    /// How many of the recorded frames this hop has sent.
    position: usize,
    sent: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Streaming,
    Ended,
}

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

impl<B: Body> ReplayBody<B> {
    /// Makes a body that is sent once, as it is.
    pub fn new(body: B) -> Self {
        if body.is_end_stream() {
            return Self::empty();
        }
        let size_hint = body.size_hint();
        Self::of(&Arc::new(Content::new(body, 0, Keep::Nothing)), 0, size_hint, None)
    }
}

impl<B> ReplayBody<B> {
    pub(super) fn empty() -> Self {
        Self { hop: None }
    }

    pub(super) fn of(
        content: &Arc<Content<B>>,
        number: u32,
        size_hint: SizeHint,
        patience: Option<Deadline>,
    ) -> Self {
        let content = Arc::clone(content);
        let state = State::Streaming;
        let hop = Hop { content, number, size_hint, patience, position: 0, sent: 0, state };
        Self { hop: Some(hop) }
    }
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

    fn progress(&self) -> Progress {
        match self.keep {
            _ if !self.read => Progress::Unread,
            Keep::Frames => Progress::Kept,
            Keep::Nothing => Progress::Gone,
        }
    }

    /// Returns whether the limit is passed, and a hop that has sent the first `position` frames
    /// needs none of them. The first frame is kept at any size: it costs a reference, and may be all
    /// there is.
    fn is_over(&self, position: usize, limit: u64) -> bool {
        // Frames without a byte take room, too.
        let count = self.frames.len();
        self.recorded.max(count as u64) > limit && count > 1 && position >= count
    }

    /// Forgets the frames, and keeps none from here on.
    fn forget(&mut self) -> Vec<Bytes> {
        self.keep = Keep::Nothing;
        mem::take(&mut self.frames)
    }

    /// Returns whether a hop that has sent the first `position` frames has sent all.
    fn is_all(&self, position: usize) -> bool {
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
    fn poll_next(
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

impl<B> Hop<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let content = Arc::clone(&self.content);
        let mut loan = loop {
            match content.handover.take(self.number, cx.waker()) {
                Turn::Yours(loan) => break loan,
                Turn::Wait => return Poll::Pending,
                Turn::Parked => {
                    if let Some(patience) = &mut self.patience {
                        ready!(patience.poll(cx));
                    }
                    content.handover.open(self.number);
                }
                Turn::Over => {
                    self.state = State::Ended;
                    return Poll::Ready(Some(Err(Box::new(UploadCancelled { _priv: () }))));
                }
            }
        };
        self.patience = None;
        let recording = loan.value();
        let polled = recording.poll_next(self.position, cx);
        let sent = self.position + usize::from(polled.is_ready());
        let last = recording.is_all(sent);
        let over = recording.is_over(sent, content.limit);
        let progress = recording.progress();
        match loan.give_back(progress) {
            Standing::Over if polled.is_ready() => {
                self.state = State::Ended;
                return Poll::Ready(Some(Err(Box::new(UploadCancelled { _priv: () }))));
            }
            // It is recorded: this hop sends it when it may go on, or the next one does.
            Standing::Held if progress == Progress::Kept => return Poll::Pending,
            Standing::Open | Standing::Held | Standing::Over => {}
        }
        if over {
            // Not if a response has arrived meanwhile: then it is still needed.
            let _ = content.handover.update(self.number, Progress::Gone, Recording::forget);
        }
        match ready!(polled) {
            Some(Ok(frame)) => {
                self.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.position += 1;
                if last {
                    self.state = State::Ended;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            end => {
                self.state = State::Ended;
                Poll::Ready(end)
            }
        }
    }
}

impl<B> Body for ReplayBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.hop {
            Some(hop) if hop.state == State::Streaming => hop.poll_frame(cx),
            Some(_) | None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.hop.as_ref().is_none_or(|hop| hop.state == State::Ended)
    }

    fn size_hint(&self) -> SizeHint {
        let Some(hop) = &self.hop else { return SizeHint::with_exact(0) };
        if hop.state == State::Ended {
            return SizeHint::with_exact(0);
        }
        let whole = &hop.size_hint;
        let mut rest = SizeHint::new();
        if let Some(upper) = whole.upper() {
            rest.set_upper(upper.saturating_sub(hop.sent));
        }
        rest.set_lower(whole.lower().saturating_sub(hop.sent));
        rest
    }
}

impl<B> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBody").finish_non_exhaustive()
    }
}

/// The error of a request body whose upload was ended, because the request went elsewhere.
///
/// A transport sees it on the body of a hop that is over, and closes that hop's connection or
/// stream. It never reaches the caller of a call that succeeds.
#[derive(Debug)]
pub struct UploadCancelled {
    _priv: (),
}

impl fmt::Display for UploadCancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the upload was cancelled: its request has ended or was redirected")
    }
}

impl error::Error for UploadCancelled {}
