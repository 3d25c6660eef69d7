//! Who is told what happens in a call, where anybody is.

use std::{
    mem,
    time::{Duration, Instant},
};

use http::{StatusCode, request, response};

use super::{
    Call,
    trace::{CallSpan, Entered},
};
use crate::{
    chain::Next,
    observe::{About, HopEvent, HopOutcome, Observer},
    refusal::Refusal,
    settings::Settings,
};

/// What is needed to tell it. Most calls have none.
pub(super) struct Watch {
    observer: Option<Observer>,
    span: Option<CallSpan>,
    began: Instant,
    request: State,
    /// How many requests have had their event.
    told: u32,
}

/// Where the request is that the call is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It waits to be sent.
    Waiting,
    /// It is on its way, and has had no event.
    Sent,
    /// Its response is here, and it is not decided what comes of it.
    Answered(StatusCode),
}

impl Watch {
    /// Makes the watch of a call, if anybody is to be told of it.
    #[inline]
    pub(super) fn of(settings: &Settings, head: &request::Parts) -> Option<Box<Self>> {
        if settings.observer.is_none() && !CallSpan::may_begin() {
            return None;
        }
        Self::begin(settings, head)
    }

    #[inline(never)]
    fn begin(settings: &Settings, head: &request::Parts) -> Option<Box<Self>> {
        let (observer, span) = (settings.observer.clone(), CallSpan::begin(head));
        if observer.is_none() && span.is_none() {
            return None;
        }
        let began = Instant::now();
        Some(Box::new(Self { observer, span, began, request: State::Waiting, told: 0 }))
    }

    /// Notes that the request is sent now.
    pub(super) fn sent(&mut self) {
        self.request = State::Sent;
    }

    /// Notes that a response is here which may lead on.
    pub(super) fn answered(&mut self, status: StatusCode) {
        self.request = State::Answered(status);
    }

    fn tell(&self, event: &HopEvent<'_>) {
        if let Some(observer) = &self.observer {
            observer.tell(event);
        }
        if let Some(span) = &self.span {
            span.tell(event);
        }
    }
}

impl<P, B> Call<P, B> {
    /// Tells what came of the request that the call is at. Nobody is told anything after its end.
    #[inline]
    pub(super) fn tell(&mut self, about: About, outcome: HopOutcome<'_>) {
        if self.watch.is_some() {
            self.tell_watch(about, outcome);
        }
    }

    /// Tells that a redirect is followed.
    #[inline]
    pub(super) fn tell_followed(&mut self, about: About, next: &Next) {
        if self.watch.is_some() {
            self.tell_watch(about, HopOutcome::Followed(&next.target()));
        }
    }

    /// Tells that a response is handed over.
    #[inline]
    pub(super) fn tell_returned(&mut self, head: &response::Parts, refusal: Option<&Refusal>) {
        self.tell(About::Response(head.status), HopOutcome::Returned(refusal));
    }

    #[inline(never)]
    fn tell_watch(&mut self, about: About, outcome: HopOutcome<'_>) {
        let Some(mut watch) = self.watch.take() else { return };
        let state = mem::replace(&mut watch.request, State::Waiting);
        let about = match (about, state) {
            (About::Nothing, State::Answered(status)) => About::Response(status),
            (about, _) => about,
        };
        let elapsed = match (about, state) {
            (About::Response(_), _) => self.elapsed,
            (About::Nothing, State::Sent) => self.sent_at.elapsed(),
            (About::Nothing, _) | (About::Memory(_), _) => Duration::ZERO,
        };
        let (body_bytes_sent, is_sent) = match state {
            State::Sent | State::Answered(_) => (self.upload.sent(), true),
            State::Waiting => (0, false),
        };
        let (method, requested) = self.chain.request_line();
        watch.tell(&HopEvent {
            method: &method,
            requested: &requested,
            about,
            outcome,
            elapsed,
            body_bytes_sent,
            resends: watch.told,
            redirects: self.chain.redirects(),
            call_elapsed: watch.began.elapsed(),
        });
        watch.told += u32::from(is_sent);
        if !outcome.ends_call() {
            self.watch = Some(watch);
        }
    }

    /// Enters the span of the call, if it has one, until what is returned is dropped.
    #[inline]
    pub(crate) fn enter(&self) -> Entered {
        self.watch.as_ref().and_then(|watch| watch.span.as_ref()).map(CallSpan::enter)
    }
}

impl<P, B> Drop for Call<P, B> {
    #[inline]
    fn drop(&mut self) {
        self.tell(About::Nothing, HopOutcome::Dropped);
    }
}
