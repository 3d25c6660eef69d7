//! What came of a request.

use std::{cell::OnceCell, error::Error, fmt};

use http::{Extensions, Method, Uri, request, response};

use crate::{head::Head, history::Hop, rules::target::redacted};

/// What came of one request of a call, as [`Policy::concluded`](super::Policy::concluded) sees it.
///
/// ```
/// use http::{Extensions, Request, Response};
/// use tower_follow_redirect::policy::Exchange;
///
/// // To test what a policy makes of it.
/// let (request, ()) = Request::get("http://a.test/").body(())?.into_parts();
/// let (response, ()) = Response::builder().status(404).body(())?.into_parts();
/// let mut call_state = Extensions::new();
/// let exchange = Exchange::new(&request, Ok(&response), &mut call_state);
/// assert_eq!(exchange.uri(), "http://a.test/");
/// assert!(exchange.outcome().is_ok_and(|response| response.status == 404));
/// assert!(exchange.followed_to().is_none());
/// # Ok::<(), http::Error>(())
/// ```
pub struct Exchange<'a> {
    sent: Sent<'a>,
    request: OnceCell<request::Parts>,
    outcome: Outcome<'a>,
    followed_to: Option<&'a Uri>,
    hops: &'a [Hop],
    call_state: &'a mut Extensions,
    recalled: Recalled,
}

/// The response, or the error of the inner service.
pub(crate) type Outcome<'a> = Result<&'a response::Parts, &'a (dyn Error + Send + Sync + 'static)>;

/// The request, which is made anew only if somebody asks.
#[derive(Clone, Copy)]
pub(crate) enum Sent<'a> {
    Head(&'a Head),
    Whole(&'a request::Parts),
}

/// What becomes of the remembered redirects that led to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recalled {
    Stands,
    Retracted,
}

impl<'a> Exchange<'a> {
    /// Makes the exchange that a call ends with, to test a policy with.
    pub fn new(
        request: &'a request::Parts,
        outcome: Result<&'a response::Parts, &'a (dyn Error + Send + Sync + 'static)>,
        call_state: &'a mut Extensions,
    ) -> Self {
        Self::of(Sent::Whole(request), outcome, None, &[], call_state)
    }

    /// Makes it one that leads to another request.
    #[must_use]
    pub fn leading_to(mut self, uri: &'a Uri) -> Self {
        self.followed_to = Some(uri);
        self
    }

    pub(crate) fn of(
        sent: Sent<'a>,
        outcome: Outcome<'a>,
        followed_to: Option<&'a Uri>,
        hops: &'a [Hop],
        call_state: &'a mut Extensions,
    ) -> Self {
        let request = OnceCell::new();
        Self { sent, request, outcome, followed_to, hops, call_state, recalled: Recalled::Stands }
    }

    /// Returns the method of the request.
    pub fn method(&self) -> &'a Method {
        match self.sent {
            Sent::Head(head) => head.method(),
            Sent::Whole(request) => &request.method,
        }
    }

    /// Returns the URI of the request.
    pub fn uri(&self) -> &'a Uri {
        match self.sent {
            Sent::Head(head) => head.uri(),
            Sent::Whole(request) => &request.uri,
        }
    }

    /// Returns the head of the request, with the caller's extensions as far as they have come along.
    ///
    /// A call keeps its request as one flat copy; the head is made anew when this is first called.
    pub fn request(&self) -> &request::Parts {
        match self.sent {
            Sent::Whole(request) => request,
            Sent::Head(head) => self.request.get_or_init(|| head.to_parts()),
        }
    }

    /// Returns the caller's extensions, as far as they have come along.
    pub fn extensions(&self) -> &'a Extensions {
        match self.sent {
            Sent::Head(head) => head.extensions(),
            Sent::Whole(request) => &request.extensions,
        }
    }

    /// Returns the head of the response, or the error of the inner service.
    ///
    /// # Errors
    ///
    /// Fails if the inner service did: there was no response.
    pub fn outcome(&self) -> Result<&'a response::Parts, &'a (dyn Error + Send + Sync + 'static)> {
        self.outcome
    }

    /// Returns the URI of the next request, if the response is a redirect that is followed. If not, the
    /// call ends with this exchange.
    pub fn followed_to(&self) -> Option<&'a Uri> {
        self.followed_to
    }

    /// Returns the redirects that were followed before, remembered ones too, in order.
    pub fn hops(&self) -> &'a [Hop] {
        self.hops
    }

    /// Returns what policies remember during this call; see
    /// [`Attempt::call_state`](super::Attempt::call_state).
    pub fn call_state(&mut self) -> &mut Extensions {
        self.call_state
    }

    /// Takes back the remembered redirects that led to this request: the request that they began with
    /// is sent, to its own URI, and nothing is recalled in this call any more.
    ///
    /// It does nothing where no remembered redirect led here, where the exchange leads to another
    /// request, and where the content cannot be sent again.
    pub fn retract(&mut self) {
        self.recalled = Recalled::Retracted;
    }

    pub(crate) fn recalled(&self) -> Recalled {
        self.recalled
    }
}

/// Shows neither header values nor queries: both may be secret.
impl fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("method", self.method())
            .field("uri", &format_args!("{}", redacted(self.uri())))
            .field("status", &self.outcome.map(|response| response.status).ok())
            .field("followed_to", &self.followed_to.map(|uri| redacted(uri).to_string()))
            .field("hops", &self.hops)
            .finish_non_exhaustive()
    }
}
