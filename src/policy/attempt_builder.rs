//! Attempts without a client, to test policies with.

use std::{fmt, time::Duration};

use http::{Extensions, Method, Request, Response, StatusCode, Uri, header, request, response};

use super::attempt::{Attempt, CallFacts, Proposal};
use crate::{
    body::Resend,
    history::{ChosenBy, Hop, Recorded, Source},
    rules::{
        location::LocationLimit,
        method::MethodRules,
        next::Secrets,
        target::{Target, redacted},
    },
};

/// Makes [`Attempt`]s, to test a policy without a client.
///
/// ```
/// use http::{Request, Response, header::LOCATION};
/// use tower_follow_redirect::policy::{AttemptBuilder, Decision, HttpsOnly, Policy, Verdict};
///
/// let request = Request::put("https://a.test/x").body(())?;
/// let response = Response::builder().status(307).header(LOCATION, "http://a.test/").body(())?;
/// let mut redirect = AttemptBuilder::new(request, response);
/// let verdict = HttpsOnly.redirect(&mut redirect.attempt());
/// assert!(matches!(verdict, Verdict::Decided(Decision::Fail(_))));
/// # Ok::<(), http::Error>(())
/// ```
pub struct AttemptBuilder {
    request: request::Parts,
    response: response::Parts,
    proposal: Proposal,
    resend: Resend,
    hops: Vec<Hop>,
    peeked: Option<Vec<u8>>,
    source: Source,
    call_state: Extensions,
}

impl AttemptBuilder {
    /// Makes the attempt of a request without content and the response to it.
    pub fn new(request: Request<()>, response: Response<()>) -> Self {
        let (request, ()) = request.into_parts();
        let (response, ()) = response.into_parts();
        let (rules, limit) = (MethodRules::default(), LocationLimit::default());
        let proposal = Proposal::new(&request, None, &response, &rules, limit);
        Self {
            request,
            response,
            proposal,
            resend: Resend::NoContent,
            hops: Vec::new(),
            peeked: None,
            source: Source::Server,
            call_state: Extensions::new(),
        }
    }

    /// Makes the attempt of a GET that is redirected.
    ///
    /// # Panics
    ///
    /// Panics if `from` is no URI, `status` is no status, or `location` no header value.
    pub fn redirect(from: &str, status: u16, location: &str) -> Self {
        let request = Request::get(from).body(()).expect("`from` is a URI");
        let response = Response::builder().status(status).header(header::LOCATION, location);
        Self::new(request, response.body(()).expect("a status and a header value"))
    }

    /// Sets whether the content can be sent again.
    #[must_use]
    pub fn resend(mut self, resend: Resend) -> Self {
        self.resend = resend;
        self
    }

    /// Adds a redirect that was followed before, after those that were added already.
    ///
    /// # Panics
    ///
    /// Panics if `uri` is neither `http` nor `https`.
    #[must_use]
    pub fn hop(mut self, method: Method, uri: Uri, status: StatusCode) -> Self {
        let requested = Target::new(uri, None).expect("an http or https URI");
        let (source, elapsed, recorded) = (Source::Server, Duration::ZERO, Recorded::default());
        let chosen_by = ChosenBy::Server;
        self.hops.push(Hop { method, requested, status, source, elapsed, chosen_by, recorded });
        self
    }

    /// Sets what was read of the response body.
    #[must_use]
    pub fn peeked(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.peeked = Some(body.into());
        self
    }

    /// Makes it a redirect that is remembered from an earlier call.
    #[must_use]
    pub fn from_cache(mut self) -> Self {
        self.source = Source::Memory;
        self
    }

    /// Returns the attempt.
    pub fn attempt(&mut self) -> Attempt<'_> {
        let call = CallFacts {
            hops: &self.hops,
            secrets: Secrets::default(),
            peeked: self.peeked.as_deref(),
            source: self.source,
            call_state: &mut self.call_state,
        };
        Attempt::new(&self.request, &self.response, &self.proposal, self.resend, call)
    }
}

impl fmt::Debug for AttemptBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttemptBuilder")
            .field("method", &self.request.method)
            .field("uri", &format_args!("{}", redacted(&self.request.uri)))
            .field("status", &self.response.status)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        let request = Request::get("https://u:secret@a.test/x?sig=secret")
            .header(header::AUTHORIZATION, "secret")
            .body(());
        let response = Response::builder()
            .status(302)
            .header(header::LOCATION, "https://b.test/y?sig=secret")
            .header(header::SET_COOKIE, "secret")
            .body(());
        let mut redirect = AttemptBuilder::new(request.unwrap(), response.unwrap()).hop(
            Method::GET,
            Uri::from_static("http://a.test/?secret"),
            StatusCode::FOUND,
        );
        let mut shown = format!("{redirect:?}");
        let mut attempt = redirect.attempt();
        attempt.set_header(header::COOKIE, HeaderValue::from_static("secret"));
        shown += &format!("{attempt:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("https://b.test/y?…"), "{shown}");
    }
}
