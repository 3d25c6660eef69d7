//! What a user would pick instead, on sockets: `cargo bench` prints tables, and fails where a bound does not
//! hold. With `--quick`, or as a test, everything runs once, and only what is counted is judged.

mod large;
mod load;
mod redirects;
mod table;
mod uploads;

use std::{env, process::ExitCode};

use tokio::runtime::{Builder, Runtime};
use tower::BoxError;
use tower_follow_redirect_peers::tls::Tls;

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Full,
    /// Too little to judge times by.
    Quick,
}

impl Scale {
    fn rounds(self) -> usize {
        match self {
            Self::Full => 9,
            Self::Quick => 1,
        }
    }
}

/// Where the servers run, whom all use, and what is not as it should be.
struct Stage {
    scale: Scale,
    servers: Runtime,
    clients: Runtime,
    tls: Tls,
    complaints: Vec<String>,
}

impl Stage {
    fn complain(&mut self, is_bad: bool, what: impl FnOnce() -> String) {
        if is_bad {
            self.complaints.push(what());
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [large::CHILD, ..] = &*arguments.iter().map(|argument| &**argument).collect::<Vec<_>>() {
        return match large::child(&arguments[1..]) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let is_quick = |argument: &String| argument == "--quick" || argument == "--test";
    let scale = if arguments.iter().any(is_quick) { Scale::Quick } else { Scale::Full };
    match run(scale) {
        Ok(complaints) => {
            complaints.iter().for_each(|complaint| eprintln!("BOUND: {complaint}"));
            ExitCode::from(u8::from(!complaints.is_empty()))
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(scale: Scale) -> Result<Vec<String>, BoxError> {
    let servers = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let clients = Builder::new_current_thread().enable_all().build()?;
    let mut stage = Stage { scale, servers, clients, tls: Tls::new(), complaints: Vec::new() };
    redirects::measure(&mut stage)?;
    uploads::measure(&mut stage)?;
    large::measure(&mut stage)?;
    load::measure(&mut stage)?;
    Ok(stage.complaints)
}
