//! What a call costs beside tower-http's `FollowRedirect` and without any layer, in instructions and
//! allocations: figures that repeat, and that CI can judge.
//!
//!     cargo bench --bench instructions [-- calls|growth]
//!
//! It needs valgrind, and ends with an error where a bound is passed. `growth` writes
//! `benches/growth.svg`, and only it is done if it is asked for. `cargo test --benches` makes every call once, without valgrind.

#![expect(unreachable_pub, reason = "the modules of a benchmark are not a library")]

mod calls;
mod count;
mod growth;
mod plot;
mod table;

use std::{env, process::ExitCode};

use tower::BoxError;

fn main() -> Result<ExitCode, BoxError> {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [count::CHILD, call] = &*args.iter().map(|arg| &**arg).collect::<Vec<_>>() {
        count::child(call)?;
        return Ok(ExitCode::SUCCESS);
    }
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    // `cargo bench` says so; `cargo test` does not.
    if !has("--bench") || has("--test") {
        table::try_all();
        return Ok(ExitCode::SUCCESS);
    }
    let filters: Vec<_> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let selected = |part: &str| filters.is_empty() || filters.iter().any(|f| part.contains(&**f));

    let mut complaints = Vec::new();
    if selected("calls") {
        complaints.extend(table::measure()?);
    }
    // It takes minutes and judges nothing, so it is done only when it is asked for.
    if filters.iter().any(|filter| filter.contains("growth")) {
        growth::measure()?;
    }
    for complaint in &complaints {
        eprintln!("error: {complaint}");
    }
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
