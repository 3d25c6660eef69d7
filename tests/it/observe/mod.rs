//! What an observer and a `tracing` subscriber are told of calls: the same.

mod events;
mod spans;
mod subscriber;

use std::sync::{Arc, Mutex};

use http::Uri;
use tower_follow_redirect::{FollowRedirectLayer, HopEvent, HopOutcome};
use tracing::Level;

use self::subscriber::{Log, Noted, Recorder};

/// An observer and a subscriber.
struct Watch {
    told: Arc<Mutex<Vec<String>>>,
    shown: Arc<Mutex<String>>,
    recorder: Recorder,
}

impl Watch {
    /// Makes a layer that is watched. All is done on this thread.
    fn over<P>(layer: FollowRedirectLayer<P>) -> (FollowRedirectLayer<P>, Self) {
        let (told, shown) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<Mutex<String>>::default());
        let watch = Self {
            told: Arc::clone(&told),
            shown: Arc::clone(&shown),
            recorder: Recorder::up_to(Level::TRACE),
        };
        let layer = layer.observe(move |event| {
            told.lock().unwrap().push(line(event));
            *shown.lock().unwrap() += &format!("{event:?} {:?}\n", event.outcome());
        });
        (layer, watch)
    }

    fn log(&self) -> Log {
        self.recorder.log()
    }

    /// Expects these events, of the observer as of the subscriber.
    #[track_caller]
    fn expect<const N: usize>(&self, expected: [&str; N]) {
        assert_eq!(*self.told.lock().unwrap(), expected, "the observer");
        let log = self.log();
        let traced: Vec<_> = log.hops().into_iter().map(traced).collect();
        assert_eq!(traced, expected, "the subscriber");
    }

    /// All that was told or written, by us.
    fn everything(&self) -> String {
        let log = self.log();
        let traced: Vec<_> = log.calls().into_iter().chain(log.hops()).collect();
        format!("{}\n{traced:?}", self.shown.lock().unwrap())
    }
}

/// An event as it is expected: request, answer, what came of it, and where not zero, what it cost.
fn line(event: &HopEvent<'_>) -> String {
    let outcome = event.outcome();
    let target = match outcome {
        HopOutcome::Followed(target) => Some(without_query(target.uri())),
        _ => None,
    };
    write(Parts {
        method: event.method().as_str(),
        url: &without_query(event.uri()),
        status: &event.status().map(|status| status.as_u16().to_string()).unwrap_or_default(),
        decision: outcome.as_str(),
        target: target.as_deref().unwrap_or_default(),
        reason: outcome.refusal().map(|refusal| refusal.kind().as_str()).unwrap_or_default(),
        error: outcome.error_type().unwrap_or_default(),
        cached: event.is_from_cache(),
        sent: &event.body_bytes_sent().to_string(),
        resends: &event.resend_count().to_string(),
    })
}

/// The same of an event that was written.
fn traced(event: &Noted) -> String {
    let target = event.field("redirect.target");
    let port = match (event.field("url.scheme"), event.field("server.port")) {
        ("http", "80") | ("https", "443") => String::new(),
        (_, port) => format!(":{port}"),
    };
    let (scheme, host) = (event.field("url.scheme"), event.field("server.address"));
    write(Parts {
        method: event.field("http.request.method"),
        url: &format!("{scheme}://{host}{port}{}", event.field("url.path")),
        status: event.field("http.response.status_code"),
        decision: event.field("redirect.decision"),
        target: target.strip_suffix("?…").unwrap_or(target),
        reason: event.field("redirect.reason"),
        error: event.field("error.type"),
        cached: event.field("redirect.from_cache") == "true",
        sent: event.field("http.request.body.size"),
        resends: event.field("http.request.resend_count"),
    })
}

struct Parts<'a> {
    method: &'a str,
    url: &'a str,
    status: &'a str,
    decision: &'a str,
    target: &'a str,
    reason: &'a str,
    error: &'a str,
    cached: bool,
    sent: &'a str,
    resends: &'a str,
}

fn write(parts: Parts<'_>) -> String {
    let Parts { method, url, status, decision, target, reason, error, cached, sent, resends } =
        parts;
    let mut line = format!("{method} {url}");
    for (label, value) in [
        ("", status),
        (if cached { "remembered " } else { "" }, decision),
        ("to ", target),
        ("since ", reason),
        ("error ", error),
        ("sent ", sent),
        ("resend ", resends),
    ] {
        if !matches!(value, "" | "0") {
            line += &format!(" {label}{value}");
        }
    }
    line
}

fn without_query(uri: &Uri) -> String {
    uri.to_string().split('?').next().unwrap_or_default().to_owned()
}
