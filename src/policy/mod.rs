//! Who decides whether a redirect is followed.
//!
//! A [`Policy`] is shown an [`Attempt`]: the head of the request as it was sent, the head of the
//! response, and the next request as it is proposed, which it may edit. It gives one [`Verdict`].
//! Safety does not hang on it: the limit of redirects, the schemes `http` and `https`, and the scope
//! of credentials hold under every policy. A policy tightens them, or grants credentials for one
//! hop.
//!
//! ```
//! use tower_follow_redirect::policy::{self, Decision, Policy, SameOrigin};
//!
//! let below_api = policy::redirect_fn(|attempt| match attempt.target() {
//!     Ok(target) if target.uri().path().starts_with("/api/") => Decision::Follow,
//!     _ => Decision::Stop,
//! });
//! let policy = SameOrigin.and(below_api);
//! let _layer = tower_follow_redirect::FollowRedirectLayer::new().with_policy(policy);
//! ```

mod admission;
mod attempt;
mod attempt_builder;
mod combine;
mod edits;
mod exchange;
mod expect;
mod https_only;
mod limited;
#[cfg(feature = "permanent-cache")]
pub mod permanent;
#[cfg(feature = "private-networks")]
pub mod private;
mod recall;
mod redirect_fn;
mod referer;
pub mod s3;
mod same_origin;
mod standard;
pub mod strict;
#[cfg(feature = "tower-http")]
mod tower_http;
mod verdict;

use std::sync::Arc;

use http::{StatusCode, request};

#[cfg(feature = "permanent-cache")]
pub use self::permanent::PermanentCache;
#[cfg(feature = "private-networks")]
pub use self::private::DenyPrivateNetworks;
#[cfg(feature = "tower-http")]
pub use self::tower_http::TowerHttp;
pub use self::{
    admission::Admission,
    attempt::Attempt,
    attempt_builder::AttemptBuilder,
    combine::{And, Or},
    exchange::Exchange,
    expect::{ExpectFn, ExpectSupport, expect_fn},
    https_only::HttpsOnly,
    limited::Limited,
    recall::{Outgoing, Recall, Recollection, Remembered},
    redirect_fn::{RedirectFn, redirect_fn},
    referer::Referer,
    s3::S3,
    same_origin::SameOrigin,
    standard::Standard,
    strict::StrictConfirm,
    verdict::{Answer, Decision, Failure, Question, Verdict},
};
pub(crate) use self::{
    attempt::{CallFacts, Proposal},
    edits::Edits,
    exchange::{Outcome, Recalled, Sent},
};
use crate::rules::method;

/// Decides whether a redirect is followed, and how.
///
/// It is called through `&self`, by all requests at once. What belongs to one call (how many hops,
/// which URIs) is in the [`Attempt`]; what a policy itself must remember during one call goes into
/// [`Attempt::call_state`].
///
/// The policy is asked first: if it stops, that is the reason the caller gets. A redirect that it
/// follows is still refused if the target is missing, bad, or neither `http` nor `https`, if the limit
/// is reached, or if the content must be sent again and cannot be.
///
/// ```
/// use tower_follow_redirect::policy::{Attempt, Decision, Policy, Verdict};
///
/// /// Stops at a redirect that leaves a domain and its subdomains.
/// struct Within(&'static str);
///
/// impl Policy for Within {
///     fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
///         let host = attempt.target().ok().and_then(|target| target.uri().host());
///         let prefix = host.and_then(|host| host.strip_suffix(self.0));
///         match prefix {
///             Some(prefix) if prefix.is_empty() || prefix.ends_with('.') => Decision::Pass,
///             _ => Decision::Stop,
///         }
///         .into()
///     }
/// }
/// ```
pub trait Policy: Send + Sync {
    /// Gives the verdict on one redirect.
    ///
    /// It is called for every 301, 302, 303, 307 and 308, with or without a usable `Location`, and
    /// for every response whose status the policy [claims](Self::claims). It is called again after a
    /// [`Verdict::Peek`], and where [`and`](Self::and) joins it with a policy that sets another target.
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict;

    /// Returns whether the policy wants to see responses with `status`, besides the redirects.
    ///
    /// Where it has no opinion then ([`Decision::Pass`]), the response is handed over untouched.
    ///
    /// If it is joined by [`and`](Self::and) with a policy that claims a status which it does not claim itself, it
    /// is asked where that one would follow, and can only forbid it: to follow is to pass, and its edits do not
    /// count, save what it [strips](Attempt::strip_header).
    ///
    /// ```
    /// use http::{StatusCode, header::AUTHORIZATION};
    /// use tower_follow_redirect::{Target, policy::{Attempt, Decision, Policy, Verdict}};
    ///
    /// /// Sends again, to the same URI, what a server asks to retry with the token it gives.
    /// struct WithToken;
    ///
    /// impl Policy for WithToken {
    ///     fn claims(&self, status: StatusCode) -> bool {
    ///         status == StatusCode::UNAUTHORIZED
    ///     }
    ///
    ///     fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
    ///         let token = attempt.response().headers.get("x-token").cloned();
    ///         let target = Target::new(attempt.request().uri.clone(), None);
    ///         match (attempt.status(), token, target, attempt.hops()) {
    ///             (StatusCode::UNAUTHORIZED, Some(token), Ok(target), []) => {
    ///                 attempt.set_target(target);
    ///                 attempt.set_header(AUTHORIZATION, token);
    ///                 Decision::Follow.into()
    ///             }
    ///             _ => Decision::Pass.into(),
    ///         }
    ///     }
    /// }
    /// ```
    fn claims(&self, status: StatusCode) -> bool {
        let _ = status;
        false
    }

    /// Returns what is known of how the server that `request` goes to treats `Expect: 100-continue`.
    ///
    /// It is called for every request whose content waits for `100 Continue`. Where
    /// [`and`](Self::and) or [`or`](Self::or) join two policies, the one that knows more is believed.
    fn expect(&self, request: &request::Parts) -> ExpectSupport {
        let _ = request;
        ExpectSupport::Unknown
    }

    /// Returns what the policy remembers of where `request` must go.
    ///
    /// It is called before every request that may be redirected leaves, the first one and those that
    /// redirects lead to. A redirect that it recalls is followed exactly as one that is received:
    /// [`redirect`](Self::redirect) gives the verdict
    /// ([`is_from_cache`](Attempt::is_from_cache) tells it), and credentials, limit, loops and
    /// [`History`](crate::History) do not differ. Then it is called again, for the request that follows.
    /// If the verdict is to stop, the request is sent, and the server's own answer decides.
    ///
    /// Where [`and`](Self::and) or [`or`](Self::or) join two policies, the first that remembers
    /// anything is believed.
    ///
    /// ```
    /// use http::StatusCode;
    /// use tower_follow_redirect::Target;
    /// use tower_follow_redirect::policy::{
    ///     Attempt, Decision, Outgoing, Policy, Recall, Remembered, Verdict,
    /// };
    ///
    /// /// A host that is known to have moved for good.
    /// struct Moved;
    ///
    /// impl Policy for Moved {
    ///     fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
    ///         Decision::Pass.into()
    ///     }
    ///
    ///     fn recall(&self, request: &mut Outgoing<'_>) -> Recall {
    ///         let uri = &request.request().uri;
    ///         if uri.host() != Some("old.test") {
    ///             return Recall::Nothing;
    ///         }
    ///         let target = format!("https://new.test{}", uri.path()).parse().ok();
    ///         match target.and_then(|target| Target::new(target, None).ok()) {
    ///             Some(target) => {
    ///                 Recall::Redirect(Remembered::new(StatusCode::PERMANENT_REDIRECT, target))
    ///             }
    ///             None => Recall::Nothing,
    ///         }
    ///     }
    /// }
    /// ```
    fn recall(&self, request: &mut Outgoing<'_>) -> Recall {
        let _ = request;
        Recall::Nothing
    }

    /// Returns whether `request` may leave.
    ///
    /// It is called before every request leaves: the first one, those that redirects lead to, those that
    /// [`recall`](Self::recall) leads to or takes back, and CONNECT and upgrades too. Where it is refused,
    /// the call ends with an [`Error`](crate::Error) without a response, whatever
    /// [`OnRefusal`](crate::OnRefusal) says: there is none that could be returned.
    ///
    /// Where [`and`](Self::and) or [`or`](Self::or) join two policies, both must grant it.
    fn admit(&self, request: &mut Outgoing<'_>) -> Admission {
        let _ = request;
        Admission::Granted
    }

    /// Learns what came of a request: a response, or an error, of the inner service or of the call's
    /// [`total_time`](crate::FollowRedirectLayer::total_time).
    ///
    /// It is called once for every request that was sent, when it is decided whether the response
    /// leads to another one, and not at all for one whose call was dropped. (A request that is repeated
    /// because the server refused its `Expect` is one request.)
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use tower_follow_redirect::policy::{Attempt, Decision, Exchange, Policy, Verdict};
    ///
    /// /// Counts the requests that got no response.
    /// #[derive(Default)]
    /// struct Unanswered(AtomicU64);
    ///
    /// impl Policy for Unanswered {
    ///     fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
    ///         Decision::Pass.into()
    ///     }
    ///
    ///     fn concluded(&self, exchange: &mut Exchange<'_>) {
    ///         if exchange.outcome().is_err() {
    ///             self.0.fetch_add(1, Ordering::Relaxed);
    ///         }
    ///     }
    /// }
    /// ```
    fn concluded(&self, exchange: &mut Exchange<'_>) {
        let _ = exchange;
    }

    /// Makes a policy that follows where both do: the stricter decides.
    ///
    /// [`Decision::Pass`] is neutral: credentials are kept only if every policy that does not pass keeps
    /// them. Both policies give their verdicts before any question is put, so that a stop prevents the
    /// question.
    ///
    /// ```
    /// use tower_follow_redirect::policy::{HttpsOnly, Limited, Policy, SameOrigin};
    ///
    /// let policy = SameOrigin.and(HttpsOnly).and(Limited::new(5));
    /// ```
    fn and<P: Policy>(self, other: P) -> And<Self, P>
    where
        Self: Sized,
    {
        And::new(self, other)
    }

    /// Makes a policy that asks `other` where this one has no opinion.
    ///
    /// A stop or a failure is final. What a policy edits counts only if it decides, but what it
    /// strips stays stripped.
    ///
    /// ```
    /// use http::Uri;
    /// use tower_follow_redirect::Origin;
    /// use tower_follow_redirect::policy::{self, Decision, Policy, SameOrigin};
    ///
    /// // An origin, not only a host: nothing secret goes to `http://storage.a.test`.
    /// let storage = Origin::of(&Uri::from_static("https://storage.a.test"));
    /// let trusted = policy::redirect_fn(move |attempt| match attempt.target() {
    ///     Ok(target) if Origin::of(target.uri()) == storage => Decision::FollowWithCredentials,
    ///     _ => Decision::Pass,
    /// });
    /// let policy = trusted.or(SameOrigin);
    /// ```
    fn or<P: Policy>(self, other: P) -> Or<Self, P>
    where
        Self: Sized,
    {
        Or::new(self, other)
    }
}

/// A policy for one request: a request extension that takes the place of the layer's policy.
///
/// ```
/// use http::Request;
/// use tower_follow_redirect::policy::{Decision, RequestPolicy};
///
/// let mut request = Request::get("http://a.test/").body(())?;
/// request.extensions_mut().insert(RequestPolicy::new(Decision::Stop));
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone)]
pub struct RequestPolicy(pub(crate) Arc<dyn Policy>);

impl RequestPolicy {
    /// Makes the extension.
    pub fn new(policy: impl Policy + 'static) -> Self {
        Self(Arc::new(policy))
    }
}

impl std::fmt::Debug for RequestPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestPolicy").finish_non_exhaustive()
    }
}

/// Returns whether `policy` is asked about responses with `status`.
pub(crate) fn is_asked(policy: &(impl Policy + ?Sized), status: StatusCode) -> bool {
    method::is_redirect(status) || policy.claims(status)
}

macro_rules! forward {
    ($(<$p:ident> $type:ty),* $(,)?) => {$(
        impl<$p: Policy + ?Sized> Policy for $type {
            fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
                (**self).redirect(attempt)
            }

            fn claims(&self, status: StatusCode) -> bool {
                (**self).claims(status)
            }

            fn expect(&self, request: &request::Parts) -> ExpectSupport {
                (**self).expect(request)
            }

            fn recall(&self, request: &mut Outgoing<'_>) -> Recall {
                (**self).recall(request)
            }

            fn admit(&self, request: &mut Outgoing<'_>) -> Admission {
                (**self).admit(request)
            }

            fn concluded(&self, exchange: &mut Exchange<'_>) {
                (**self).concluded(exchange);
            }
        }
    )*};
}

forward!(<P> &P, <P> Box<P>, <P> Arc<P>);

/// A policy can be chosen at run time.
const _: fn(Box<dyn Policy>) = |_| {};

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::{Extensions, Request};

    use super::*;
    use crate::Target;

    /// Claims 400 and counts how often its hooks are called.
    #[derive(Default)]
    struct Spy {
        asked: AtomicUsize,
        recalled: AtomicUsize,
        admitted: AtomicUsize,
        concluded: AtomicUsize,
    }

    impl Policy for Spy {
        fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
            self.asked.fetch_add(1, Ordering::SeqCst);
            Decision::Pass.into()
        }

        fn claims(&self, status: StatusCode) -> bool {
            status == StatusCode::BAD_REQUEST
        }

        fn expect(&self, request: &request::Parts) -> ExpectSupport {
            if request.uri.host() == Some("a.test") {
                ExpectSupport::Decides
            } else {
                ExpectSupport::Unknown
            }
        }

        fn recall(&self, _: &mut Outgoing<'_>) -> Recall {
            self.recalled.fetch_add(1, Ordering::SeqCst);
            Recall::Retract
        }

        fn admit(&self, _: &mut Outgoing<'_>) -> Admission {
            self.admitted.fetch_add(1, Ordering::SeqCst);
            Admission::refuse("no")
        }

        fn concluded(&self, exchange: &mut Exchange<'_>) {
            self.concluded.fetch_add(1, Ordering::SeqCst);
            exchange.retract();
        }
    }

    /// A forgotten hook would silently switch off what a policy does in it.
    #[test]
    fn every_wrapper_and_combinator_forwards_every_hook() {
        let spy = Arc::new(Spy::default());
        let shared = || Arc::clone(&spy);
        let wrapped: [(&str, Box<dyn Policy>); 8] = [
            ("Arc", Box::new(shared())),
            ("Box", Box::new(Box::new(shared()))),
            ("Box<dyn>", Box::new(Box::new(shared()) as Box<dyn Policy>)),
            ("&", Box::new(&*Box::leak(Box::new(shared())))),
            ("and, first", Box::new(shared().and(Decision::Follow))),
            ("and, second", Box::new(Decision::Follow.and(shared()))),
            ("or, first", Box::new(shared().or(Decision::Follow))),
            ("or, second", Box::new(Decision::Pass.or(shared()))),
        ];
        for (calls, (name, policy)) in wrapped.iter().enumerate() {
            assert!(policy.claims(StatusCode::BAD_REQUEST), "{name}");
            assert!(!policy.claims(StatusCode::NOT_FOUND), "{name}");
            for (host, known) in
                [("a.test", ExpectSupport::Decides), ("b.test", ExpectSupport::Unknown)]
            {
                let (head, ()) =
                    Request::put(format!("http://{host}/")).body(()).unwrap().into_parts();
                assert_eq!(policy.expect(&head), known, "{name}: {host}");
            }
            let mut claimed = AttemptBuilder::redirect("http://a.test/", 400, "/x");
            let _ = policy.redirect(&mut claimed.attempt());
            assert_eq!(spy.asked.load(Ordering::SeqCst), calls + 1, "{name}");

            let (head, ()) = Request::new(()).into_parts();
            let mut state = Extensions::new();
            let recall = policy.recall(&mut Outgoing::new(&head, &mut state));
            assert!(matches!(recall, Recall::Retract), "{name}");
            assert_eq!(spy.recalled.load(Ordering::SeqCst), calls + 1, "{name}");
            let admission = policy.admit(&mut Outgoing::new(&head, &mut state));
            assert!(matches!(admission, Admission::Refused(_)), "{name}");
            assert_eq!(spy.admitted.load(Ordering::SeqCst), calls + 1, "{name}");
            let error = std::io::Error::other("down");
            let mut exchange = Exchange::new(&head, Err(&error), &mut state);
            policy.concluded(&mut exchange);
            assert_eq!(exchange.recalled(), Recalled::Retracted, "{name}");
            assert_eq!(spy.concluded.load(Ordering::SeqCst), calls + 1, "{name}");
        }
    }

    #[test]
    fn of_two_policies_the_first_that_remembers_is_believed() {
        struct Knows(&'static str);

        impl Policy for Knows {
            fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
                Decision::Pass.into()
            }

            fn recall(&self, _: &mut Outgoing<'_>) -> Recall {
                let target = Target::new(http::Uri::from_static(self.0), None).unwrap();
                Recall::Redirect(Remembered::new(StatusCode::PERMANENT_REDIRECT, target))
            }
        }

        let knows = |policy: &dyn Policy| {
            let (head, ()) = Request::new(()).into_parts();
            let mut state = Extensions::new();
            match policy.recall(&mut Outgoing::new(&head, &mut state)) {
                Recall::Redirect(remembered) => remembered.target.uri().to_string(),
                recall => format!("{recall:?}"),
            }
        };
        let (b, c) = ("http://b.test/", "http://c.test/");
        assert_eq!(knows(&Knows(b).and(Knows(c))), b);
        assert_eq!(knows(&Standard.and(Knows(c))), c);
        assert_eq!(knows(&Knows(b).or(Knows(c))), b);
        assert_eq!(knows(&Standard.or(Knows(c))), c);
        assert_eq!(knows(&Standard.or(Standard)), "Nothing");
    }

    /// `Follow` is about redirects: it has nothing to say of what only its neighbour claims.
    #[test]
    fn a_policy_is_not_asked_about_what_it_does_not_claim() {
        let policy = Standard.and(Spy::default());
        let mut claimed = AttemptBuilder::redirect("http://a.test/", 400, "/x");
        let verdict = policy.redirect(&mut claimed.attempt());
        assert!(matches!(verdict, Verdict::Decided(Decision::Pass)));
    }
}
