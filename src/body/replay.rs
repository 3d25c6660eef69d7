//! A request body that records what it sends, so that it can be sent again.

use std::{
    error, fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{
    handover::{Progress, Standing, Successor, Turn},
    recording::{Content, Keep, Recording},
};
use crate::{BoxError, timer::Deadline};

/// The body of one hop's request: the caller's body, recorded as it is sent.
///
/// The inner service of [`FollowRedirect`](crate::FollowRedirect) is called with this body. It needs
/// nothing of the caller's body but `Body + Send + 'static`: no `Default`, no `Clone`, no `Sync`,
/// no `Unpin`; and it is `Send`, `Sync` and `Unpin` itself. Size hints are those of the caller's
/// body, trailers are kept, and data comes as [`Bytes`], without a copy where it was [`Bytes`] before.
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
    // In a box, since transports move a request many times, and most have no content.
    hop: Option<Box<Hop<B>>>,
}

/// What one hop reads, from the start.
struct Hop<B> {
    content: Arc<Content<B>>,
    number: u32,
    size_hint: SizeHint,
    patience: Patience,
    /// How many bytes this hop has sent.
    sent: u64,
    state: State,
}

/// How long `100 Continue` is waited for.
#[derive(Debug)]
pub(crate) enum Patience {
    /// Until the deadline.
    Until(Box<Deadline>),
    /// Until the server answers, or the deadline, if there is a clock to tell.
    UntilAnsweredOr(Box<Deadline>),
    /// Until the server answers.
    UntilAnswered,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Streaming,
    Ended,
}

impl<B: Body> ReplayBody<B> {
    /// Makes a body that is sent once, as it is.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http_body::Body;
    /// use http_body_util::Full;
    /// use tower_follow_redirect::ReplayBody;
    ///
    /// // To test a service that goes inside of the layer.
    /// let body = ReplayBody::new(Full::new(Bytes::from("ha ha\n")));
    /// assert_eq!(body.size_hint().exact(), Some(6));
    /// ```
    pub fn new(body: B) -> Self {
        if body.is_end_stream() {
            return Self::empty();
        }
        let size_hint = body.size_hint();
        let content = Arc::new(Content::new(body, Keep::Nothing));
        Self::of(&content, 0, size_hint, Patience::UntilAnswered)
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
        patience: Patience,
    ) -> Self {
        let content = Arc::clone(content);
        let state = State::Streaming;
        let hop = Hop { content, number, size_hint, patience, sent: 0, state };
        Self { hop: Some(Box::new(hop)) }
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
                    match &mut self.patience {
                        Patience::Until(deadline) => ready!(deadline.poll(cx)),
                        Patience::UntilAnsweredOr(deadline) => ready!(deadline.poll_elapsed(cx)),
                        Patience::UntilAnswered => return Poll::Pending,
                    }
                    content.handover.open(self.number, Successor::Possible);
                }
                Turn::Over => return self.cancelled(),
            }
        };
        // Its deadline, if it has one, is of no more use.
        self.patience = Patience::UntilAnswered;
        let successor = loan.successor();
        let recording = loan.value();
        let polled = recording.poll_next(self.sent, successor, cx);
        let read = match &polled {
            Poll::Ready(Some(Ok(frame))) => Read::of(frame),
            Poll::Ready(_) | Poll::Pending => Read::Data(0),
        };
        let sent = self.sent + read.bytes();
        let is_last = read == Read::Trailers || recording.is_all(sent);
        let is_over = recording.is_over(sent, successor);
        let progress = recording.progress();
        match loan.give_back(progress, sent) {
            Standing::Over if polled.is_ready() => return self.cancelled(),
            standing if standing.lets_go(progress) => {}
            // If anything was taken it is recorded: this hop sends it when it may go on, or the next does.
            Standing::Open | Standing::Held | Standing::Over => return Poll::Pending,
        }
        if is_over {
            // Not if a response has arrived meanwhile: then it is still needed.
            let _ = content.handover.update(self.number, Progress::Gone, Recording::forget);
        }
        let polled = ready!(polled);
        self.sent = sent;
        if is_last || !matches!(polled, Some(Ok(_))) {
            self.state = State::Ended;
        }
        Poll::Ready(polled)
    }

    fn cancelled(&mut self) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.state = State::Ended;
        Poll::Ready(Some(Err(Box::new(UploadCancelled { _priv: () }))))
    }
}

impl<B> Drop for Hop<B> {
    fn drop(&mut self) {
        self.content.handover.leave(self.number);
    }
}

/// What a poll has read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    Data(u64),
    Trailers,
}

impl Read {
    fn of(frame: &Frame<Bytes>) -> Self {
        frame.data_ref().map_or(Self::Trailers, |data| Self::Data(data.len() as u64))
    }

    fn bytes(self) -> u64 {
        match self {
            Self::Data(bytes) => bytes,
            Self::Trailers => 0,
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
/// stream. The caller of a call that succeeds never sees it.
///
/// ```
/// use tower::BoxError;
/// use tower_follow_redirect::UploadCancelled;
///
/// /// For a transport's log: an upload that was broken off on purpose has not failed.
/// fn has_failed(error: &BoxError) -> bool {
///     !error.is::<UploadCancelled>()
/// }
/// ```
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
