//! What became of one URL.

use std::time::Duration;

use http::{StatusCode, response};
use tower_follow_redirect::{History, Refusal};

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

impl Report {
    /// Puts together what is known: `head` is the response that came, or that was refused.
    pub(crate) fn new(
        target: &Target,
        head: Option<&response::Parts>,
        exchanges: Vec<Exchange>,
        connects: u64,
        elapsed: Duration,
    ) -> Self {
        let history = head.and_then(|head| head.extensions.get::<History>()).cloned();
        let refusal = head.and_then(|head| head.extensions.get::<Refusal>());
        let url = match (&history, &*exchanges) {
            (Some(history), _) => history.effective_url(),
            (None, [.., last]) if last.uri != target.uri => last.uri.to_string(),
            (None, _) => target.url(),
        };
        Self {
            redirect_url: refusal.and_then(Refusal::target).map(url_of),
            status: head.map(|head| head.status),
            redirects: match &history {
                Some(history) => history.hops().len(),
                None => exchanges.iter().rev().skip(1).filter(|e| is_redirected(e)).count(),
            },
            stop_reason: refusal.map(|refusal| refusal.kind().as_str()),
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

/// Returns whether an exchange that another one followed was redirected, and not repeated.
pub(crate) fn is_redirected(exchange: &Exchange) -> bool {
    exchange.answer.as_ref().is_some_and(|answer| answer.status != StatusCode::EXPECTATION_FAILED)
}

/// Writes a target with its fragment.
fn url_of(target: &tower_follow_redirect::Target) -> String {
    match target.fragment() {
        Some(fragment) => format!("{}#{fragment}", target.uri()),
        None => target.uri().to_string(),
    }
}
