//! Counts instructions and allocations of a call, as callgrind sees them.
//!
//! A process of its own makes the calls. Only what happens in one function is counted, which makes a
//! call and reads its response; building requests and starting up is not.

use std::{collections::HashMap, env, fs, io, process::Command};

use tower::BoxError;

use crate::calls::{self, Call, Client};

/// The first argument of a process that makes calls.
pub const CHILD: &str = "--child";

/// How many calls the figures are the mean of.
const CALLS: usize = 200;

/// What allocates: libc's functions, as our allocator calls them.
const ALLOCATORS: [&str; 5] = ["malloc", "calloc", "realloc", "aligned_alloc", "posix_memalign"];

/// What a call costs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub instructions: f64,
    pub allocations: f64,
}

impl Cost {
    pub fn minus(self, other: Self) -> Self {
        Self {
            instructions: self.instructions - other.instructions,
            // Making the client and its server is among them, divided by the number of calls.
            allocations: (self.allocations - other.allocations).round(),
        }
    }

    pub fn divided_by(self, count: usize) -> Self {
        let Self { instructions, allocations } = self;
        Self { instructions: instructions / count as f64, allocations: allocations / count as f64 }
    }
}

/// Makes calls in a process under callgrind.
pub fn count(client: Client, call: Call) -> Result<Cost, BoxError> {
    let profile = tempfile::NamedTempFile::new()?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--dump-line=no"])
        .arg(format!("--callgrind-out-file={}", profile.path().display()))
        .arg(env::current_exe()?)
        .args([CHILD, &serde_json::to_string(&(client, call, CALLS))?])
        .output();
    let output = match output {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err("valgrind is not there, which counts: apt-get install valgrind".into());
        }
        output => output?,
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("valgrind failed: {}\n{said}", output.status).into());
    }
    let cost = read(&fs::read_to_string(profile.path())?);
    cost.ok_or_else(|| format!("callgrind counted nothing of {call:?}").into())
}

/// Reads a profile of callgrind: what [`calls::make`] counts with all that it calls, and allocations
/// anywhere.
fn read(profile: &str) -> Option<Cost> {
    let mut names = Names::default();
    let (mut caller, mut called) = ("", "");
    let (mut instructions, mut allocations) = (0, 0);
    for line in profile.lines() {
        if let Some(function) = line.strip_prefix("fn=") {
            caller = names.of(function);
        } else if let Some(function) = line.strip_prefix("cfn=") {
            called = names.of(function);
        } else if let Some(calls) = line.strip_prefix("calls=") {
            if ALLOCATORS.contains(&called) {
                allocations += first(calls)?;
            }
        } else if caller.contains(calls::COUNTED)
            && line.starts_with(|c| "0123456789+-*".contains(c))
        {
            // Its own instructions, or those of a function that it calls: `position count`.
            instructions += first(line.split_once(' ')?.1)?;
        }
    }
    let mean = |count: u64| count as f64 / CALLS as f64;
    (instructions > 0)
        .then(|| Cost { instructions: mean(instructions), allocations: mean(allocations) })
}

/// The functions of a profile by their numbers.
#[derive(Default)]
struct Names<'a>(HashMap<&'a str, &'a str>);

impl<'a> Names<'a> {
    /// Reads `(12) malloc`, where a function is named first, or `(12)`.
    fn of(&mut self, function: &'a str) -> &'a str {
        match function.split_once(' ') {
            Some((number, name)) => self.0.entry(number).or_insert(name),
            None => self.0.get(function).copied().unwrap_or_default(),
        }
    }
}

fn first(numbers: &str) -> Option<u64> {
    numbers.split(' ').next()?.parse().ok()
}

/// Makes the calls that the argument says.
pub fn child(arguments: &str) -> Result<(), BoxError> {
    let (client, call, times) = serde_json::from_str(arguments)?;
    calls::make(client, call, times);
    Ok(())
}
