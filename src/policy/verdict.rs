//! What a policy says of a redirect.

use std::{error, fmt, future::Future, pin::Pin, sync::Arc};

use http::{HeaderName, HeaderValue};

use super::{Attempt, Edits, Policy};
use crate::{BoxError, refusal::RefusalKind};

/// What becomes of a redirect. It is a policy too, which always decides the same.
///
/// ```
/// use tower_follow_redirect::{FollowRedirectLayer, policy::Decision};
///
/// // Hands every redirect back.
/// let layer = FollowRedirectLayer::new().with_policy(Decision::Stop);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Decision {
    /// No opinion. Where nobody has one, a redirect is followed.
    Pass,
    /// Follow; across origins, credentials are removed.
    Follow,
    /// Follow, and let the credentials of the request go along on this hop, wherever it leads.
    ///
    /// Compare the target's [`Origin`](crate::Origin), not only its host: a downgrade to `http` may
    /// name the same host.
    FollowWithCredentials,
    /// Hand the response back.
    Stop,
    /// Hand the response back, and say why: the error is the source of its
    /// [`Refusal`](crate::Refusal). [`Decision::stop`] makes it.
    StopBecause(Failure),
    /// End the call with an error, which keeps the response.
    Fail(Failure),
}

impl Decision {
    /// Makes a [`Fail`](Self::Fail) of an error, which becomes the source of the
    /// [`Refusal`](crate::Refusal).
    ///
    /// ```
    /// use tower_follow_redirect::policy::{self, Decision};
    ///
    /// let policy = policy::redirect_fn(|attempt| match attempt.response().headers.get("x-maintenance") {
    ///     Some(_) => Decision::fail("the server is being maintained"),
    ///     None => Decision::Follow,
    /// });
    /// ```
    pub fn fail(error: impl Into<BoxError>) -> Self {
        Self::Fail(Failure::of(error))
    }

    /// Makes a [`StopBecause`](Self::StopBecause) of an error.
    ///
    /// ```
    /// use tower_follow_redirect::policy::{self, Decision};
    ///
    /// let policy = policy::redirect_fn(|attempt| match attempt.hops() {
    ///     [] => Decision::Follow,
    ///     _ => Decision::stop("this server redirects once, or it is not this server"),
    /// });
    /// ```
    pub fn stop(error: impl Into<BoxError>) -> Self {
        Self::StopBecause(Failure::of(error))
    }

    pub(crate) fn refuse(kind: RefusalKind) -> Self {
        Self::Fail(Failure { kind, source: None })
    }

    /// Returns the stricter of two; a pass is neutral.
    pub(super) fn stricter(self, other: Self) -> Self {
        match (self, other) {
            (Self::Pass, decision) | (decision, Self::Pass) => decision,
            (failure @ Self::Fail(_), _) | (_, failure @ Self::Fail(_)) => failure,
            (stop @ Self::StopBecause(_), _) | (_, stop @ Self::StopBecause(_)) => stop,
            (Self::Stop, _) | (_, Self::Stop) => Self::Stop,
            (Self::Follow, _) | (_, Self::Follow) => Self::Follow,
            (Self::FollowWithCredentials, Self::FollowWithCredentials) => {
                Self::FollowWithCredentials
            }
        }
    }

    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Stop | Self::StopBecause(_) | Self::Fail(_))
    }
}

impl Policy for Decision {
    fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
        self.clone().into()
    }
}

/// Why a policy ends a call, stops at a redirect, or lets no request leave.
///
/// ```
/// use tower_follow_redirect::policy::Decision;
///
/// let Decision::Fail(failure) = Decision::fail("the token server is down") else { unreachable!() };
/// assert_eq!(failure.kind().as_str(), "policy");
/// assert_eq!(failure.error().unwrap().to_string(), "the token server is down");
/// assert_eq!(failure.to_string(), "the token server is down");
/// ```
#[derive(Clone)]
pub struct Failure {
    pub(crate) kind: RefusalKind,
    pub(crate) source: Option<Arc<dyn error::Error + Send + Sync>>,
}

impl Failure {
    pub(super) fn of(error: impl Into<BoxError>) -> Self {
        Self { kind: RefusalKind::Policy, source: Some(error.into().into()) }
    }

    /// Returns the reason that a [`Refusal`](crate::Refusal) has.
    pub fn kind(&self) -> RefusalKind {
        self.kind
    }

    /// Returns the error that the policy gave as the reason, if it gave one.
    pub fn error(&self) -> Option<&(dyn error::Error + Send + Sync + 'static)> {
        self.source.as_deref()
    }
}

/// Shows the policy's error, or the reason where it gave none.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => source.fmt(f),
            None => f.write_str(self.kind.as_str()),
        }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "Failure({source})"),
            None => write!(f, "Failure({:?})", self.kind),
        }
    }
}

/// What a policy says of a redirect: a decision, or what it needs first.
///
/// ```
/// use tower_follow_redirect::policy::{self, Decision, Verdict};
///
/// // A captive portal answers with a page of its own. 1 KiB of it will tell.
/// let policy = policy::redirect_fn(|attempt| match attempt.peeked() {
///     None => Verdict::Peek(1024),
///     Some(page) if page.starts_with(b"<html><!-- portal") => Decision::Stop.into(),
///     Some(_) => Decision::Follow.into(),
/// });
/// ```
#[derive(Debug)]
#[must_use = "a verdict that is not returned changes nothing"]
#[non_exhaustive]
pub enum Verdict {
    /// It is decided.
    Decided(Decision),
    /// Read up to so many bytes of the response body, and call the policy again; see
    /// [`Attempt::peeked`].
    ///
    /// What is read is given back: whoever gets the response gets its body whole. Reading ends after
    /// [five seconds](crate::FollowRedirectLayer::peek_time), if nothing else is set. A policy that has seen all it can see and asks to see more is refused.
    Peek(usize),
    /// Wait for an answer: of a human, of DNS, of a token server.
    Ask(Question),
}

impl Verdict {
    /// Waits for the answer of a future: a [`Decision`], or an [`Answer`] with header fields.
    ///
    /// ```
    /// use tower_follow_redirect::policy::{self, Decision, Verdict};
    ///
    /// # async fn ask_the_user(question: String) -> bool { true }
    /// let policy = policy::redirect_fn(|attempt| {
    ///     let question = format!("follow {} with {}?", attempt.status(), attempt.next_method());
    ///     Verdict::ask(async move {
    ///         if ask_the_user(question).await { Decision::Follow } else { Decision::Stop }
    ///     })
    /// });
    /// ```
    pub fn ask<F>(answer: F) -> Self
    where
        F: Future<Output: Into<Answer>> + Send + 'static,
    {
        Self::Ask(Question::new(answer))
    }
}

impl From<Decision> for Verdict {
    fn from(decision: Decision) -> Self {
        Self::Decided(decision)
    }
}

/// A question that a policy waits for.
///
/// ```
/// use http::{HeaderValue, header::AUTHORIZATION};
/// use tower_follow_redirect::policy::{Answer, Decision, Question, Verdict};
///
/// # async fn token() -> Option<HeaderValue> { None }
/// let question = Question::new(async {
///     match token().await {
///         Some(token) => Answer::from(Decision::Follow).set_header(AUTHORIZATION, token),
///         None => Decision::Stop.into(),
///     }
/// });
/// let verdict = Verdict::Ask(question);
/// ```
pub struct Question {
    answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
}

impl Question {
    /// Makes a question of the future that answers it. It is polled by the task that made the call,
    /// and dropped with it.
    pub fn new<F>(answer: F) -> Self
    where
        F: Future<Output: Into<Answer>> + Send + 'static,
    {
        Self { answer: Box::pin(async move { answer.await.into() }) }
    }
}

impl Future for Question {
    type Output = Answer;

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        self.answer.as_mut().poll(cx)
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").finish_non_exhaustive()
    }
}

/// The answer to a [`Question`]: a decision, and header fields that go with it.
///
/// ```
/// use http::{HeaderValue, header::AUTHORIZATION};
/// use tower_follow_redirect::policy::{Answer, Decision};
///
/// let token = HeaderValue::from_static("Bearer for-the-new-origin");
/// let answer = Answer::from(Decision::Follow).set_header(AUTHORIZATION, token);
/// ```
#[derive(Clone)]
pub struct Answer {
    pub(crate) decision: Decision,
    pub(crate) edits: Edits,
    pub(super) about: About,
}

/// What an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The redirect, wherever policies may lead it.
    AnyRequest,
    /// The request that somebody was shown, and no other.
    WhatWasShown,
}

impl Answer {
    /// Makes the answer of somebody who was shown the request that would be sent.
    pub(super) fn about_what_was_shown(decision: Decision) -> Self {
        Self { about: About::WhatWasShown, ..decision.into() }
    }

    /// Returns the decision.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Sets a header field of the next request; see [`Attempt::set_header`].
    #[must_use]
    pub fn set_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.edits.set.insert(name, value);
        self
    }

    /// Removes a header field of the next request; see [`Attempt::strip_header`].
    #[must_use]
    pub fn strip_header(mut self, name: HeaderName) -> Self {
        self.edits.strip.push(name);
        self
    }

    pub(super) fn stricter(mut self, other: Self) -> Self {
        let is_another = self.edits.make_another() || other.edits.make_another();
        let mut decision = self.decision.stricter(other.decision);
        if is_another && !decision.is_final() {
            // It was set aside by an `or` until the answer came: the other policy agreed to another.
            decision = Decision::fail("an answer makes a request that was not agreed to");
        }
        self.edits.extend(other.edits);
        let about = match self.about {
            About::AnyRequest => other.about,
            About::WhatWasShown => self.about,
        };
        Self { decision, edits: self.edits, about }
    }
}

impl From<Decision> for Answer {
    fn from(decision: Decision) -> Self {
        Self { decision, edits: Edits::default(), about: About::AnyRequest }
    }
}

/// Shows no header values: they may be secret.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("decision", &self.decision).finish_non_exhaustive()
    }
}
