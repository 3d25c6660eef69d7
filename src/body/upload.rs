//! The redirect layer's side of an upload: what is sent again, and when it must end.

use std::{io, mem, sync::Arc};

use http_body::{Body, SizeHint};

use super::{
    factory::BodyFactory,
    handover::{Progress, Successor},
    record::Capacity,
    recording::{Content, Keep, Recording},
    replay::{Patience, ReplayBody},
};
use crate::{BoxError, rules::method};

/// Whether the content of a request can be sent again.
///
/// ```
/// use tower_follow_redirect::policy::{self, Decision};
/// use tower_follow_redirect::Resend;
///
/// // Leaves every redirect alone that would need the upload a second time.
/// let policy = policy::redirect_fn(|attempt| match attempt.resend() {
///     Resend::NoContent | Resend::Unsent => Decision::Follow,
///     _ => Decision::Stop,
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resend {
    /// The request has no content.
    NoContent,
    /// Nothing of it was sent yet: it moves on whole.
    Unsent,
    /// What was sent was recorded, or can be made anew.
    Recorded,
    /// What was sent is gone.
    Impossible,
}

/// The content of one call, over all its hops.
pub(crate) struct Upload<B> {
    state: State<B>,
    factory: Option<BodyFactory<B>>,
}

enum State<B> {
    NoContent,
    Sending {
        content: Arc<Content<B>>,
        size_hint: SizeHint,
    },
    /// A final response was handed over while it is sent: it goes on, without us.
    Detached,
}

impl<B: Body> Upload<B> {
    #[inline]
    pub(crate) fn new(body: B, capacity: Capacity, factory: Option<BodyFactory<B>>) -> Self {
        if body.is_end_stream() {
            return Self { state: State::NoContent, factory };
        }
        let keep = if factory.is_some() { Keep::Nothing } else { Keep::UpTo(capacity) };
        let size_hint = body.size_hint();
        let content = Arc::new(Content::new(body, keep));
        Self { state: State::Sending { content, size_hint }, factory }
    }

    /// Ends the current hop, whose body fails from now on, and returns the number of the next.
    pub(crate) fn advance(&mut self, prepared: Prepared<B>) -> u32 {
        let replacement = match prepared {
            Prepared::Continue => None,
            Prepared::Again(body) if !body.is_end_stream() => Some(body),
            Prepared::Without | Prepared::Again(_) => {
                self.close();
                self.state = State::NoContent;
                None
            }
        };
        let State::Sending { content, size_hint } = &mut self.state else { return 0 };
        if let Some(body) = &replacement {
            *size_hint = body.size_hint();
        }
        content.handover.advance(replacement.map(|body| Recording::new(body, Keep::Nothing)))
    }
}

impl<B> Upload<B> {
    /// Returns the size of the content, or `None` where there is none.
    pub(crate) fn size_hint(&self) -> Option<&SizeHint> {
        match &self.state {
            State::Sending { size_hint, .. } => Some(size_hint),
            State::NoContent | State::Detached => None,
        }
    }

    /// Returns how many bytes of the content the current hop's transport has taken, to send them.
    pub(crate) fn sent(&self) -> u64 {
        match &self.state {
            State::Sending { content, .. } => content.handover.sent(),
            State::NoContent | State::Detached => 0,
        }
    }

    /// Returns the body of the hop that has just begun. With `patience` it waits for
    /// `100 Continue` so long.
    #[inline]
    pub(crate) fn body(&self, hop: u32, patience: Option<Patience>) -> ReplayBody<B> {
        let State::Sending { content, size_hint } = &self.state else {
            return ReplayBody::empty();
        };
        if patience.is_some() {
            content.handover.park();
        }
        ReplayBody::of(content, hop, *size_hint, patience.unwrap_or(Patience::UntilAnswered))
    }

    /// Returns why the content is gone, if it is and that is not the limit's doing.
    pub(crate) fn failure(&self) -> Option<Arc<io::Error>> {
        let State::Sending { content, .. } = &self.state else { return None };
        content.handover.look(Recording::failure)?
    }

    /// Lets nothing more leave until it is decided what becomes of the response that arrived.
    pub(crate) fn hold(&self) {
        if let State::Sending { content, .. } = &self.state {
            content.handover.hold();
        }
    }

    pub(crate) fn resend(&self) -> Resend {
        let State::Sending { content, .. } = &self.state else { return Resend::NoContent };
        // A poll that a response has overtaken, and that keeps nothing, may yet take the first frame.
        let lent = self.factory.is_some() && content.handover.is_lent();
        match content.handover.progress() {
            Progress::Unread if lent => Resend::Recorded,
            Progress::Unread => Resend::Unsent,
            Progress::Kept => Resend::Recorded,
            Progress::Gone if self.factory.is_some() => Resend::Recorded,
            Progress::Gone => Resend::Impossible,
        }
    }

    /// Prepares the content for another hop. Nothing of the current one has changed yet.
    ///
    /// # Errors
    ///
    /// Fails if the caller's factory does.
    pub(crate) fn prepare(&self, content: method::Content) -> Result<Prepared<B>, BoxError> {
        match (content, &self.factory) {
            (method::Content::Drop, _) => Ok(Prepared::Without),
            (method::Content::Keep, Some(factory)) if self.resend() == Resend::Recorded => {
                Ok(Prepared::Again(factory.make()?))
            }
            (method::Content::Keep, _) => Ok(Prepared::Continue),
        }
    }

    /// Ends every hop.
    pub(crate) fn close(&self) {
        if let State::Sending { content, .. } = &self.state {
            content.handover.close();
        }
    }
}

impl<B: Send + 'static> Upload<B> {
    /// Returns what a transport's signals act upon.
    #[cfg_attr(not(feature = "hyper"), allow(dead_code, reason = "nobody reports 1xx"))]
    pub(crate) fn control(&self) -> Option<Arc<dyn Control>> {
        match &self.state {
            State::Sending { content, .. } => Some(Arc::clone(content) as Arc<dyn Control>),
            State::NoContent | State::Detached => None,
        }
    }

    /// Lets the upload go on beside a final response, or end with it.
    ///
    /// A parked upload always ends with its response: the server has answered without it.
    #[inline]
    pub(crate) fn hand_over(&mut self, ends: Ends) -> Option<CancelUpload> {
        let State::Sending { content, .. } = mem::replace(&mut self.state, State::Detached) else {
            return None;
        };
        let parked = content.handover.settle();
        (parked || ends == Ends::WithResponse).then(|| CancelUpload { control: content })
    }
}

/// A call that is dropped ends its upload, so that no transport waits for it.
impl<B> Drop for Upload<B> {
    fn drop(&mut self) {
        self.close();
    }
}

/// The content of the next hop, before the current one has ended.
pub(crate) enum Prepared<B> {
    Without,
    Continue,
    Again(B),
}

/// When an upload ends that a final response has overtaken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ends {
    /// When it is sent: the response is an answer, and may be one half of a conversation.
    ByItself,
    /// With the response, which is a redirect: what is sent still is of no use.
    WithResponse,
}

/// What a transport's signals and a response body do to an upload, whatever its type.
#[cfg_attr(not(feature = "hyper"), allow(dead_code, reason = "nobody reports 1xx"))]
pub(crate) trait Control: Send + Sync {
    /// The server said `100 Continue` to `hop`, and another hop may follow it or not.
    fn proceed(&self, hop: u32, successor: Successor);
    /// The server has answered `hop` with a final response, which nobody has seen yet.
    fn answered(&self, hop: u32);
    /// The transport of `hop` will not report informational responses.
    fn unreported(&self, hop: u32);
    /// The response it belongs to has ended.
    fn cancel(&self);
}

impl<B: Send> Control for Content<B> {
    fn proceed(&self, hop: u32, successor: Successor) {
        self.handover.open(hop, successor);
    }

    fn answered(&self, hop: u32) {
        self.handover.hold_hop(hop);
    }

    fn unreported(&self, hop: u32) {
        self.handover.open_unpolled(hop);
    }

    fn cancel(&self) {
        self.handover.close();
    }
}

/// Cancels an upload when it is dropped.
pub(crate) struct CancelUpload {
    control: Arc<dyn Control>,
}

impl Drop for CancelUpload {
    fn drop(&mut self) {
        self.control.cancel();
    }
}
