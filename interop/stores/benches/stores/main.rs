//! What remembering permanent redirects costs: a lookup in the library's store beside others, memory,
//! and what a call pays that finds nothing.
//!
//!     cargo bench [-- lookups|bytes|calls] [--quick]
//!
//! It ends with an error where a bound is passed. `--quick`, and `cargo test --benches`, only try
//! everything once.

#![expect(unreachable_pub, reason = "the modules of a benchmark are not a library")]

mod allocator;
mod bytes;
mod calls;
mod instructions;
mod lookups;
#[path = "../../../../src/policy/permanent/memory.rs"]
#[allow(dead_code, missing_debug_implementations, unused_imports, reason = "it is the library's")]
mod memory;
mod rounds;
mod urls;

use std::{env, error::Error, process::ExitCode, sync::Arc};

// What the library's store takes from the modules above it.
#[allow(unused_imports, reason = "its tests are not built here")]
use tower_follow_redirect::Target;
use tower_follow_redirect::policy::permanent::{Entry, RedirectStore};
use tower_follow_redirect_stores::{Map, Moka};

use self::memory::{Bounds, MemoryStore};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// What is printed and judged.
    Full,
    /// Only so much that everything is tried once.
    Smoke,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    if let Some((instructions::CHILD, calls)) =
        args.split_first().map(|(first, rest)| (&**first, rest))
    {
        instructions::child(calls)?;
        return Ok(ExitCode::SUCCESS);
    }
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    // `cargo bench` says so; `cargo test` does not.
    let is_full = has("--bench") && !has("--test") && !has("--quick");
    let scale = if is_full { Scale::Full } else { Scale::Smoke };
    let filters: Vec<_> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let selected = |part: &str| filters.is_empty() || filters.iter().any(|f| part.contains(&**f));

    let mut complaints = Vec::new();
    if selected("calls") {
        complaints.extend(calls::measure(scale)?);
    }
    if selected("bytes") {
        complaints.extend(bytes::measure(scale));
    }
    if selected("lookups") {
        complaints.extend(lookups::measure(scale));
    }
    for complaint in &complaints {
        eprintln!("error: {complaint}");
    }
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The stores that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ours,
    Map,
    Moka,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Ours, Self::Map, Self::Moka];

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Map => "RwLock<HashMap>",
            Self::Moka => "moka",
        }
    }

    /// Makes a store of the first `entries` redirects, with more room than they need.
    fn filled(self, entries: usize) -> Arc<dyn RedirectStore> {
        let room = 1024 * (entries as u64 + 1000);
        match self {
            Self::Ours => {
                fill(MemoryStore::new(Bounds { entries: 2 * entries, bytes: room }), entries)
            }
            Self::Map => fill(Map::default(), entries),
            Self::Moka => {
                let store = fill(Moka::new(room), entries);
                store.settle();
                store
            }
        }
    }
}

fn fill<S: RedirectStore>(store: S, entries: usize) -> Arc<S> {
    for n in 0..entries {
        store.put(&urls::source(n), Arc::new(urls::entry(n)));
    }
    Arc::new(store)
}
