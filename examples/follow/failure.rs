//! Why a URL was not fetched: one line for a person, and an exit code.

use std::{error::Error as _, fmt::Display, io::Write, process::ExitCode};

use http_body::Body;
use tower_follow_redirect::{Error, Refusal, RefusalKind};

use crate::{
    colour::{BAD, Colours},
    report::refused,
};

/// An exit code, curl's where curl has one, and the line that explains it.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    line: String,
}

impl Failure {
    /// A flag, or a value of one, that cannot be used.
    pub(crate) fn usage(line: impl Into<String>) -> Self {
        Self { code: 2, line: line.into() }
    }

    /// A URL that cannot be requested.
    pub(crate) fn url(line: impl Into<String>) -> Self {
        Self { code: 3, line: line.into() }
    }

    /// A response that ended too early.
    pub(crate) fn response_body(url: &str, error: &dyn std::error::Error) -> Self {
        Self { code: 18, line: format!("the response of {url} broke off: {}", chain(error)) }
    }

    /// A file, or standard output, that cannot be written.
    pub(crate) fn write(to: &dyn Display, error: &std::io::Error) -> Self {
        Self { code: 23, line: format!("cannot write {to}: {error}") }
    }

    /// A file that cannot be read.
    pub(crate) fn read(from: &dyn Display, error: &std::io::Error) -> Self {
        Self { code: 26, line: format!("cannot read {from}: {error}") }
    }

    /// `--max-time` is over.
    pub(crate) fn timeout(url: &str, seconds: f64) -> Self {
        Self { code: 28, line: format!("timeout: {url} took more than {seconds} s") }
    }

    /// The redirect layer's error: a refusal of whatever kind, or the transport's failure.
    pub(crate) fn call<R: Body + 'static>(error: &Error<R>) -> Self {
        let code = refused(error).map_or(7, code);
        Self { code, line: error.refusal().map_or_else(|| chain(error), refusal_line) }
    }

    pub(crate) fn is_timeout(&self) -> bool {
        self.code == 28
    }

    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    pub(crate) fn code(&self) -> ExitCode {
        self.code.into()
    }

    /// Prints the line. Where standard error is gone, nobody reads it.
    pub(crate) fn print(&self) {
        let name = Colours::of_stderr().paint(BAD, "follow:");
        let _ = writeln!(std::io::stderr(), "{name} {}", self.line);
    }
}

fn code(kind: RefusalKind) -> u8 {
    match kind {
        RefusalKind::Scheme => 1,
        RefusalKind::BadLocation => 3,
        RefusalKind::BodyNotReplayable => 65,
        // All others end a chain of redirects, as too many of them do.
        _ => 47,
    }
}

/// A refusal says its own cause in some cases; in the others it is added.
pub(crate) fn refusal_line(refusal: &Refusal) -> String {
    let line = refusal.to_string();
    match refusal.source().map(chain) {
        Some(cause) if !line.contains(&cause) => format!("{line}: {cause}"),
        _ => line,
    }
}

/// An error and its sources, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text.replace('\n', " ")
}
