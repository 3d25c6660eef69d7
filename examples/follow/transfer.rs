//! One URL after the other, from its request to its report.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::Request;
use tower::{Service as _, ServiceExt};
use tower_follow_redirect::{OnInformational, Refusal};

use crate::{
    body::{Body, Source},
    cli::Cli,
    client::{self, Service},
    connect::Connector,
    console::Console,
    failure::{Failure, refusal_line},
    memory::Memory,
    output::{self, Output},
    private,
    report::{Known, Report},
    request::{self, Target},
    tls,
    trace::Trace,
    wire::Log,
};

/// What all URLs share.
pub(crate) struct Session {
    cli: Cli,
    source: Source,
    service: Service,
    opened: Arc<AtomicU64>,
    log: Log,
    output: Output,
    trace: Option<Trace>,
    memory: Option<Memory>,
    console: Console,
}

impl Session {
    /// Sets everything up that the flags describe.
    pub(crate) fn new(cli: Cli) -> Result<Self, Failure> {
        if cli.urls.len() > 1 && cli.upload_file.as_deref() == Some(Path::new("-")) {
            let why = "`-T -` has content for one URL only: nothing would be left for the next";
            return Err(Failure::usage(why));
        }
        let console = Console::new(&cli);
        let log = Log::default();
        let public = private::connections(&cli)?;
        let connector = Connector::new(&cli.connect_to, public, tls::connector(&cli)?);
        let opened = connector.opened();
        let memory = Memory::load(&cli)?;
        let service = client::new(&cli, memory.as_ref(), connector, log.clone(), console.clone())?;
        Ok(Self {
            source: Source::of(&cli)?,
            output: Output::new(cli.output.as_deref()),
            trace: Trace::open(&cli)?,
            memory,
            service,
            opened,
            log,
            console,
            cli,
        })
    }

    /// Writes down what is remembered for the next run.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        self.memory.as_ref().map_or(Ok(()), Memory::save)
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.cli.urls.clone()
    }

    /// Fetches one URL, and reports.
    pub(crate) async fn fetch(&mut self, url: &str) -> Result<(), Failure> {
        let target = self.target(url)?;
        let mut request = request::build(&self.cli, &self.source, &target)?;
        if self.console.is_on() {
            let console = self.console.clone();
            let show = OnInformational::new(move |response| console.informational(response));
            request.extensions_mut().insert(show);
        }
        let opened = self.opened.load(Ordering::Relaxed);
        let started = Instant::now();
        let mut known = Known::default();
        let result = self.in_time(&target, request, &mut known).await;
        let elapsed = started.elapsed();
        self.console.clear();
        let connects = self.opened.load(Ordering::Relaxed) - opened;
        let report = Report::new(&target, &known, self.log.take(), connects, elapsed);
        let reported = self.report(&report, result.as_ref().err()).await;
        result.and(reported)
    }

    fn target(&self, url: &str) -> Result<Target, Failure> {
        let target = Target::parse(url)?;
        match &self.source {
            Source::File(file) => target.uploading(Path::new(file)),
            Source::Nothing | Source::Data(_) | Source::Stdin => Ok(target),
        }
    }

    /// Gives up after `--max-time`.
    async fn in_time(
        &mut self,
        target: &Target,
        request: Request<Body>,
        known: &mut Known,
    ) -> Result<(), Failure> {
        let limit = self.cli.max_time.unwrap_or_default();
        let exchanged = self.exchange(target, request, known);
        if limit == Duration::ZERO {
            return exchanged.await;
        }
        tokio::time::timeout(limit, exchanged).await.unwrap_or_else(|_| {
            let url = self.log.last_uri().unwrap_or_else(|| target.uri.clone());
            let url = request::redacted(&url.to_string());
            Err(Failure::timeout(&url, limit.as_secs_f64()))
        })
    }

    /// Sends the request and writes the response. `known` gets what is known of it, however it ends.
    async fn exchange(
        &mut self,
        target: &Target,
        request: Request<Body>,
        known: &mut Known,
    ) -> Result<(), Failure> {
        let called = match self.service.ready().await {
            Ok(service) => service.call(request).await,
            Err(error) => Err(error),
        };
        let response = match called {
            Ok(response) => response,
            Err(error) => {
                let failure = Failure::call(&error);
                *known = Known::of_error(error);
                return Err(failure);
            }
        };
        if let Some(refusal) = Refusal::of(&response) {
            self.console.note(&refusal_line(refusal));
        }
        let (parts, body) = response.into_parts();
        let is_success = parts.status.is_success();
        *known = Known::of_response(&parts);
        if self.cli.head {
            return Ok(());
        }
        let url = self.log.last_uri().unwrap_or_else(|| target.uri.clone());
        self.output.body(&request::redacted(&url.to_string()), body).await?;
        if is_success {
            // The server may have answered early, and reads on.
            self.log.upload_ended().await;
        }
        Ok(())
    }

    async fn report(&mut self, report: &Report, failure: Option<&Failure>) -> Result<(), Failure> {
        if self.cli.head {
            self.output.heads(&report.exchanges).await?;
        }
        if let Some(trace) = &mut self.trace {
            if trace.is_on_stdout() {
                self.output.end_line().await?;
            }
            trace.write(report, failure)?;
        }
        match &self.cli.write_out {
            Some(template) => output::print(&template.render(report)),
            None => Ok(()),
        }
    }
}
