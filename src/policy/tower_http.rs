//! Our policies in tower-http's `FollowRedirect`.

use std::{fmt, mem, time::Duration};

use http::{
    Extensions, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header, request,
    response,
};
use tower_http::follow_redirect::policy as theirs;

use super::{Attempt, CallFacts, Decision, Edits, Policy, Proposal, Verdict};
use crate::{
    body::Resend,
    history::{ChosenBy, Hop, Recorded, Source},
    rules::{
        location::LocationLimit,
        method::{Content, MethodRules},
        next::{Change, Crossing, Grant, Secrets},
        target::{Target, without_userinfo},
    },
    settings,
};

/// A policy of this crate as one of tower-http's.
///
/// So its decisions can be had without another layer. What tower-http has no place for is not there: a
/// policy sees neither the fields nor the body of the response, but only its status and where it leads,
/// and is not asked where that is nowhere, nor [before a request leaves](Policy::admit). It sees the request
/// without what policies after it have changed. A redirect is handed back, and not followed, where the policy
///
/// - has a [question](Verdict::ask), or wants to [peek](Verdict::Peek);
/// - fails (its error is lost) or leads elsewhere than `Location` does;
/// - wants another method, or the content, where tower-http has changed the one and dropped the other.
///
/// Across origins credentials and extensions are removed, as our layer does it, unless the policy grants
/// them; also where another of tower-http's policies follows, as in `or`: that is no hop of ours. What
/// another has removed does not come back. Userinfo in a URI goes along no redirect. The content is sent
/// again only if tower-http has a copy, by its `clone_body_fn`.
///
/// ```
/// # use bytes::Bytes;
/// # use http::{Request, Response, header::LOCATION};
/// # use http_body_util::Empty;
/// # use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// use tower_follow_redirect::policy::{HttpsOnly, Policy, SameOrigin, TowerHttp};
/// use tower_http::follow_redirect::FollowRedirectLayer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// # type Body = Empty<Bytes>;
/// # let server = service_fn(|_: Request<Body>| async {
/// #     let moved = Response::builder().status(302).header(LOCATION, "https://b.test/");
/// #     Ok::<_, BoxError>(moved.body(Body::new())?)
/// # });
/// let policy = TowerHttp::new(SameOrigin.and(HttpsOnly));
/// // `server` redirects to another one.
/// let client = ServiceBuilder::new()
///     .layer(FollowRedirectLayer::with_policy(policy))
///     .service(server);
/// let response = client.oneshot(Request::get("https://a.test/").body(Body::new())?).await?;
/// assert_eq!(response.status(), 302);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TowerHttp<P> {
    policy: P,
    /// The request that was sent last. Its extensions are the caller's, as far as they have come along.
    sent: Option<request::Parts>,
    /// Of the redirect that the policy has followed, and that is not on its way yet.
    next: Option<Next>,
    hops: Vec<Hop>,
    /// The names of those that the policy has set.
    set_by_policy: Vec<HeaderName>,
    /// Whether the policy has added extensions.
    extended: bool,
    limit: usize,
    call_state: Extensions,
}

/// What becomes of the next request, which tower-http makes.
#[derive(Clone)]
struct Next {
    content: Content,
    grant: Grant,
    edits: Edits,
}

impl Next {
    /// Of a redirect that another policy follows: ours was not asked, or has stopped.
    fn unasked() -> Self {
        Self { content: Content::Keep, grant: Grant::Nothing, edits: Edits::default() }
    }
}

impl<P: Policy> TowerHttp<P> {
    /// Wraps a policy. Every call gets a clone: one that is not cheap to clone goes into an `Arc`.
    pub fn new(policy: P) -> Self {
        Self {
            policy,
            sent: None,
            next: None,
            hops: Vec::new(),
            set_by_policy: Vec::new(),
            extended: false,
            limit: settings::LIMIT,
            call_state: Extensions::new(),
        }
    }

    /// Sets how many redirects are followed, whatever the policy says; 20 if it is not set, as in our layer.
    /// The next one is handed back.
    ///
    /// ```
    /// use tower_follow_redirect::policy::{Standard, TowerHttp};
    ///
    /// let policy = TowerHttp::new(Standard).limit(5);
    /// ```
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Asks the policy, and notes the next request. `None` if the redirect is not to be followed.
    fn follow(&mut self, theirs: &theirs::Attempt<'_>) -> Option<Next> {
        if self.hops.len() >= self.limit {
            return None;
        }
        let (request, response) = (self.sent.clone()?, response(theirs)?);
        let (rules, limit) = (MethodRules::default(), LocationLimit::default());
        let proposal = Proposal::new(&request, None, &response, &rules, limit);
        let secrets = Secrets { added: &[], set_by_policy: &self.set_by_policy };
        let call = CallFacts {
            source: Source::Server,
            hops: &self.hops,
            secrets,
            peeked: None,
            call_state: &mut self.call_state,
        };
        let mut attempt = Attempt::new(&request, &response, &proposal, Resend::Recorded, call);
        let grant = grant(self.policy.redirect(&mut attempt))?;
        let mut edits = attempt.into_edits();
        let Proposal { method, content, target } = proposal.edited(&mut edits);
        let target = target.ok()?;
        let as_theirs = method == *theirs.method()
            && content == content_of(theirs)
            && *target.uri() == without_userinfo(theirs.location().clone());
        if !as_theirs {
            return None;
        }
        self.hops.push(Hop {
            method: request.method,
            requested: Target::of_request(request.uri, None),
            status: theirs.status(),
            source: Source::Server,
            elapsed: Duration::ZERO,
            chosen_by: ChosenBy::Server,
            recorded: Recorded::default(),
        });
        Some(Next { content, grant, edits })
    }

    /// Changes the next request, and returns the caller's extensions in it. It is tower-http's, so that
    /// what other policies have removed is gone.
    fn change<B>(
        &mut self,
        sent: &request::Parts,
        request: &mut Request<B>,
        next: Next,
    ) -> Extensions {
        let Next { content, grant, edits } = next;
        // tower-http keeps it, that of `Location` as well as that of the request.
        let uri = mem::take(request.uri_mut());
        *request.uri_mut() = without_userinfo(uri);
        let crossing = Crossing::between(&sent.uri, request.uri(), grant);
        let secrets = Secrets { added: &[], set_by_policy: &self.set_by_policy };
        let next_method = request.method().clone();
        Change { method: &sent.method, next_method: &next_method, content, crossing }
            .apply(request.headers_mut(), secrets);
        edits.apply(request.headers_mut());
        let mut callers = self.callers(&sent.extensions, request.extensions());
        if crossing == Crossing::Anonymous {
            callers.clear();
        }
        // What the policy has set for an origin does not leave it.
        if crossing != Crossing::WithinOrigin {
            self.set_by_policy.clear();
            self.extended = false;
            request.extensions_mut().clone_from(&callers);
        }
        self.set_by_policy.extend(edits.set.keys().cloned());
        self.extended |= !edits.extensions.is_empty();
        request.extensions_mut().extend(edits.extensions);
        callers
    }

    /// Returns the caller's extensions among those that have come along.
    ///
    /// Nothing tells whose one is. So where the policy has added some, the caller's are those of before,
    /// if none of them was removed since, and none otherwise: what is removed does not come back.
    fn callers(&self, before: &Extensions, come_along: &Extensions) -> Extensions {
        if !self.extended {
            return come_along.clone();
        }
        let mut both = come_along.clone();
        both.extend(before.clone());
        if both.len() == come_along.len() { before.clone() } else { Extensions::new() }
    }
}

impl<B, E, P: Policy> theirs::Policy<B, E> for TowerHttp<P> {
    fn redirect(&mut self, attempt: &theirs::Attempt<'_>) -> Result<theirs::Action, E> {
        self.next = self.follow(attempt);
        Ok(match self.next {
            Some(_) => theirs::Action::Follow,
            None => theirs::Action::Stop,
        })
    }

    /// It is called for every request: the first, and those after redirects that ours was not asked about.
    fn on_request(&mut self, request: &mut Request<B>) {
        let next = self.next.take().unwrap_or_else(Next::unasked);
        let callers = match self.sent.take() {
            None => request.extensions().clone(),
            Some(sent) => self.change(&sent, request, next),
        };
        self.sent = Some(head(request, callers));
    }
}

/// Copies the head of a request, with other extensions.
fn head<B>(request: &Request<B>, extensions: Extensions) -> request::Parts {
    let (mut head, ()) = Request::new(()).into_parts();
    head.method.clone_from(request.method());
    head.uri.clone_from(request.uri());
    head.version = request.version();
    head.headers.clone_from(request.headers());
    head.extensions = extensions;
    head
}

/// Returns what a verdict grants, if it is one that can be carried out.
fn grant(verdict: Verdict) -> Option<Grant> {
    match verdict {
        Verdict::Decided(Decision::Pass | Decision::Follow) => Some(Grant::Nothing),
        Verdict::Decided(Decision::FollowWithCredentials) => Some(Grant::Credentials),
        Verdict::Decided(Decision::Stop | Decision::StopBecause(_) | Decision::Fail(_))
        | Verdict::Peek(_)
        | Verdict::Ask(_) => None,
    }
}

fn response(theirs: &theirs::Attempt<'_>) -> Option<response::Parts> {
    let location = HeaderValue::try_from(theirs.location().to_string()).ok()?;
    let (mut response, ()) = Response::new(()).into_parts();
    response.status = theirs.status();
    response.headers.insert(header::LOCATION, location);
    Some(response)
}

/// Returns what tower-http does with the content.
fn content_of(theirs: &theirs::Attempt<'_>) -> Content {
    match theirs.status() {
        StatusCode::SEE_OTHER => Content::Drop,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND
            if theirs.previous_method() == Method::POST =>
        {
            Content::Drop
        }
        _ => Content::Keep,
    }
}

/// A policy need not be `Debug`.
impl<P> fmt::Debug for TowerHttp<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerHttp").finish_non_exhaustive()
    }
}
