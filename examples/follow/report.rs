//! What became of one URL.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header, response};
use http_body::Body;
use tower_follow_redirect::{Error, History, Refusal, RefusalKind, policy::private::NotPublic};

use crate::{request::Target, wire::Exchange};

/// What became of one URL: what `-w` prints, and `--trace` writes.
#[derive(Debug)]
pub(crate) struct Report {
    /// The URL that was requested last.
    pub(crate) url: String,
    /// The response's status, if one came.
    pub(crate) status: Option<StatusCode>,
    /// How many redirects were followed.
    pub(crate) redirects: usize,
    /// How many connections were opened.
    pub(crate) connects: u64,
    /// Where a redirect that was not followed leads to.
    pub(crate) redirect_url: Option<String>,
    /// Why it was not followed.
    pub(crate) stop_reason: Option<&'static str>,
    pub(crate) elapsed: Duration,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) history: Option<History>,
}

/// What the redirect layer says of one URL.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Of the response that came, or that was refused.
    status: Option<StatusCode>,
    history: Option<History>,
    refusal: Option<Refusal>,
    /// Where the response leads to, in its own words.
    location: Option<String>,
    /// Why the last redirect was not followed, or the last request not sent.
    reason: Option<RefusalKind>,
}

impl Known {
    pub(crate) fn of_response(head: &response::Parts) -> Self {
        let history = head.extensions.get().cloned();
        let refusal: Option<Refusal> = head.extensions.get().cloned();
        let reason = refusal.as_ref().map(Refusal::kind);
        let location = location(&head.headers);
        Self { status: Some(head.status), history, refusal, location, reason }
    }

    pub(crate) fn of_error<R: Body + 'static>(error: Error<R>) -> Self {
        let (history, refusal) = (error.history().cloned(), error.refusal().cloned());
        let reason = refused(&error);
        let response = error.into_response();
        let status = response.as_ref().map(|response| response.status());
        let location = response.and_then(|response| location(response.headers()));
        Self { status, history, refusal, location, reason }
    }
}

/// Returns why an error is a refusal: of a redirect, of a request, or of a connection.
pub(crate) fn refused<R: Body + 'static>(error: &Error<R>) -> Option<RefusalKind> {
    match (error.refusal(), error.not_admitted()) {
        (Some(refusal), _) => Some(refusal.kind()),
        (None, Some(failure)) => Some(failure.kind()),
        (None, None) => NotPublic::of(error).map(|_| RefusalKind::Policy),
    }
}

impl Report {
    /// Puts together what is known.
    pub(crate) fn new(
        target: &Target,
        known: &Known,
        exchanges: Vec<Exchange>,
        connects: u64,
        elapsed: Duration,
    ) -> Self {
        let Known { status, history, refusal, location, reason } = known;
        let (status, history, refusal) = (*status, history.clone(), refusal.as_ref());
        let url = match (&history, &*exchanges) {
            (Some(history), _) => history.effective_url(),
            (None, [.., last]) if last.uri != target.uri => last.uri.to_string(),
            (None, _) => target.url(),
        };
        Self {
            // What is no target is shown as it came, as curl does.
            redirect_url: refusal
                .and_then(|refusal| refusal.target().map(url_of).or_else(|| location.clone())),
            status,
            redirects: match &history {
                Some(history) => history.hops().len(),
                None => exchanges.iter().rev().skip(1).filter(|e| is_redirected(e)).count(),
            },
            stop_reason: reason.map(RefusalKind::as_str),
            url,
            connects,
            elapsed,
            exchanges,
            history,
        }
    }

    /// Returns how many bytes of content have left, over all hops.
    pub(crate) fn uploaded(&self) -> u64 {
        self.exchanges.iter().map(Exchange::sent).sum()
    }
}

/// Returns whether an exchange that another one followed was redirected: not repeated, and not taken
/// back because a remembered redirect had led astray.
pub(crate) fn is_redirected(exchange: &Exchange) -> bool {
    let is_astray = |status| {
        matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::MISDIRECTED_REQUEST)
    };
    exchange.answer.as_ref().is_some_and(|answer| {
        answer.status != StatusCode::EXPECTATION_FAILED && !is_astray(answer.status)
    })
}

fn location(headers: &HeaderMap) -> Option<String> {
    headers
        .get(header::LOCATION)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Writes a target with its fragment.
fn url_of(target: &tower_follow_redirect::Target) -> String {
    match target.fragment() {
        Some(fragment) => format!("{}#{fragment}", target.uri()),
        None => target.uri().to_string(),
    }
}
