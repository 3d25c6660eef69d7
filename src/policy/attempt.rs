//! What a policy sees of a redirect, and what it may change.

use std::fmt;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, request, response};

use super::Edits;
use crate::{
    body::Resend,
    history::{ChosenBy, Hop, Source},
    rules::{
        location::{self, LocationError, LocationLimit},
        method::{self, Content, MethodRules},
        next::{Change, Crossing, Secrets},
        origin,
        target::{Target, redacted},
    },
};

/// A redirect that may be followed: the heads of both messages, and the next request as proposed.
///
/// The edits (`set_…`, `keep_method`, `strip_header`, `next_extensions`) change the proposal. They
/// count only if it is followed. A header that one policy strips stays stripped, whatever others set.
///
/// [`AttemptBuilder`](super::AttemptBuilder) makes attempts for the tests of a policy.
///
/// ```
/// use http::{HeaderValue, Method, header::ACCEPT};
/// use tower_follow_redirect::policy::{self, AttemptBuilder, Decision, Policy};
///
/// // Downloads are taken from a mirror as they are; nothing else goes there.
/// let policy = policy::redirect_fn(|attempt| {
///     if *attempt.next_method() != Method::GET || attempt.hops().len() > 1 {
///         return Decision::Stop;
///     }
///     attempt.set_header(ACCEPT, HeaderValue::from_static("application/octet-stream"));
///     Decision::Follow
/// });
///
/// let mut builder = AttemptBuilder::redirect("https://a.test/file", 302, "https://mirror.test/file");
/// let mut attempt = builder.attempt();
/// assert!(!attempt.is_same_origin());
/// let _ = policy.redirect(&mut attempt);
/// assert_eq!(attempt.next_headers()[ACCEPT], "application/octet-stream");
/// ```
pub struct Attempt<'a> {
    request: &'a request::Parts,
    response: &'a response::Parts,
    proposal: &'a Proposal,
    resend: Resend,
    hops: &'a [Hop],
    secrets: Secrets<'a>,
    peeked: Option<&'a [u8]>,
    source: Source,
    call_state: &'a mut Extensions,
    /// The edits so far, and on top of them those of the branches that are being tried.
    edits: Edits,
    branches: Vec<Edits>,
}

/// The next request as the rules propose it.
pub(crate) struct Proposal {
    pub(crate) method: Method,
    pub(crate) content: Content,
    pub(crate) target: Result<Target, LocationError>,
}

impl Proposal {
    pub(crate) fn new(
        request: &request::Parts,
        fragment: Option<&str>,
        response: &response::Parts,
        rules: &MethodRules,
        limit: LocationLimit,
    ) -> Self {
        let headers = &response.headers;
        let target = location::target_within(limit, &request.uri, fragment, headers);
        Self::of(request, response.status, target, rules)
    }

    pub(crate) fn of(
        request: &request::Parts,
        status: StatusCode,
        target: Result<Target, LocationError>,
        rules: &MethodRules,
    ) -> Self {
        let (method, content) = method::rewrite(status, &request.method, rules)
            // A response that a policy claims is about the same request.
            .unwrap_or_else(|| (request.method.clone(), Content::Keep));
        Self { method, content, target }
    }

    /// Returns who says where the request goes, when the policies have edited it.
    pub(crate) fn chosen_by(&self, edits: &Edits) -> ChosenBy {
        let said = self.target.as_ref().map(Target::uri);
        match &edits.target {
            Some(target) if said != Ok(target.uri()) => ChosenBy::Policy,
            _ => ChosenBy::Server,
        }
    }

    /// Returns the proposal as the policies have edited it.
    pub(crate) fn edited(self, edits: &mut Edits) -> Self {
        Self {
            method: edits.method.take().unwrap_or(self.method),
            content: edits.content.unwrap_or(self.content),
            target: edits.target.take().map_or(self.target, Ok),
        }
    }
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(
        request: &'a request::Parts,
        response: &'a response::Parts,
        proposal: &'a Proposal,
        resend: Resend,
        call: CallFacts<'a>,
    ) -> Self {
        let CallFacts { hops, secrets, peeked, source, call_state } = call;
        Self {
            request,
            response,
            proposal,
            resend,
            hops,
            secrets,
            peeked,
            source,
            call_state,
            edits: Edits::default(),
            branches: Vec::new(),
        }
    }

    /// Returns the head of the request as it was sent. Its extensions are the
    /// caller's, as far as they have come along.
    pub fn request(&self) -> &request::Parts {
        self.request
    }

    /// Returns the head of the response.
    pub fn response(&self) -> &response::Parts {
        self.response
    }

    /// Returns the status of the response.
    pub fn status(&self) -> StatusCode {
        self.response.status
    }

    /// Returns where the next request would go.
    ///
    /// # Errors
    ///
    /// Fails if `Location` is missing, invalid, or neither `http` nor `https`. A policy may name a
    /// target then ([`set_target`](Self::set_target)).
    pub fn target(&self) -> Result<&Target, &LocationError> {
        match self.edited(|edits| edits.target.as_ref()) {
            Some(target) => Ok(target),
            None => self.proposal.target.as_ref(),
        }
    }

    /// Returns the method of the next request.
    pub fn next_method(&self) -> &Method {
        self.edited(|edits| edits.method.as_ref()).unwrap_or(&self.proposal.method)
    }

    /// Returns whether the next request has the content of this one.
    pub fn next_content(&self) -> Content {
        self.edited(|edits| edits.content).unwrap_or(self.proposal.content)
    }

    /// Returns whether the content can be sent again.
    pub fn resend(&self) -> Resend {
        self.resend
    }

    /// Returns whether the target has the [origin](crate::Origin) of the request; `false` where there
    /// is no target.
    pub fn is_same_origin(&self) -> bool {
        self.target().is_ok_and(|target| origin::same_origin(&self.request.uri, target.uri()))
    }

    /// Makes the header fields that the next request has if no credentials are granted to another
    /// origin.
    pub fn next_headers(&self) -> HeaderMap {
        let crossing =
            if self.is_same_origin() { Crossing::WithinOrigin } else { Crossing::Anonymous };
        let change = Change {
            method: &self.request.method,
            next_method: self.next_method(),
            content: self.next_content(),
            crossing,
        };
        let mut headers = self.request.headers.clone();
        change.apply(&mut headers, self.secrets);
        let mut edits = self.edits.clone();
        self.branches.iter().for_each(|branch| edits.extend(branch.clone()));
        edits.apply(&mut headers);
        headers
    }

    /// Returns the redirects that were followed before this one, in order.
    pub fn hops(&self) -> &'a [Hop] {
        self.hops
    }

    /// Returns the beginning of the response body, after a policy has asked to
    /// [peek](super::Verdict::Peek) into it.
    pub fn peeked(&self) -> Option<&'a [u8]> {
        self.peeked
    }

    /// Returns whether the redirect is remembered from an earlier call. Nothing was sent then, and the
    /// response has only the status and the `Location`.
    ///
    /// A policy that stops at it makes the request go to the server, whose own answer it sees next.
    pub fn is_from_cache(&self) -> bool {
        self.source == Source::Memory
    }

    /// Returns what policies remember during this call. Only policies see it.
    pub fn call_state(&mut self) -> &mut Extensions {
        self.call_state
    }

    /// Keeps the method and the content, whatever the status does to them.
    pub fn keep_method(&mut self) {
        self.top().method = Some(self.request.method.clone());
        self.top().content = Some(Content::Keep);
    }

    /// Sets the method of the next request.
    pub fn set_method(&mut self, method: Method) {
        self.top().method = Some(method);
    }

    /// Sets whether the next request has the content of this one.
    pub fn set_content(&mut self, content: Content) {
        self.top().content = Some(content);
    }

    /// Sets where the next request goes. A target without a fragment inherits that of the request
    /// ([RFC 9110 §10.2.2]), and one that is only a path stays on the server.
    ///
    /// [RFC 9110 §10.2.2]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.2
    pub fn set_target(&mut self, target: Target) {
        self.top().target = Some(target.on(&self.request.uri));
    }

    /// Sets a header field of the next request, in place of all its values.
    ///
    /// The value is the policy's own, such as a credential for the next origin. It goes along to that
    /// origin, and is removed when a redirect leaves it.
    pub fn set_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.top().set.insert(name, value);
    }

    /// Removes a header field of the next request, for the rest of the chain.
    pub fn strip_header(&mut self, name: HeaderName) {
        self.top().strip.push(name);
    }

    /// Returns extensions that are added to the next request, for the inner service.
    pub fn next_extensions(&mut self) -> &mut Extensions {
        &mut self.top().extensions
    }

    /// Returns the names of the request's fields that are secret in this call.
    pub(super) fn secret_names(&self) -> impl Iterator<Item = HeaderName> + use<> {
        self.secrets.of(&self.request.headers).into_iter().map(|(name, _)| name)
    }

    pub(crate) fn into_edits(self) -> Edits {
        self.edits
    }

    /// From here on edits are those of a branch.
    pub(super) fn begin_branch(&mut self) {
        self.branches.push(Edits::default());
    }

    /// Ends the branch and returns its edits. What it stripped stays stripped.
    pub(super) fn end_branch(&mut self) -> Edits {
        let edits = self.branches.pop().unwrap_or_default();
        self.top().strip.extend_from_slice(&edits.strip);
        edits
    }

    /// Makes the edits of a branch count.
    pub(super) fn edit(&mut self, edits: Edits) {
        self.top().extend(edits);
    }

    fn top(&mut self) -> &mut Edits {
        self.branches.last_mut().unwrap_or(&mut self.edits)
    }

    fn edited<'s, T>(&'s self, find: impl Fn(&'s Edits) -> Option<T>) -> Option<T> {
        self.branches.iter().rev().chain([&self.edits]).find_map(find)
    }
}

/// Shows neither header values nor queries: both may be secret.
impl fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("method", &self.request.method)
            .field("uri", &format_args!("{}", redacted(&self.request.uri)))
            .field("status", &self.response.status)
            .field("next_method", self.next_method())
            .field("target", &self.target())
            .field("resend", &self.resend)
            .field("hops", &self.hops)
            .finish_non_exhaustive()
    }
}

/// What an attempt shows of its call.
pub(crate) struct CallFacts<'a> {
    pub(crate) hops: &'a [Hop],
    pub(crate) secrets: Secrets<'a>,
    pub(crate) peeked: Option<&'a [u8]>,
    pub(crate) source: Source,
    pub(crate) call_state: &'a mut Extensions,
}
