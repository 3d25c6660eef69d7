//! Metrics of a client for Prometheus: what becomes of redirects, by status, decision and reason.
//!
//! [`Metrics`] is what a program of its own needs; its [`observe`](Metrics::observe) is given to the
//! layer. The rest is a server that redirects, some calls to it, and the page that Prometheus would fetch.
//!
//!     cargo run --example metrics
//!
//! No label has anything of a URL: servers choose those, and each new value is a new time series.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    response::Redirect,
    routing::{any, get, put},
};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};
use tokio::net::TcpListener;
use tower::{BoxError, Layer, ServiceExt};
use tower_follow_redirect::{FollowRedirectLayer, HopEvent};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    print!("{}", run().await?);
    Ok(())
}

/// Makes some calls, and returns the page of metrics about them.
async fn run() -> Result<String, BoxError> {
    let metrics = Metrics::new()?;
    let server = start(router(metrics.registry.clone())).await?;
    let observer = Arc::clone(&metrics);
    let layer = FollowRedirectLayer::new().limit(5).observe(move |event| observer.observe(event));
    let client = layer.layer(Client::builder(TokioExecutor::new()).build_http());

    let nobody = nobody().await?;
    let urls = [
        format!("http://{server}/old"),
        format!("http://{server}/old"),
        format!("http://{server}/new"),
        format!("http://{server}/around"),
        format!("http://{nobody}/"),
    ];
    for url in urls {
        // Those that fail are counted, too.
        if let Err(error) = client.clone().oneshot(Request::get(url).body(Full::default())?).await {
            eprintln!("{error}");
        }
    }
    let upload = Full::new(Bytes::from_static(b"ha ha\n"));
    client.oneshot(Request::put(format!("http://{server}/upload")).body(upload)?).await?;

    fetch(format!("http://{server}/metrics")).await
}

/// The metrics of all calls through one layer, or several.
struct Metrics {
    registry: Registry,
    hops: IntCounterVec,
    sent: IntCounterVec,
    seconds: HistogramVec,
    calls: IntCounterVec,
    redirects: Histogram,
}

impl Metrics {
    fn new() -> Result<Arc<Self>, BoxError> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            IntCounterVec::new(Opts::new(name, help), labels)
        };
        let labels = ["status", "decision", "reason", "from_cache"];
        let metrics = Self {
            registry: Registry::new(),
            hops: counter("redirect_hops_total", "Requests, and what came of them.", &labels)?,
            sent: counter(
                "redirect_body_bytes_sent_total",
                "Bytes of content sent. What was \"followed\" was sent in vain.",
                &["decision"],
            )?,
            seconds: HistogramVec::new(
                HistogramOpts::new(
                    "redirect_hop_seconds",
                    "From a request to its response's head.",
                ),
                &["decision"],
            )?,
            calls: counter("redirect_calls_total", "Calls, by their end.", &["end", "error"])?,
            redirects: Histogram::with_opts(
                HistogramOpts::new("redirect_call_redirects", "Redirects followed in a call.")
                    .buckets(vec![0.0, 1.0, 2.0, 5.0, 10.0, 20.0]),
            )?,
        };
        let Self { registry, hops, sent, seconds, calls, redirects } = &metrics;
        registry.register(Box::new(hops.clone()))?;
        registry.register(Box::new(sent.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(calls.clone()))?;
        registry.register(Box::new(redirects.clone()))?;
        Ok(Arc::new(metrics))
    }

    /// Counts a hop, and with the last one the call.
    fn observe(&self, event: &HopEvent<'_>) {
        let outcome = event.outcome();
        let decision = outcome.as_str();
        let status = event.status();
        let status = status.as_ref().map_or("none", |status| status.as_str());
        let reason = outcome.refusal().map_or("none", |refusal| refusal.kind().as_str());
        let from_cache = if event.is_from_cache() { "true" } else { "false" };
        self.hops.with_label_values(&[status, decision, reason, from_cache]).inc();
        self.sent.with_label_values(&[decision]).inc_by(event.body_bytes_sent());
        self.seconds.with_label_values(&[decision]).observe(event.elapsed().as_secs_f64());
        if outcome.ends_call() {
            let error = outcome.error_type().unwrap_or("none");
            self.calls.with_label_values(&[decision, error]).inc();
            self.redirects.observe(event.redirects() as f64);
        }
    }
}

fn router(registry: Registry) -> Router {
    let page =
        async move || TextEncoder::new().encode_to_string(&registry.gather()).unwrap_or_default();
    Router::new()
        .route("/metrics", get(page))
        .route("/old", get(async || Redirect::permanent("/new")))
        .route("/new", get("all is well\n"))
        .route("/around", get(async || Redirect::to("/around")))
        // It reads what it will not have.
        .route("/upload", put(async |_: Bytes| Redirect::temporary("/stored")))
        .route("/stored", any(async |content: Bytes| format!("{} bytes\n", content.len())))
}

async fn start(router: Router) -> Result<SocketAddr, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Returns an address where nobody listens.
async fn nobody() -> Result<SocketAddr, BoxError> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?)
}

/// Fetches a page, as Prometheus does: by a client that nobody observes.
async fn fetch(url: String) -> Result<String, BoxError> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(Request::get(url).body(Full::<Bytes>::default())?).await?;
    let page = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(page.into())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_hop_and_every_call_is_counted() {
        let page = run().await.unwrap();
        let counted: Vec<_> = page
            .lines()
            .filter(|line| line.contains("_total{") || line.starts_with("redirect_call_redirects"))
            .collect();
        let expected = r#"
redirect_body_bytes_sent_total{decision="failed"} 0
redirect_body_bytes_sent_total{decision="followed"} 6
redirect_body_bytes_sent_total{decision="refused"} 0
redirect_body_bytes_sent_total{decision="returned"} 6
redirect_call_redirects_bucket{le="0"} 2
redirect_call_redirects_bucket{le="1"} 5
redirect_call_redirects_bucket{le="2"} 5
redirect_call_redirects_bucket{le="5"} 6
redirect_call_redirects_bucket{le="10"} 6
redirect_call_redirects_bucket{le="20"} 6
redirect_call_redirects_bucket{le="+Inf"} 6
redirect_call_redirects_sum 8
redirect_call_redirects_count 6
redirect_calls_total{end="failed",error="inner-service"} 1
redirect_calls_total{end="refused",error="too-many-redirects"} 1
redirect_calls_total{end="returned",error="none"} 4
redirect_hops_total{decision="failed",from_cache="false",reason="none",status="none"} 1
redirect_hops_total{decision="followed",from_cache="false",reason="none",status="303"} 5
redirect_hops_total{decision="followed",from_cache="false",reason="none",status="307"} 1
redirect_hops_total{decision="followed",from_cache="false",reason="none",status="308"} 2
redirect_hops_total{decision="refused",from_cache="false",reason="too-many-redirects",status="303"} 1
redirect_hops_total{decision="returned",from_cache="false",reason="none",status="200"} 4
"#;
        assert_eq!(counted.join("\n"), expected.trim());
        assert!(page.contains("redirect_hop_seconds_count{decision=\"followed\"} 8\n"), "{page}");
    }
}
