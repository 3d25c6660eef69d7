//! Takes the steps of a vector, and compares what comes of each with what must.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use serde_json::json;
use tower::{Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    Error, FollowRedirectLayer, Fragment, Policy, RefusalKind, Target,
    policy::{
        Attempt, Decision, Exchange, Verdict as Opinion,
        permanent::{Entry, PermanentCache, RedirectStore, Snapshot},
    },
};

use super::{
    clock::{self, Clock},
    config::Config,
    script::{Received, Script, fields},
    shelf::Shelf,
    vectors::{Call, End, ErrorKind, Other, Remembered, Step, Vector},
};
use crate::{vector::Verdict, words::Differences};

/// The content of a request whose method may have some.
const CONTENT: &str = "ha ha\n";

/// One memory, and all that is around it.
pub struct Play {
    config: Config,
    cache: PermanentCache,
    shelf: Shelf,
    clock: Clock,
}

impl Play {
    /// Makes the memory.
    ///
    /// # Errors
    ///
    /// Fails if the crate has no such option.
    pub fn of(vector: &Vector) -> Result<Self, Verdict> {
        let clock = Clock::new();
        let shelf = Shelf::default();
        let now = clock.clone();
        let mut builder = vector.config.builder().map_err(Verdict::OutOfScope)?;
        // Where the vector does not mind, the crate's own store is tested too.
        if vector.needs_store() {
            builder = builder.store(shelf.clone());
        }
        let cache = builder.clock(move || now.now()).build();
        Ok(Self { config: vector.config.clone(), cache, shelf, clock })
    }

    /// Takes a step.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be taken.
    pub async fn step(&mut self, step: &Step) -> Result<Differences, String> {
        match step {
            Step::Call(call) => self.call(call).await,
            Step::Other(other) => self.other(other),
        }
    }

    fn other(&self, step: &Other) -> Result<Differences, String> {
        let mut differ = Differences::default();
        if let Some(seconds) = step.advance_s {
            self.clock.advance(seconds);
        }
        if let Some(remembered) = &step.restore {
            self.restore(remembered)?;
        }
        for remembered in step.inject.iter().flatten() {
            if let Some(entry) = entry(remembered)? {
                self.shelf.put(&remembered.source, Arc::new(entry));
            }
        }
        if let Some(is_down) = step.store_down {
            self.shelf.set_down(is_down);
        }
        if let Some(uri) = &step.remove {
            self.cache.remove(&parse(uri)?.0);
        }
        if step.clear == Some(true) {
            self.cache.clear();
        }
        differ.equal("entries", step.assert_entries, self.cache.len());
        Ok(differ)
    }

    /// Puts back what a snapshot holds that was taken when the clock started.
    fn restore(&self, remembered: &[Remembered]) -> Result<(), String> {
        let start = clock::START;
        let entries: Vec<_> = remembered
            .iter()
            .map(|remembered| {
                json!({
                    "source": remembered.source,
                    "target": remembered.target,
                    "status": remembered.status.unwrap_or(308),
                    "method": "GET",
                    "stored": start,
                    "fresh_until": start + remembered.expires_in_s,
                })
            })
            .collect();
        let snapshot = json!({ "version": 1, "created": start, "entries": entries });
        let snapshot: Snapshot =
            serde_json::from_value(snapshot).map_err(|error| format!("snapshot: {error}"))?;
        self.cache.restore(snapshot);
        Ok(())
    }

    async fn call(&self, call: &Call) -> Result<Differences, String> {
        let request = self.request(call)?;
        let script = Script::new(&call.network, &self.clock);
        let watch = Watch::default();
        let policy: Box<dyn Policy> = match call.follow {
            Some(false) => Box::new(self.cache.clone().and(Decision::Stop).and(watch.clone())),
            Some(true) | None => Box::new(self.cache.clone().and(watch.clone())),
        };
        let layer = FollowRedirectLayer::new().with_policy(policy).limit(self.config.max_hops);
        let service = service_fn({
            let script = script.clone();
            move |request| script.clone().answer(request)
        });
        let end = match layer.layer(service).oneshot(request).await {
            Ok(response) => Ends { status: Some(response.status()), error: None },
            Err(error) => Ends::of(error),
        };
        let mut differ = Differences::default();
        compare_requests(call, &script.received(), &mut differ);
        differ.equal("skipped", call.expect.skipped.map(Some), watch.skipped());
        match call.expect.end {
            Some(End::Status(status)) => {
                differ.equal("final", Some(Some(status)), end.status.map(|status| status.as_u16()));
            }
            Some(End::Error(error)) => differ.equal("final", Some(Some(error)), end.error),
            None => {}
        }
        Ok(differ)
    }

    fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, String> {
        let (uri, fragment) = parse(&call.send.uri)?;
        let content = match &*call.send.method {
            "GET" | "HEAD" | "OPTIONS" | "TRACE" | "CONNECT" => "",
            _ => CONTENT,
        };
        let request = Request::builder().method(&*call.send.method).uri(uri);
        let mut request =
            request.body(Full::from(content)).map_err(|error| format!("request: {error}"))?;
        let fields = fields(&call.send.headers, &self.clock);
        *request.headers_mut() = fields.map_err(|error| format!("request: {error}"))?;
        if let Some(fragment) = fragment {
            request.extensions_mut().insert(Fragment::new(fragment));
        }
        Ok(request)
    }
}

/// How a call has ended.
struct Ends {
    /// Of the response, whether or not an error is around it.
    status: Option<StatusCode>,
    error: Option<ErrorKind>,
}

impl Ends {
    fn of<R: http_body::Body>(error: Error<R>) -> Self {
        let kind = error.refusal().map_or(Some(ErrorKind::Connect), |refusal| kind(refusal.kind()));
        Self { status: error.into_response().map(|response| response.status()), error: kind }
    }
}

fn kind(kind: RefusalKind) -> Option<ErrorKind> {
    Some(match kind {
        RefusalKind::TooManyRedirects => ErrorKind::TooManyRedirects,
        RefusalKind::Loop => ErrorKind::Loop,
        RefusalKind::MissingLocation => ErrorKind::MissingLocation,
        RefusalKind::BadLocation => ErrorKind::BadLocation,
        RefusalKind::Scheme => ErrorKind::Scheme,
        RefusalKind::BodyNotReplayable => ErrorKind::BodyNotReplayable,
        RefusalKind::Policy => ErrorKind::Policy,
        RefusalKind::Tunnel => ErrorKind::Tunnel,
        RefusalKind::NotRedirect => ErrorKind::NotRedirect,
        _ => return None,
    })
}

fn compare_requests(call: &Call, received: &[Received], differ: &mut Differences) {
    let expected: Vec<&str> = call.network.iter().map(|exchange| &*exchange.uri).collect();
    let found: Vec<&str> = received.iter().map(|request| &*request.uri).collect();
    differ.equal("requests", Some(expected), found);
    let mut method = Some(&*call.send.method);
    for (exchange, request) in call.network.iter().zip(received) {
        method = exchange.method.as_deref().or(method);
        differ.equal("method", method, &*request.method);
        let has_content = request.method == call.send.method
            && !matches!(&*request.method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "CONNECT");
        let content = if has_content { CONTENT } else { "" };
        differ.equal("content", Some(content.as_bytes()), &*request.content);
        // Such a status may change the method; the vector need not say to which.
        if matches!(exchange.status, Some(301..=303)) && call.send.method != "GET" {
            method = None;
        }
    }
    let first = received.first();
    let first_uri = first.map(|request| &*request.uri);
    differ.equal("first_uri", call.expect.first_uri.as_deref().map(Some), first_uri);
    for field in &call.expect.absent_headers {
        differ.equal(field, Some(false), first.is_some_and(|request| request.has(field)));
    }
    for field in &call.expect.present_headers {
        differ.equal(field, Some(true), first.is_some_and(|request| request.has(field)));
    }
}

impl Received {
    /// Returns whether a field is there: `Name`, or `Name: value`.
    fn has(&self, field: &str) -> bool {
        match field.split_once(':') {
            None => self.headers.contains_key(field),
            Some((name, value)) => {
                self.headers.get_all(name).iter().any(|found| found == value.trim())
            }
        }
    }
}

/// Sees how many remembered redirects led to the first request: where they are taken back, no history
/// tells.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Option<usize>>>);

impl Watch {
    fn skipped(&self) -> Option<usize> {
        *self.0.lock().unwrap()
    }
}

impl Policy for Watch {
    fn redirect(&self, _: &mut Attempt<'_>) -> Opinion {
        Decision::Pass.into()
    }

    fn concluded(&self, exchange: &mut Exchange<'_>) {
        let remembered = exchange.hops().iter().filter(|hop| hop.is_from_cache()).count();
        self.0.lock().unwrap().get_or_insert(remembered);
    }
}

/// Makes an entry of what is written, as if it had been stored when the clock started. No store can hold
/// one (`None`) whose target is none.
fn entry(remembered: &Remembered) -> Result<Option<Entry>, String> {
    let (uri, fragment) = parse(&remembered.target)?;
    let Ok(target) = Target::new(uri, fragment) else { return Ok(None) };
    let until = clock::start() + Duration::from_secs(remembered.expires_in_s);
    let status = StatusCode::from_u16(remembered.status.unwrap_or(308));
    let status = status.map_err(|error| error.to_string())?;
    Ok(Some(Entry::new(target, clock::start(), until).with_status(status)))
}

/// Splits a URL from its fragment, which [`Uri`] would drop.
fn parse(url: &str) -> Result<(Uri, Option<&str>), String> {
    let (uri, fragment) = match url.split_once('#') {
        Some((uri, fragment)) => (uri, Some(fragment)),
        None => (url, None),
    };
    let uri = uri.parse().map_err(|error| format!("{uri}: {error}"))?;
    Ok((uri, fragment))
}
