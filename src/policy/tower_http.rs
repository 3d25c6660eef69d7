//! Our policies in tower-http's `FollowRedirect`.

use std::{fmt, time::Duration};

use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header,
    request, response,
};
use tower_http::follow_redirect::policy as theirs;

use super::{Attempt, CallFacts, Decision, Policy, Proposal, Verdict};
use crate::{
    body::Resend,
    history::{ChosenBy, Hop, Recorded, Source},
    rules::{
        location::LocationLimit,
        method::{Content, MethodRules},
        next::{Change, Crossing, Grant, Secrets},
        target::Target,
    },
    settings,
};

/// A policy of this crate as one of tower-http's.
///
/// So its decisions can be had without another layer. What tower-http has no place for is not there: a
/// policy sees neither the fields nor the body of the response, but only its status and where it leads,
/// and is not asked where that is nowhere, nor [before a request leaves](Policy::admit). A redirect is handed back, and not followed, where the policy
///
/// - has a [question](Verdict::ask), or wants to [peek](Verdict::Peek);
/// - fails (its error is lost) or leads elsewhere than `Location` does;
/// - wants another method, or the content, where tower-http has changed the one and dropped the other.
///
/// Across origins credentials are removed, as our layer does it, unless the policy grants them. The
/// content is sent again only if tower-http has a copy, by its `clone_body_fn`.
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
    /// The fields of the request that was sent last.
    sent: HeaderMap,
    next: Option<Next>,
    hops: Vec<Hop>,
    /// The names of those that the policy has set.
    set_by_policy: Vec<HeaderName>,
    /// The caller's extensions, as far as they have come along.
    extensions: Extensions,
    limit: usize,
    call_state: Extensions,
}

/// What becomes of the next request, which tower-http makes.
#[derive(Clone)]
struct Next {
    headers: HeaderMap,
    crossing: Crossing,
    /// Those of the policy.
    extensions: Extensions,
}

impl<P: Policy> TowerHttp<P> {
    /// Wraps a policy. Every call gets a clone: one that is not cheap to clone goes into an `Arc`.
    pub fn new(policy: P) -> Self {
        Self {
            policy,
            sent: HeaderMap::new(),
            next: None,
            hops: Vec::new(),
            set_by_policy: Vec::new(),
            extensions: Extensions::new(),
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
        let (request, response) = (self.request(theirs), response(theirs)?);
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
            && target.uri() == theirs.location();
        if !as_theirs {
            return None;
        }
        let crossing = Crossing::between(&request.uri, target.uri(), grant);
        let change = Change { method: &request.method, next_method: &method, content, crossing };
        let mut headers = request.headers.clone();
        change.apply(&mut headers, secrets);
        edits.apply(&mut headers);
        if crossing != Crossing::WithinOrigin {
            self.set_by_policy.clear();
        }
        self.set_by_policy.extend(edits.set.keys().cloned());
        self.hops.push(Hop {
            method: request.method,
            requested: Target::of_request(request.uri, None),
            status: theirs.status(),
            source: Source::Server,
            elapsed: Duration::ZERO,
            chosen_by: ChosenBy::Server,
            recorded: Recorded::default(),
        });
        Some(Next { headers, crossing, extensions: edits.extensions })
    }

    fn request(&self, theirs: &theirs::Attempt<'_>) -> request::Parts {
        let (mut request, ()) = Request::new(()).into_parts();
        request.method = theirs.previous_method().clone();
        request.uri = theirs.previous().clone();
        request.headers = self.sent.clone();
        request
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

    /// It is called for the first request too, whose fields and extensions are noted here.
    fn on_request(&mut self, request: &mut Request<B>) {
        match self.next.take() {
            None => self.extensions.clone_from(request.extensions()),
            Some(next) => {
                *request.headers_mut() = next.headers;
                if next.crossing == Crossing::Anonymous {
                    self.extensions.clear();
                }
                // What the policy has set for an origin does not leave it.
                if next.crossing != Crossing::WithinOrigin {
                    request.extensions_mut().clone_from(&self.extensions);
                }
                request.extensions_mut().extend(next.extensions);
            }
        }
        self.sent.clone_from(request.headers());
    }
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
