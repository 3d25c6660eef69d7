//! `-v`: what happens, on standard error, for a person.

use std::{
    fmt::Display,
    io::{IsTerminal, Write, stderr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version, header};
use tower_follow_redirect::rules::credentials::is_credential;

use crate::{
    cli::Cli,
    colour::{self, BOLD, Colours, FAINT},
};

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
    colours: Colours,
    progress: Mutex<Progress>,
}

/// The line of progress, which is drawn again and again.
#[derive(Debug, Default)]
struct Progress {
    /// When this upload began.
    began: Option<Instant>,
    /// When the line that stands there was drawn.
    drawn: Option<Instant>,
}

/// Goes back to where the line begins, and clears it.
const ANEW: &str = "\r\x1b[K";

impl Console {
    pub(crate) fn new(cli: &Cli) -> Self {
        let inner = || Inner {
            secret: cli.sensitive_header.clone(),
            is_terminal: stderr().is_terminal(),
            colours: Colours::of_stderr(),
            progress: Mutex::default(),
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
        let line = format!("{} {path} {version:?}", request.method());
        let mut lines = inner.line('>', inner.colours.paint(BOLD, line));
        if let (Some(authority), false) =
            (request.uri().authority(), request.headers().contains_key(header::HOST))
        {
            lines += &inner.line('>', format!("host: {authority}"));
        }
        lines += &inner.fields('>', request.headers());
        inner.print(&lines);
        inner.begin();
    }

    /// Shows the head of a response.
    pub(crate) fn response(&self, status: StatusCode, version: Version, headers: &HeaderMap) {
        let Some(inner) = &self.0 else { return };
        let line = inner.colours.paint(colour::of_status(status), format!("{version:?} {status}"));
        inner.print(&(inner.line('<', line) + &inner.fields('<', headers)));
    }

    /// Shows an informational response.
    pub(crate) fn informational(&self, response: &Response<()>) {
        self.response(response.status(), response.version(), response.headers());
    }

    /// Says something that neither side has said.
    pub(crate) fn note(&self, line: &str) {
        let Some(inner) = &self.0 else { return };
        inner.print(&inner.line('*', line));
    }

    /// Clears the line of progress, so that others may write.
    pub(crate) fn clear(&self) {
        let Some(inner) = &self.0 else { return };
        inner.print("");
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
    fn line(&self, mark: char, text: impl Display) -> String {
        format!("{} {text}\n", self.colours.paint(FAINT, mark))
    }

    fn fields(&self, mark: char, headers: &HeaderMap) -> String {
        let fields = headers
            .iter()
            .map(|(name, value)| self.line(mark, format!("{name}: {}", self.shown(name, value))));
        fields.chain([format!("{}\n", self.colours.paint(FAINT, mark))]).collect()
    }

    fn shown<'a>(&self, name: &HeaderName, value: &'a HeaderValue) -> std::borrow::Cow<'a, str> {
        // What a server asks for, and where a page is, are no secrets of this program's user.
        let is_public = [header::WWW_AUTHENTICATE, header::PROXY_AUTHENTICATE, header::REFERER];
        let is_secret = is_credential(name, value) && !is_public.contains(name)
            || *name == header::SET_COOKIE
            || self.secret.contains(name);
        if is_secret { "[redacted]".into() } else { String::from_utf8_lossy(value.as_bytes()) }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) {
        self.progress().began = Some(Instant::now());
    }

    fn print(&self, lines: &str) {
        let clear = if self.progress().drawn.take().is_some() { ANEW } else { "" };
        // Where standard error is gone, nobody looks.
        let _ = write!(stderr(), "{clear}{lines}");
    }

    fn draw(&self, sent: u64, total: Option<u64>) {
        let mut progress = self.progress();
        let is_last = total == Some(sent);
        if progress.drawn.is_some_and(|drawn| drawn.elapsed() < TICK) && !is_last {
            return;
        }
        progress.drawn = Some(Instant::now());
        let took = progress.began.map_or(Duration::ZERO, |began| began.elapsed());
        let amount = amount(sent, total);
        let rate = rate(sent, took);
        let _ = write!(stderr(), "{ANEW}{}", self.line('*', format!("{amount}{rate}")).trim_end());
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1 << 20) as f64
}

fn rate(sent: u64, took: Duration) -> String {
    match took.as_secs_f64() {
        0.0 => String::new(),
        seconds => format!(", {:.1} MiB/s", mib(sent) / seconds),
    }
}

fn amount(sent: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => {
            let percent = sent * 100 / total.max(1);
            format!("uploaded {:.1} of {:.1} MiB ({percent} %)", mib(sent), mib(total))
        }
        None => format!("uploaded {:.1} MiB", mib(sent)),
    }
}
