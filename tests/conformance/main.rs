//! Runs the test vectors of `tests/vectors`, or of the directory in `VECTORS_DIR`: all but
//! `permanent-cache.json`, whose clock is turned, over a real hyper client and real sockets.
//!
//! A vector that is not `policy_dependent` must pass. One that is passes if the crate does what the
//! vector expects, or what one of its alternatives does; the file's list of choices
//! says which, and `expected_failures.txt` names the vectors that ask for neither. That list is always
//! true: a listed vector that passes is a failure.

#![expect(unreachable_pub, reason = "test modules are not a library")]

mod args;
#[cfg(feature = "hyper")]
mod expect_continue;
mod lists;
mod network;
mod permanent_cache;
mod redirects;
mod runner;
mod s3;
mod url;
mod vector;
mod words;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use args::Args;
use lists::List;
use runner::{Case, Excuses, Report};
use vector::{Vector, Verdict};

/// A test runs the vectors of the file with its name.
struct Test {
    name: &'static str,
    run: fn(&str, &Args) -> Result<Tally, String>,
}

const TESTS: &[Test] = &[
    Test { name: "redirects", run: run::<redirects::Vector> },
    // Without the feature nothing waits for `100 Continue`.
    #[cfg(feature = "hyper")]
    Test { name: "expect-continue", run: run::<expect_continue::Vector> },
    Test { name: "s3", run: run::<s3::Vector> },
    Test { name: "permanent-cache", run: run::<permanent_cache::Vector> },
];

fn main() -> ExitCode {
    let args = Args::parse(env::args().skip(1));
    if args.list {
        let listed = if args.ignored { &[] } else { TESTS };
        listed.iter().for_each(|test| println!("{}: test", test.name));
        return ExitCode::SUCCESS;
    }
    let mut total = Tally::default();
    for Test { name, run } in TESTS {
        total.add(run(name, &args).unwrap_or_else(|error| {
            println!("{name}.json: {error}");
            Tally { failed: 1, ..Tally::default() }
        }));
    }
    total.print();
    if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the vectors of one file.
fn run<V: Vector>(test: &str, args: &Args) -> Result<Tally, String> {
    let place = Place::find();
    let file = format!("{test}.json");
    let Some(text) = place.read(&file)? else { return Ok(Tally::default()) };
    let ours = Place::Ours.directory();
    let choices = read_list(&ours.join(format!("{test}.choices.txt")))?;
    let deviations = read_list(&ours.join("expected_failures.txt"))?;

    let cases = Case::<V>::read_all(&text)?;
    let complaints = match place {
        Place::Ours if args.selects_all(test) => {
            lists::complaints(test, &cases, &choices, &deviations, &ours)
        }
        Place::Ours | Place::Given(_) => Vec::new(),
    };
    let (cases, others): (Vec<_>, Vec<_>) =
        cases.into_iter().partition(|case| args.selects(test, &case.id));
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let choices = matches!(place, Place::Given(_)).then_some(&choices);
    let excuses = Excuses { file: &file, deviations: &deviations, choices };
    let reports = runtime.block_on(runner::run(cases, &excuses));

    let mut tally = Tally::of(&reports);
    tally.failed += complaints.len();
    tally.filtered = others.len();
    print(&reports);
    complaints.iter().for_each(|complaint| println!("FAILED {complaint}"));
    let Tally { passed, failed, out_of_scope, .. } = tally;
    println!("{file}: {passed} passed, {failed} failed, {out_of_scope} out of scope");
    Ok(tally)
}

/// Where the vectors are.
enum Place {
    Ours,
    /// A directory in which our lists need not be complete, nor the vectors all there.
    Given(PathBuf),
}

impl Place {
    fn find() -> Self {
        env::var_os("VECTORS_DIR").map_or(Self::Ours, |directory| Self::Given(directory.into()))
    }

    fn directory(&self) -> PathBuf {
        match self {
            Self::Ours => Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"),
            Self::Given(directory) => directory.clone(),
        }
    }

    /// Reads a file; `None` if it need not be there and is not.
    fn read(&self, file: &str) -> Result<Option<String>, String> {
        let directory = self.directory();
        match (self, fs::read_to_string(directory.join(file))) {
            (_, Ok(text)) => Ok(Some(text)),
            (Self::Given(_), Err(error))
                if error.kind() == io::ErrorKind::NotFound && directory.is_dir() =>
            {
                Ok(None)
            }
            (_, Err(error)) => Err(format!("{}: {error}", directory.display())),
        }
    }
}

fn read_list(path: &Path) -> Result<List, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string());
    text.and_then(|text| List::parse(&text)).map_err(|why| format!("{}: {why}", path.display()))
}

fn print(reports: &[Report]) {
    for Report { id, verdict, .. } in reports {
        match verdict {
            Verdict::Passed => {}
            Verdict::OutOfScope(why) => println!("out of scope {id}: {why}"),
            Verdict::KnownDeviation(why) => println!("known deviation {id}: {why}"),
            Verdict::OurChoice(choice) => println!("our choice {id}: {choice}"),
            Verdict::Deviates(why) => println!("FAILED {id}: {why}"),
            Verdict::Breaks(why) => println!("BROKEN {id}: {why}"),
            Verdict::Unreadable(why) => println!("UNREADABLE {id}: {why}"),
        }
    }
}

/// How many vectors came to what.
#[derive(Clone, Copy, Default)]
struct Tally {
    passed: usize,
    failed: usize,
    /// Known deviations and choices too: they are parked with their reason.
    out_of_scope: usize,
    filtered: usize,
}

impl Tally {
    fn of(reports: &[Report]) -> Self {
        let mut tally = Self::default();
        for report in reports {
            match report.verdict {
                Verdict::Passed => tally.passed += 1,
                Verdict::Deviates(_) | Verdict::Breaks(_) | Verdict::Unreadable(_) => {
                    tally.failed += 1;
                }
                Verdict::OutOfScope(_) | Verdict::KnownDeviation(_) | Verdict::OurChoice(_) => {
                    tally.out_of_scope += 1;
                }
            }
        }
        tally
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.out_of_scope += other.out_of_scope;
        self.filtered += other.filtered;
    }

    /// Prints the line that counts the tests of a libtest.
    fn print(self) {
        let Self { passed, failed, out_of_scope, filtered } = self;
        let result = if failed == 0 { "ok" } else { "FAILED" };
        println!(
            "\ntest result: {result}. {passed} passed; {failed} failed; {out_of_scope} ignored; \
             0 measured; {filtered} filtered out"
        );
    }
}
