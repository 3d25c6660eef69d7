//! The redirects of one call: no I/O, no clock, no body.

use std::{error::Error, mem, sync::Arc, time::Duration};

use http::{Extensions, HeaderMap, HeaderName, Method, StatusCode, Uri, request, response};
use tower::BoxError;

use crate::{
    body::{Glimpse, More, Resend},
    head::Head,
    history::{Fragment, History, Hop, Source},
    policy::{
        Answer, Attempt, CallFacts, Decision, Edits, Failure, Policy, Proposal, Question, Verdict,
        is_asked,
    },
    refusal::{Refusal, RefusalKind},
    rules::{
        expect::{self, Expectation},
        location::LocationError,
        method::{self, Content},
        next::{self, Crossing, Grant, Secrets},
        target::Target,
        visit::Visit,
    },
    settings::{Loops, Settings},
};

/// What one call knows of itself: the request that was sent last, and how it came to be.
pub(crate) struct Chain {
    head: Head,
    reach: Reach,
    fragment: Option<Box<str>>,
    /// The caller's.
    extensions: Extensions,
    /// Those that policies have set: like the fields, they are meant for one origin.
    set_by_policy: Extensions,
    call_state: Extensions,
    hops: Vec<Hop>,
    secrets: Secrets,
    visited: Vec<Visit>,
    /// In a box, like all that only a redirect needs: the call is moved before it is polled.
    pending: Option<Box<Pending>>,
    expectation: Expectation,
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Resource,
    /// CONNECT or an upgrade: this connection only.
    Tunnel,
}

/// A redirect whose policy waits for an answer.
struct Pending {
    request: request::Parts,
    proposal: Proposal,
    edits: Edits,
    resend: Resend,
}

/// What whoever drives the chain does next.
pub(crate) enum Step {
    /// Hand the response over; a 3xx with its reason.
    Return(Option<Refusal>),
    /// Hand the response over as the settings say for refusals.
    Refuse(Refusal),
    /// Read the beginning of the response body, and ask again.
    Peek(usize),
    /// Wait for the answer.
    Ask(Question),
    /// Send the next request.
    Send(Box<Next>),
}

/// The next request, without its content. The chain changes only when it is given to
/// [`Chain::commit`].
pub(crate) struct Next {
    pub(crate) head: request::Parts,
    pub(crate) content: Content,
    kind: Kind,
}

/// What a next request is.
#[expect(clippy::large_enum_variant, reason = "one per redirect, in a box")]
enum Kind {
    Redirect(Followed),
    /// The same request again, without `Expect` ([RFC 9110 §10.1.1]).
    ///
    /// [RFC 9110 §10.1.1]: https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
    WithoutExpect,
}

/// What a followed redirect changes.
struct Followed {
    hop: Hop,
    visit: Option<Visit>,
    fragment: Option<Box<str>>,
    crossing: Crossing,
    fields_of_policy: Vec<HeaderName>,
    extensions: Extensions,
    extensions_of_policy: Extensions,
}

impl Next {
    /// Returns whether it follows a redirect. If not, it must not ask for `100 Continue`.
    pub(crate) fn is_redirect(&self) -> bool {
        matches!(self.kind, Kind::Redirect(_))
    }
}

impl Chain {
    /// Begins the chain of a request, and takes from it what is meant for this layer.
    pub(crate) fn new(request: &mut request::Parts, settings: &Settings) -> Self {
        let fragment = Fragment::take(&mut request.extensions);
        let reach = if expect::is_tunnel(request) { Reach::Tunnel } else { Reach::Resource };
        Self {
            head: Head::copy(request),
            reach,
            fragment,
            extensions: request.extensions.clone(),
            set_by_policy: Extensions::new(),
            call_state: Extensions::new(),
            hops: Vec::new(),
            secrets: Secrets { added: settings.sensitive.clone(), set_by_policy: Vec::new() },
            visited: Vec::new(),
            pending: None,
            expectation: Expectation::None,
        }
    }

    /// Notes whether the request that is sent next has `Expect: 100-continue`.
    pub(crate) fn expects(&mut self, expectation: Expectation) {
        self.expectation = expectation;
    }

    /// Returns whether a response may lead to another request, so that what is sent must wait.
    pub(crate) fn may_go_on(&self, policy: &dyn Policy, status: StatusCode) -> bool {
        is_asked(policy, status) || self.is_failed_expectation(status)
    }

    /// Reads the head of a response and says what to do.
    pub(crate) fn on_response(
        &mut self,
        settings: &Settings,
        policy: &dyn Policy,
        response: &response::Parts,
        seen: Seen<'_>,
    ) -> Step {
        if self.is_failed_expectation(response.status) && seen.resend != Resend::Impossible {
            return Step::Send(Box::new(self.without_expect()));
        }
        if !is_asked(policy, response.status) {
            return Step::Return(self.not_redirect(response.status));
        }
        if self.reach == Reach::Tunnel {
            let refusal = self.refusal(RefusalKind::Tunnel, response.status);
            return Step::Return(response.status.is_redirection().then_some(refusal));
        }
        let mut request = self.head.rebuild();
        request.extensions = self.extensions.clone();
        let proposal =
            Proposal::new(&request, self.fragment.as_deref(), response, &settings.methods);
        let call = CallFacts {
            hops: &self.hops,
            secrets: &self.secrets,
            peeked: seen.peeked.map(|glimpse| &*glimpse.bytes),
            call_state: &mut self.call_state,
        };
        let mut attempt = Attempt::new(&request, response, &proposal, seen.resend, call);
        let verdict = policy.redirect(&mut attempt);
        let edits = attempt.into_edits();
        let pending = Pending { request, proposal, edits, resend: seen.resend };
        match verdict {
            Verdict::Decided(decision) => {
                self.settle(settings, response, pending, decision, seen.elapsed)
            }
            Verdict::Peek(limit) if seen.may_show(limit) => Step::Peek(limit),
            Verdict::Peek(_) => {
                let decision = Decision::fail("the policy has seen the response body already");
                self.settle(settings, response, pending, decision, seen.elapsed)
            }
            Verdict::Ask(question) => {
                self.pending = Some(Box::new(pending));
                Step::Ask(question)
            }
        }
    }

    /// Goes on with the answer to a question that [`Step::Ask`] put.
    pub(crate) fn on_answer(
        &mut self,
        settings: &Settings,
        response: &response::Parts,
        answer: Answer,
        elapsed: Duration,
    ) -> Step {
        let mut pending = *self.pending.take().expect("an answer follows a question");
        pending.edits.extend(answer.edits);
        self.settle(settings, response, pending, answer.decision, elapsed)
    }

    /// Returns what happened, once it has ended.
    pub(crate) fn history(&mut self) -> Option<History> {
        if self.hops.is_empty() {
            return None;
        }
        let hops = mem::take(&mut self.hops);
        Some(History::new(hops, self.requested()))
    }

    /// Returns the URI of the request that was sent last.
    pub(crate) fn uri(&self) -> &Uri {
        &self.head.uri
    }

    /// Returns method and target of the request that was sent last.
    pub(crate) fn request_line(&self) -> (Method, Target) {
        (self.head.method.clone(), self.requested())
    }

    /// Returns the refusal of a redirect whose content could not be made anew.
    pub(crate) fn content_failed(
        &self,
        status: StatusCode,
        next: &Next,
        source: BoxError,
    ) -> Refusal {
        let target = Target::of_request(next.head.uri.clone(), None);
        self.refusal_to(RefusalKind::BodyNotReplayable, status, Some(&target), Some(source.into()))
    }

    /// Turns a decision into the next request, or says why there is none.
    fn settle(
        &self,
        settings: &Settings,
        response: &response::Parts,
        pending: Pending,
        decision: Decision,
        elapsed: Duration,
    ) -> Step {
        let Pending { request, proposal, mut edits, resend } = pending;
        let Proposal { method, content, target } = proposal.edited(&mut edits);
        let status = response.status;
        let grant = match self.grant(decision, status, target.as_ref().ok()) {
            Ok(grant) => grant,
            Err(step) => return step,
        };
        let target = match target {
            Ok(target) => target,
            Err(error) => return self.without_target(error, status),
        };
        let refuse = |kind| Step::Refuse(self.refusal_to(kind, status, Some(&target), None));
        if self.hops.len() >= settings.limit {
            return refuse(RefusalKind::TooManyRedirects);
        }
        if content == Content::Keep && resend == Resend::Impossible {
            return refuse(RefusalKind::BodyNotReplayable);
        }

        let crossing = Crossing::between(&request.uri, target.uri(), grant);
        let mut head = next::head(&request, content, crossing, &self.secrets);
        edits.apply(&mut head.headers);
        let extensions = self.kept_extensions(crossing, settings);
        let mut extensions_of_policy = match crossing {
            Crossing::WithinOrigin => self.set_by_policy.clone(),
            Crossing::Anonymous | Crossing::Trusted => Extensions::new(),
        };
        extensions_of_policy.extend(edits.extensions);
        head.extensions = both(&extensions, &extensions_of_policy);
        head.method = method;
        head.uri = target.uri().clone();
        let visit = match settings.loops {
            Loops::UntilLimit => None,
            // What a policy claims is no redirect. It may be about something that no field shows, such
            // as the region to sign for, and the policy knows when to end.
            Loops::Detect if !method::is_redirect(status) => None,
            Loops::Detect => Some(Visit::new(&request, &self.secrets)),
        };
        if visit.as_ref().is_some_and(|visit| self.was_sent(visit, &head)) {
            return refuse(RefusalKind::Loop);
        }
        let hop = Hop {
            method: request.method,
            requested: self.requested(),
            status,
            source: Source::Server,
            elapsed,
            headers: recorded(&response.headers, &settings.record),
        };
        let (_, fragment) = target.into_parts();
        let fields_of_policy = edits.set.keys().cloned().collect();
        let kind = Kind::Redirect(Followed {
            hop,
            visit,
            fragment,
            crossing,
            fields_of_policy,
            extensions,
            extensions_of_policy,
        });
        Step::Send(Box::new(Next { head, content, kind }))
    }

    /// Returns whether `next` is the request that was sent `last`, or one before it.
    fn was_sent(&self, last: &Visit, next: &request::Parts) -> bool {
        let next = Visit::new(next, &self.secrets);
        *last == next || self.visited.contains(&next)
    }

    /// Returns what a decision grants, or what it leads to if it does not follow.
    fn grant(
        &self,
        decision: Decision,
        status: StatusCode,
        target: Option<&Target>,
    ) -> Result<Grant, Step> {
        match decision {
            // A policy claimed the status, and then had no opinion.
            Decision::Pass if !method::is_redirect(status) => {
                Err(Step::Return(self.not_redirect(status)))
            }
            Decision::Pass | Decision::Follow => Ok(Grant::Nothing),
            Decision::FollowWithCredentials => Ok(Grant::Credentials),
            Decision::Stop => {
                let refusal = self.refusal_to(RefusalKind::Policy, status, target, None);
                Err(Step::Return(Some(refusal)))
            }
            Decision::StopBecause(Failure { kind, source }) => {
                Err(Step::Return(Some(self.refusal_to(kind, status, target, source))))
            }
            Decision::Fail(Failure { kind, source }) => {
                Err(Step::Refuse(self.refusal_to(kind, status, target, source)))
            }
        }
    }

    /// Returns what becomes of a redirect that the policy would follow, and that has no usable target.
    fn without_target(&self, error: LocationError, status: StatusCode) -> Step {
        let kind = match error {
            LocationError::Missing => {
                let refusal = self.refusal(RefusalKind::MissingLocation, status);
                return Step::Return(status.is_redirection().then_some(refusal));
            }
            LocationError::Bad(_) => RefusalKind::BadLocation,
            LocationError::Scheme(_) => RefusalKind::Scheme,
        };
        Step::Refuse(self.refusal_to(kind, status, None, Some(Arc::new(error))))
    }

    /// Goes on to the next request: what stays behind now is gone for good.
    pub(crate) fn commit(&mut self, next: Next) -> request::Parts {
        let Next { head, kind, .. } = next;
        match kind {
            Kind::WithoutExpect => {}
            Kind::Redirect(followed) => {
                self.hops.push(followed.hop);
                self.visited.extend(followed.visit);
                self.fragment = followed.fragment;
                if followed.crossing != Crossing::WithinOrigin {
                    self.secrets.set_by_policy.clear();
                }
                self.secrets.set_by_policy.extend(followed.fields_of_policy);
                self.extensions = followed.extensions;
                self.set_by_policy = followed.extensions_of_policy;
                self.head = Head::copy(&head);
            }
        }
        head
    }

    /// Returns those of the caller's extensions that may go along.
    fn kept_extensions(&self, crossing: Crossing, settings: &Settings) -> Extensions {
        match crossing {
            Crossing::WithinOrigin | Crossing::Trusted => self.extensions.clone(),
            Crossing::Anonymous => {
                let mut kept = Extensions::new();
                settings.extensions.iter().for_each(|keep| keep(&self.extensions, &mut kept));
                kept
            }
        }
    }

    /// Returns whether a response refuses what the request expected, and that alone.
    pub(crate) fn is_failed_expectation(&self, status: StatusCode) -> bool {
        status == StatusCode::EXPECTATION_FAILED && self.expectation == Expectation::Continue
    }

    /// Makes the request that was sent last again, without `Expect`.
    fn without_expect(&self) -> Next {
        let mut head = self.head.rebuild();
        expect::remove(&mut head.headers);
        head.extensions = both(&self.extensions, &self.set_by_policy);
        Next { head, content: Content::Keep, kind: Kind::WithoutExpect }
    }

    /// Returns the target of the request that was sent last.
    fn requested(&self) -> Target {
        Target::of_request(self.head.uri.clone(), self.fragment.clone())
    }

    /// Returns why a response is handed over that leads to nothing, if it is a 3xx.
    pub(crate) fn not_redirect(&self, status: StatusCode) -> Option<Refusal> {
        status.is_redirection().then(|| self.refusal(RefusalKind::NotRedirect, status))
    }

    fn refusal(&self, kind: RefusalKind, status: StatusCode) -> Refusal {
        self.refusal_to(kind, status, None, None)
    }

    fn refusal_to(
        &self,
        kind: RefusalKind,
        status: StatusCode,
        target: Option<&Target>,
        source: Option<Arc<dyn Error + Send + Sync>>,
    ) -> Refusal {
        Refusal::new(kind, self.request_line(), status, target.cloned(), source)
    }
}

/// What is known of a response besides its head.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) resend: Resend,
    pub(crate) peeked: Option<&'a Glimpse>,
    pub(crate) elapsed: Duration,
}

impl Seen<'_> {
    /// Returns whether a look at so many bytes would show more than was seen already.
    fn may_show(&self, limit: usize) -> bool {
        self.peeked.is_none_or(|seen| seen.more == More::Maybe && seen.bytes.len() < limit)
    }
}

/// Returns the caller's extensions with those of policies in place of their like.
fn both(callers: &Extensions, of_policy: &Extensions) -> Extensions {
    let mut extensions = callers.clone();
    extensions.extend(of_policy.clone());
    extensions
}

/// Returns the fields of a redirect that the history keeps.
fn recorded(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let mut recorded = HeaderMap::new();
    for name in names {
        for value in headers.get_all(name) {
            recorded.append(name, value.clone());
        }
    }
    recorded
}
