//! `follow`: a client with curl's flags, on hyper, rustls and this crate.
//!
//! ```sh
//! cargo run --example follow -- --help
//! ```
//!
//! Any URL will do: `-v http://example.com/`, or `-T big.iso --trace - https://a.test/upload`.
//!
//! It exits with 0 when a response came back, whatever its status; else with curl's code where curl
//! has one: 2 for flags, 3 for a URL, 7 for whatever the transport says, 18 for a response that broke off, 23 and
//! 26 for files, 28 for the time; and of what is refused, 1 for the scheme, 3 for a bad `Location`, 65
//! for content that is gone, 47 for the rest.
//!
//! `wire` sits below the redirect layer and sees every request that leaves; `transfer` is one URL
//! from its request to its report. The other modules are what their names say.

mod body;
mod cli;
mod client;
mod colour;
mod confirm;
mod connect;
mod console;
mod failure;
mod memory;
mod output;
mod policy;
mod private;
mod report;
mod request;
mod sign;
mod tls;
mod trace;
mod transfer;
mod values;
mod wire;
mod write_out;

use std::process::ExitCode;

use clap::Parser;

use crate::{cli::Cli, failure::Failure, transfer::Session};

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(help) = cli.help {
        return match help.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    match run(cli) {
        Ok(code) => code,
        Err(failure) => {
            failure.print();
            failure.code()
        }
    }
}

/// Fetches every URL in turn, and returns the code of the first that failed.
fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::usage(format!("no runtime: {error}")))?;
    let result = runtime.block_on(fetch_all(cli));
    // A read of the terminal may be under way, and need not end.
    runtime.shutdown_background();
    result
}

async fn fetch_all(cli: Cli) -> Result<ExitCode, Failure> {
    let mut session = Session::new(cli)?;
    let mut first = None;
    for url in session.urls() {
        if let Err(failure) = session.fetch(&url).await {
            failure.print();
            first.get_or_insert_with(|| failure.code());
        }
    }
    if let Err(failure) = session.save() {
        failure.print();
        first.get_or_insert_with(|| failure.code());
    }
    Ok(first.unwrap_or(ExitCode::SUCCESS))
}
