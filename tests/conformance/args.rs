//! The command line, as far as `cargo test` and nextest use it.

/// What the command line asks for.
#[derive(Default)]
pub struct Args {
    pub list: bool,
    /// Only tests that are ignored: there are none.
    pub ignored: bool,
    exact: bool,
    filters: Vec<String>,
}

/// Flags of libtest that take a value; what they say has no meaning here.
const WITH_VALUE: [&str; 7] =
    ["--format", "--test-threads", "--skip", "--color", "--logfile", "--shuffle-seed", "-Z"];

impl Args {
    pub fn parse(args: impl IntoIterator<Item = String>) -> Self {
        let mut args = args.into_iter();
        let mut parsed = Self::default();
        while let Some(arg) = args.next() {
            match &*arg {
                "--list" => parsed.list = true,
                "--ignored" => parsed.ignored = true,
                "--exact" => parsed.exact = true,
                flag if WITH_VALUE.contains(&flag) => drop(args.next()),
                flag if flag.starts_with('-') => {}
                _ => parsed.filters.push(arg),
            }
        }
        parsed
    }

    /// Returns whether a vector of a test is asked for: a filter names the test, or a part of the id.
    pub fn selects(&self, test: &str, id: &str) -> bool {
        let selects = |filter: &String| filter == test || (!self.exact && id.contains(filter));
        !self.ignored && (self.filters.is_empty() || self.filters.iter().any(selects))
    }

    /// Returns whether every vector of a test is asked for.
    pub fn selects_all(&self, test: &str) -> bool {
        self.selects(test, "")
    }
}
