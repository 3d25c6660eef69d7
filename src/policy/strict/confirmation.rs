//! What whoever confirms a redirect is shown.

use std::fmt;

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, header, request, response};

use crate::{
    policy::Attempt,
    rules::target::{Target, redacted, without_userinfo},
};

/// A redirect that is to be confirmed: both heads, where it leads, and why it is asked about.
///
/// It is written as a question, without queries and userinfo. In the heads, the values of credentials
/// and cookies are `[redacted]`, and the URI of the request has no userinfo.
///
/// ```
/// use tower_follow_redirect::policy::{StrictConfirm, strict::Confirmation};
///
/// /// Within the own domain, a repeated POST is wanted.
/// async fn is_ours(confirmation: Confirmation) -> bool {
///     let host = confirmation.target().uri().host();
///     host.is_some_and(|host| host == "a.test" || host.ends_with(".a.test"))
/// }
///
/// let policy = StrictConfirm::new(is_ours);
/// ```
#[derive(Clone)]
pub struct Confirmation {
    request: request::Parts,
    response: response::Parts,
    next_method: Method,
    target: Target,
    doubts: Vec<Doubt>,
}

/// Why a redirect is asked about.
///
/// ```
/// use tower_follow_redirect::policy::{StrictConfirm, strict::{Consent, Doubt}};
///
/// // Content may go on; who sends it round in circles is stopped.
/// let policy = StrictConfirm::new(|confirmation| async move {
///     match confirmation.doubts().contains(&Doubt::Loop) {
///         true => Consent::No,
///         false => Consent::Yes,
///     }
/// });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Doubt {
    /// The next request is neither GET nor HEAD ([RFC 2616 §10.3]).
    ///
    /// [RFC 2616 §10.3]: https://www.rfc-editor.org/rfc/rfc2616#section-10.3
    Method,
    /// The same was requested before in this chain: it may never end.
    Loop,
    /// More redirects came before than the five that RFC 2068 recommended at most.
    ManyRedirects,
}

/// What a response gives to the client alone.
const COOKIES: [HeaderName; 2] = [header::SET_COOKIE, HeaderName::from_static("set-cookie2")];

/// Puts `[redacted]` in place of those of the fields that are there.
fn redact(headers: &mut HeaderMap, names: impl IntoIterator<Item = HeaderName>) {
    for name in names {
        if headers.contains_key(&name) {
            let mut redacted = HeaderValue::from_static("[redacted]");
            redacted.set_sensitive(true);
            headers.insert(name, redacted);
        }
    }
}

impl Confirmation {
    pub(super) fn of(attempt: &Attempt<'_>, target: Target, doubts: Vec<Doubt>) -> Self {
        let mut request = attempt.request().clone();
        request.uri = without_userinfo(request.uri);
        redact(&mut request.headers, attempt.secret_names());
        let mut response = attempt.response().clone();
        let marked = response.headers.iter().filter(|(_, value)| value.is_sensitive());
        let secret: Vec<_> = marked.map(|(name, _)| name.clone()).chain(COOKIES).collect();
        redact(&mut response.headers, secret);
        // They are for the program, and not for whoever is asked.
        request.extensions = Extensions::new();
        response.extensions = Extensions::new();
        Self { request, response, next_method: attempt.next_method().clone(), target, doubts }
    }

    /// Returns the head of the request that was redirected.
    pub fn request(&self) -> &request::Parts {
        &self.request
    }

    /// Returns the head of the response.
    pub fn response(&self) -> &response::Parts {
        &self.response
    }

    /// Returns the method of the next request.
    pub fn next_method(&self) -> &Method {
        &self.next_method
    }

    /// Returns where the next request would go.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Returns why it is asked about; there is at least one reason.
    pub fn doubts(&self) -> &[Doubt] {
        &self.doubts
    }
}

impl fmt::Display for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, response, next_method, target, doubts } = self;
        let (from, to) = (redacted(&request.uri), redacted(target.uri()));
        write!(f, "{} after {} {from} to {to}", response.status.as_u16(), request.method)?;
        for doubt in doubts {
            match doubt {
                Doubt::Method => {}
                Doubt::Loop => f.write_str(", which was requested before")?,
                Doubt::ManyRedirects => f.write_str(", after many redirects")?,
            }
        }
        write!(f, ": send {next_method} there?")
    }
}

impl fmt::Debug for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Confirmation({:?}: {self})", self.doubts)
    }
}
