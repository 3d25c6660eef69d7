//! `--trace`: a line of JSON per hop, and one with the outcome.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use http::{StatusCode, Uri};
use serde::Serialize;
use tower_follow_redirect::{Hop, rules::location};

use crate::{
    cli::Cli,
    failure::Failure,
    report::{Report, is_redirected},
    request,
    wire::Exchange,
};

/// Where the lines go, and how much they tell.
pub(crate) struct Trace {
    path: PathBuf,
    sink: Box<dyn Write>,
    queries: Queries,
}

/// Whether queries, which may hold a signature, are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queries {
    Show,
    Redact,
}

/// One request that was sent, or a redirect that was remembered.
#[derive(Debug, Serialize)]
struct HopLine<'a> {
    hop: usize,
    method: &'a str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    from_cache: bool,
    body_bytes_sent: u64,
    ms: f64,
}

/// What came of a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Decision {
    /// Its redirect was followed.
    Follow,
    /// It was sent once more, without `Expect`.
    Repeat,
    /// A remembered redirect had led to it, and was taken back.
    FallBack,
    /// Its response was handed back.
    Return,
    /// Its redirect was refused, which was an error.
    Refuse,
    /// There was no response.
    Fail,
}

/// What came of all.
#[derive(Debug, Serialize)]
struct OutcomeLine<'a> {
    outcome: Outcome,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    redirects: usize,
    connects: u64,
    body_bytes_sent: u64,
    ms: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Response,
    Refused,
    Error,
}

impl Trace {
    /// Opens the file that `--trace` names.
    pub(crate) fn open(cli: &Cli) -> Result<Option<Self>, Failure> {
        let Some(path) = cli.trace.clone() else { return Ok(None) };
        let sink: Box<dyn Write> = if path == Path::new("-") {
            Box::new(io::stdout())
        } else {
            let file = File::create(&path);
            Box::new(file.map_err(|error| Failure::write(&path.display(), &error))?)
        };
        let queries = if cli.verbose { Queries::Show } else { Queries::Redact };
        Ok(Some(Self { path, sink, queries }))
    }

    /// Returns whether the lines go where responses may go, too.
    pub(crate) fn is_on_stdout(&self) -> bool {
        self.path == Path::new("-")
    }

    /// Writes the lines of one URL.
    pub(crate) fn write(
        &mut self,
        report: &Report,
        failure: Option<&Failure>,
    ) -> Result<(), Failure> {
        let result = self.write_lines(report, failure);
        result.map_err(|error| Failure::write(&self.path.display(), &error))
    }

    fn write_lines(&mut self, report: &Report, failure: Option<&Failure>) -> io::Result<()> {
        let outcome = outcome(report, failure);
        for line in self.hops(report, outcome, failure) {
            self.line(&line)?;
        }
        self.line(&OutcomeLine {
            outcome,
            url: self.shown(&report.url),
            status: report.status.map(|status| status.as_u16()),
            reason: reason(report, failure),
            error: failure.map(Failure::line),
            redirects: report.redirects,
            connects: report.connects,
            body_bytes_sent: report.uploaded(),
            ms: milliseconds(report.elapsed),
        })?;
        self.sink.flush()
    }

    /// Returns a line for every exchange, and between them those of remembered redirects.
    fn hops<'a>(
        &self,
        report: &'a Report,
        outcome: Outcome,
        failure: Option<&'a Failure>,
    ) -> Vec<HopLine<'a>> {
        let mut lines = Vec::new();
        let history = report.history.as_ref().map_or(&[][..], |history| history.hops());
        let mut history = history.iter().peekable();
        let mut exchanges = report.exchanges.iter().peekable();
        while let Some(exchange) = exchanges.next() {
            while let Some(hop) = history.next_if(|hop| hop.is_from_cache()) {
                lines.push(self.remembered(lines.len(), hop, &exchange.uri));
            }
            let next = exchanges.peek().map(|next| &next.uri);
            let mut line = self.exchanged(lines.len(), exchange, next);
            if next.is_none() {
                line.decision = match outcome {
                    Outcome::Response => Decision::Return,
                    Outcome::Refused => Decision::Refuse,
                    Outcome::Error => Decision::Fail,
                };
                line.reason = reason(report, failure);
            } else if line.decision == Decision::Follow {
                history.next();
            }
            lines.push(line);
        }
        lines
    }

    fn remembered<'a>(&self, number: usize, hop: &'a Hop, next: &Uri) -> HopLine<'a> {
        HopLine {
            hop: number,
            method: hop.method().as_str(),
            url: self.shown(&hop.uri().to_string()),
            status: Some(hop.status().as_u16()),
            target: Some(self.shown(&next.to_string())),
            decision: Decision::Follow,
            reason: None,
            from_cache: true,
            body_bytes_sent: 0,
            ms: milliseconds(hop.elapsed()),
        }
    }

    fn exchanged<'a>(
        &self,
        number: usize,
        exchange: &'a Exchange,
        next: Option<&Uri>,
    ) -> HopLine<'a> {
        let status = exchange.answer.as_ref().map(|answer| answer.status);
        let decision = match status {
            Some(StatusCode::EXPECTATION_FAILED) => Decision::Repeat,
            _ if is_redirected(exchange) => Decision::Follow,
            _ => Decision::FallBack,
        };
        let target = match next {
            Some(next) => Some(next.clone()),
            None => named_target(exchange),
        };
        HopLine {
            hop: number,
            method: exchange.method.as_str(),
            url: self.shown(&exchange.uri.to_string()),
            status: status.map(|status| status.as_u16()),
            target: target.map(|target| self.shown(&target.to_string())),
            decision,
            reason: None,
            from_cache: false,
            body_bytes_sent: exchange.sent(),
            ms: milliseconds(exchange.elapsed()),
        }
    }

    fn shown(&self, url: &str) -> String {
        match self.queries {
            Queries::Show => url.into(),
            Queries::Redact => request::redacted(url),
        }
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.sink.write_all(&text)
    }
}

/// Returns where a redirect leads that nobody followed.
fn named_target(exchange: &Exchange) -> Option<Uri> {
    let answer = exchange.answer.as_ref().filter(|answer| answer.status.is_redirection())?;
    let target = location::target(&exchange.uri, None, &answer.headers).ok()?;
    Some(target.uri().clone())
}

fn outcome(report: &Report, failure: Option<&Failure>) -> Outcome {
    match (failure, &report.stop_reason) {
        (None, _) => Outcome::Response,
        (Some(failure), Some(_)) if !failure.is_timeout() => Outcome::Refused,
        (Some(_), _) => Outcome::Error,
    }
}

fn reason<'a>(report: &'a Report, failure: Option<&Failure>) -> Option<&'a str> {
    match failure {
        Some(failure) if failure.is_timeout() => Some("timeout"),
        Some(_) => Some(report.stop_reason.unwrap_or("transport")),
        None => report.stop_reason,
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
