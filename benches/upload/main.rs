//! What an upload costs through the layer, beside the same upload without it: memory, bytes on the wire,
//! throughput.
//!
//!     cargo bench --bench upload [-- memory|throughput]
//!
//! It ends with an error where a bound is passed. `cargo test --benches` makes small uploads, as a test.

#![expect(unreachable_pub, reason = "the modules of a benchmark are not a library")]

#[path = "../../tests/it/support/body.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod body;
mod by_hand;
mod memory;
#[path = "../../tests/it/support/raw.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod raw;
mod throughput;

use std::{env, process::ExitCode};

use bytes::Buf;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::runtime::{self, Runtime};
use tower::{BoxError, Service, ServiceExt};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// What a reader of files gives at a time.
const FRAME: u64 = 64 * 1024;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// What is printed and judged.
    Full,
    /// Only so much that everything is tried once.
    Smoke,
}

fn main() -> Result<ExitCode, BoxError> {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [memory::CHILD, upload @ ..] = &*args.iter().map(|arg| &**arg).collect::<Vec<_>>() {
        memory::child(upload)?;
        return Ok(ExitCode::SUCCESS);
    }
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    // `cargo bench` says so; `cargo test` does not.
    let scale = if has("--bench") && !has("--test") { Scale::Full } else { Scale::Smoke };
    let filters: Vec<_> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let selected = |part: &str| filters.is_empty() || filters.iter().any(|f| part.contains(&**f));

    // The client has the other thread.
    let servers = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut complaints = Vec::new();
    if selected("memory") {
        complaints.extend(memory::measure(&servers, scale)?);
    }
    if selected("throughput") {
        complaints.extend(throughput::measure(&servers, scale)?);
    }
    for complaint in &complaints {
        eprintln!("error: {complaint}");
    }
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The runtime of a client.
fn client_runtime() -> std::io::Result<Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}

/// hyper-util's client, on its own or inside the layer.
fn hyper_client<B>() -> Client<HttpConnector, B>
where
    B: Body<Data: Send> + Send,
{
    Client::builder(TokioExecutor::new()).build_http()
}

/// Makes an upload, and reads its response.
async fn upload<S, B, R>(service: S, request: Request<B>) -> Result<(), BoxError>
where
    S: Service<Request<B>, Response = Response<R>, Error: Into<BoxError>>,
    R: Body<Data: Buf, Error: Into<BoxError>>,
{
    let response = service.oneshot(request).await.map_err(Into::into)?;
    let status = response.status();
    let content = response.into_body().collect().await.map_err(Into::into)?.to_bytes();
    if status != StatusCode::OK || content != "ok" {
        return Err(format!("the upload was answered {status}").into());
    }
    Ok(())
}
