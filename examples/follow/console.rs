//! `-v`: what happens, on standard error, for a person.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version, header};
use tower_follow_redirect::rules::credentials::is_credential;

use crate::cli::Cli;

/// From so many bytes on an upload shows its progress.
const LARGE: u64 = 1 << 20;

/// How often progress is shown.
const TICK: Duration = Duration::from_millis(100);

/// Standard error, where it was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Console(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    secret: Vec<HeaderName>,
    is_terminal: bool,
    /// When the line of progress that stands there was drawn.
    drawn: Mutex<Option<Instant>>,
}

impl Console {
    pub(crate) fn new(cli: &Cli) -> Self {
        let inner = || Inner {
            secret: cli.sensitive_header.clone(),
            is_terminal: stderr().is_terminal(),
            drawn: Mutex::default(),
        };
        Self(cli.verbose.then(|| Arc::new(inner())))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Shows the head of a request.
    pub(crate) fn request(&self, version: Version, request: &Request<()>) {
        let Some(inner) = &self.0 else { return };
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let mut lines = format!("> {} {path} {version:?}\n", request.method());
        if let (Some(authority), false) =
            (request.uri().authority(), request.headers().contains_key(header::HOST))
        {
            lines += &format!("> host: {authority}\n");
        }
        lines += &inner.fields('>', request.headers());
        inner.print(&lines);
    }

    /// Shows the head of a response.
    pub(crate) fn response(&self, status: StatusCode, version: Version, headers: &HeaderMap) {
        let Some(inner) = &self.0 else { return };
        inner.print(&format!("< {version:?} {status}\n{}", inner.fields('<', headers)));
    }

    /// Shows an informational response.
    pub(crate) fn informational(&self, response: &Response<()>) {
        self.response(response.status(), response.version(), response.headers());
    }

    /// Says something that neither side has said.
    pub(crate) fn note(&self, line: &str) {
        let Some(inner) = &self.0 else { return };
        inner.print(&format!("* {line}\n"));
    }

    /// Shows how much of an upload has left.
    pub(crate) fn progress(&self, sent: u64, total: Option<u64>) {
        let Some(inner) = &self.0 else { return };
        if inner.is_terminal && total.unwrap_or(sent) > LARGE {
            inner.draw(sent, total);
        }
    }
}

impl Inner {
    fn fields(&self, mark: char, headers: &HeaderMap) -> String {
        let fields = headers.iter().map(|(name, value)| {
            let value = self.shown(name, value);
            format!("{mark} {name}: {value}\n")
        });
        fields.chain([format!("{mark}\n")]).collect()
    }

    fn shown<'a>(&self, name: &HeaderName, value: &'a HeaderValue) -> std::borrow::Cow<'a, str> {
        // What a server asks for, and where a page is, are no secrets of this program's user.
        let is_public = [header::WWW_AUTHENTICATE, header::PROXY_AUTHENTICATE, header::REFERER];
        let is_secret = is_credential(name, value) && !is_public.contains(name)
            || *name == header::SET_COOKIE
            || self.secret.contains(name);
        if is_secret { "[redacted]".into() } else { String::from_utf8_lossy(value.as_bytes()) }
    }

    fn print(&self, lines: &str) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let clear = if drawn.take().is_some() { "\r\x1b[K" } else { "" };
        // Where standard error is gone, nobody looks.
        let _ = write!(stderr(), "{clear}{lines}");
    }

    fn draw(&self, sent: u64, total: Option<u64>) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let is_last = total == Some(sent);
        if drawn.is_some_and(|drawn| drawn.elapsed() < TICK) && !is_last {
            return;
        }
        *drawn = Some(Instant::now());
        let _ = write!(stderr(), "\r\x1b[K* uploaded {}", amount(sent, total));
    }
}

fn amount(sent: u64, total: Option<u64>) -> String {
    let mib = |bytes: u64| bytes as f64 / LARGE as f64;
    match total {
        Some(total) => {
            let percent = sent * 100 / total.max(1);
            format!("{:.1} of {:.1} MiB ({percent} %)", mib(sent), mib(total))
        }
        None => format!("{:.1} MiB", mib(sent)),
    }
}
