//! The policy: finds what is to be confirmed.

use std::{fmt, future::Future, sync::Arc};

use http::{Method, StatusCode};
use tower_service::Service;

use super::{
    Confirmation, Consent, Doubt, NotConfirmed,
    consents::Consents,
    service::{Ask, AskFn, AskService},
};
use crate::{
    BoxError,
    body::Resend,
    origins::KnownOrigins,
    policy::{Answer, Attempt, Decision, Policy, Verdict},
    rules::{
        method::{self, Content},
        origin::Origin,
        target::Target,
    },
};

/// Follows a redirect by itself only if the next request is GET or HEAD, and else if it is confirmed
/// ([RFC 2616 §10.3]).
///
/// As that specification notes, 301 and 302 do not change the method; 303 makes it GET. 305 is never
/// followed. It asks too, whatever the method, where a redirect leads to what was requested before, and
/// after five redirects. What the limit refuses, and what cannot be sent again, is not asked about.
///
/// Another policy is joined by [`and`](Policy::and). Behind an [`or`](Policy::or) it may make another
/// request, and one that was not confirmed is refused.
///
/// Clones share what was [confirmed for a time](Consent::For).
///
/// ```
/// # use bytes::Bytes;
/// # use http::{Request, Response, header::LOCATION};
/// # use http_body_util::Full;
/// # use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// use tower_follow_redirect::policy::{StrictConfirm, strict::Consent};
/// use tower_follow_redirect::{FollowRedirectLayer, Refusal};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// # type Body = Full<Bytes>;
/// # let server = service_fn(|_| async {
/// #     let moved = Response::builder().status(307).header(LOCATION, "https://b.test/pay");
/// #     Ok::<_, BoxError>(moved.body(Body::default())?)
/// # });
/// // Somebody is shown the question, and says no.
/// let policy = StrictConfirm::new(|confirmation| async move {
///     let question = "307 after POST https://a.test/pay to https://b.test/pay: send POST there?";
///     match confirmation.to_string() == question {
///         true => Consent::No,
///         false => Consent::Yes,
///     }
/// });
/// let layer = FollowRedirectLayer::new().with_policy(policy);
/// let client = ServiceBuilder::new().layer(layer).service(server);
///
/// let response = client.oneshot(Request::post("https://a.test/pay").body(Body::from("1"))?).await?;
/// assert_eq!(response.status(), 307);
/// assert!(Refusal::of(&response).is_some());
/// # Ok(())
/// # }
/// ```
///
/// [RFC 2616 §10.3]: https://www.rfc-editor.org/rfc/rfc2616#section-10.3
#[derive(Clone)]
pub struct StrictConfirm {
    ask: Arc<dyn Ask>,
    warn_after: usize,
    consents: Arc<KnownOrigins>,
}

impl StrictConfirm {
    /// Makes a policy that asks a closure. What its future gives is a [`Consent`], a `bool`, a
    /// [`Decision`], or a [`Result`] of one of them, whose error means no.
    ///
    /// The future is polled by the task that made the call, and dropped with it.
    pub fn new<F, Fut>(ask: F) -> Self
    where
        F: Fn(Confirmation) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Into<Consent>> + Send + 'static,
    {
        Self::of(AskFn::new(ask))
    }

    /// Makes a policy that asks a Tower service. Its error means no.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower::{BoxError, ServiceBuilder, service_fn};
    /// use tower_follow_redirect::policy::{Decision, StrictConfirm, strict::Confirmation};
    ///
    /// let prompt = service_fn(|confirmation: Confirmation| async move {
    ///     println!("{confirmation}");
    ///     Ok::<_, BoxError>(Decision::Follow)
    /// });
    /// let prompt = ServiceBuilder::new().timeout(Duration::from_secs(60)).service(prompt);
    /// let policy = StrictConfirm::service(prompt);
    /// ```
    pub fn service<S>(service: S) -> Self
    where
        S: Service<Confirmation, Response: Into<Consent>, Error: Into<BoxError>, Future: Send>,
        S: Clone + Send + 'static,
    {
        Self::of(AskService::new(service))
    }

    /// Sets after how many redirects each further one is asked about; 5 if it is not set, as RFC 2068
    /// recommended.
    ///
    /// ```
    /// use tower_follow_redirect::policy::StrictConfirm;
    ///
    /// // Nobody is asked before the 20 redirects of the layer's limit, but for the method and for loops.
    /// let policy = StrictConfirm::new(|_| async { false }).warn_after(20);
    /// ```
    #[must_use]
    pub fn warn_after(mut self, redirects: usize) -> Self {
        self.warn_after = redirects;
        self
    }

    fn of(ask: impl Ask + 'static) -> Self {
        Self { ask: Arc::new(ask), warn_after: 5, consents: Arc::default() }
    }

    fn doubts(&self, attempt: &Attempt<'_>, target: &Target) -> Vec<Doubt> {
        let is_safe = matches!(*attempt.next_method(), Method::GET | Method::HEAD);
        [
            (!is_safe, Doubt::Method),
            (was_requested(attempt, target), Doubt::Loop),
            (attempt.hops().len() >= self.warn_after, Doubt::ManyRedirects),
        ]
        .into_iter()
        .filter_map(|(is_so, doubt)| is_so.then_some(doubt))
        .collect()
    }
}

impl Policy for StrictConfirm {
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        if matches!(attempt.status(), StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND) {
            attempt.keep_method();
        }
        let pass = Verdict::from(Decision::Pass);
        let Ok(target) = attempt.target().cloned() else { return pass };
        let doubts = self.doubts(attempt, &target);
        let is_lost =
            attempt.next_content() == Content::Keep && attempt.resend() == Resend::Impossible;
        if doubts.is_empty() || is_lost || !method::is_redirect(attempt.status()) {
            return pass;
        }
        let origin = Origin::of(target.uri()).or_else(|| Origin::of(&attempt.request().uri));
        let consents = Consents::of(attempt.call_state(), &self.consents);
        if origin.as_ref().is_some_and(|origin| consents.hold_for(origin)) {
            return pass;
        }
        let answer = self.ask.ask(Confirmation::of(attempt, target, doubts));
        Verdict::ask(async move {
            Answer::about_what_was_shown(settle(answer.await, origin, &consents))
        })
    }
}

/// Notes an answer that holds for more than this redirect, and decides this one.
fn settle(consent: Consent, origin: Option<Origin>, consents: &Consents) -> Decision {
    match (consent, origin) {
        (Consent::No, _) => return Decision::stop(NotConfirmed::refused()),
        (Consent::Unanswered(error), _) => return Decision::stop(NotConfirmed::unanswered(error)),
        (Consent::ThisChain, Some(origin)) => consents.add_for_chain(origin),
        (Consent::For(time), Some(origin)) => consents.add_for(time, origin),
        (Consent::Yes | Consent::ThisChain | Consent::For(_), _) => {}
    }
    // It forbids nothing more; what may go along is another policy's to say.
    Decision::Pass
}

/// Returns whether the next request was sent before, as far as its method and target say.
fn was_requested(attempt: &Attempt<'_>, target: &Target) -> bool {
    let current = (&attempt.request().method, &attempt.request().uri);
    let before = attempt.hops().iter().map(|hop| (hop.method(), hop.uri()));
    before.chain([current]).any(|sent| sent == (attempt.next_method(), target.uri()))
}

/// Who is asked need not be `Debug`.
impl fmt::Debug for StrictConfirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StrictConfirm")
            .field("warn_after", &self.warn_after)
            .finish_non_exhaustive()
    }
}
