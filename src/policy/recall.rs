//! What a policy remembers of where a request must go.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Extensions, HeaderValue, Response, StatusCode, header, request};

use crate::{
    history::Hop,
    rules::target::{Target, redacted},
};

/// A request that is about to be sent, as [`Policy::recall`](super::Policy::recall) and
/// [`Policy::admit`](super::Policy::admit) see it.
///
/// ```
/// use http::{Extensions, Request};
/// use tower_follow_redirect::policy::Outgoing;
///
/// // To test what a policy says of it.
/// let (request, ()) = Request::get("http://a.test/").body(())?.into_parts();
/// let mut call_state = Extensions::new();
/// let outgoing = Outgoing::new(&request, &mut call_state);
/// assert_eq!(outgoing.request().uri, "http://a.test/");
/// assert!(outgoing.hops().is_empty());
/// # Ok::<(), http::Error>(())
/// ```
pub struct Outgoing<'a> {
    request: &'a request::Parts,
    hops: &'a [Hop],
    call_state: &'a mut Extensions,
}

impl<'a> Outgoing<'a> {
    /// Makes the first request of a call, to test a policy with.
    pub fn new(request: &'a request::Parts, call_state: &'a mut Extensions) -> Self {
        Self::of(request, &[], call_state)
    }

    pub(crate) fn of(
        request: &'a request::Parts,
        hops: &'a [Hop],
        call_state: &'a mut Extensions,
    ) -> Self {
        Self { request, hops, call_state }
    }

    /// Returns the head of the request.
    pub fn request(&self) -> &'a request::Parts {
        self.request
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
}

/// Shows neither header values nor queries: both may be secret.
impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("method", &self.request.method)
            .field("uri", &format_args!("{}", redacted(&self.request.uri)))
            .field("hops", &self.hops)
            .finish_non_exhaustive()
    }
}

/// What a policy remembers of where a request must go.
#[derive(Debug)]
#[non_exhaustive]
pub enum Recall {
    /// Nothing: the request is sent.
    Nothing,
    /// It was redirected once, and is redirected again, without being sent.
    Redirect(Remembered),
    /// What led to this request was wrong: the request that the remembered redirects began with is
    /// sent, to its own URI, and nothing is recalled in this call any more.
    Retract,
    /// Wait, and ask again.
    Wait(Recollection),
}

/// A redirect that a policy remembers.
#[derive(Clone, Debug)]
pub struct Remembered {
    status: StatusCode,
    pub(crate) target: Target,
}

impl Remembered {
    /// Makes the redirect of a status and a target, whose fragment is that of the `Location`.
    ///
    /// ```
    /// use http::{StatusCode, Uri};
    /// use tower_follow_redirect::{Target, policy::{Recall, Remembered}};
    ///
    /// let target = Target::new(Uri::from_static("https://b.test/"), None)?;
    /// let recall = Recall::Redirect(Remembered::new(StatusCode::PERMANENT_REDIRECT, target));
    /// # Ok::<(), tower_follow_redirect::rules::location::LocationError>(())
    /// ```
    pub fn new(status: StatusCode, target: Target) -> Self {
        Self { status, target }
    }

    /// Makes what stands for the response that was received once.
    pub(crate) fn response(&self) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = self.status;
        // Every URI is a header value.
        if let Ok(location) = HeaderValue::try_from(self.target.url()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }
}

/// What a policy waits for before a request leaves, such as the answer of a shared store, or of DNS.
///
/// ```
/// use tower_follow_redirect::policy::{Recall, Recollection};
///
/// # async fn load(key: String) {}
/// /// Reads what a store knows into memory, where the policy looks when it is asked again.
/// fn wait_for(key: String) -> Recall {
///     Recall::Wait(Recollection::new(async move { load(key).await }))
/// }
/// ```
pub struct Recollection {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Recollection {
    /// Makes it of a future, which is polled by the task that made the call, and dropped with it.
    ///
    /// What it finds must be where the policy finds it when it is asked again. A policy that waits
    /// every time it is asked never lets the request go.
    pub fn new(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { future: Box::pin(future) }
    }
}

impl Future for Recollection {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.future.as_mut().poll(cx)
    }
}

impl fmt::Debug for Recollection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recollection").finish_non_exhaustive()
    }
}
