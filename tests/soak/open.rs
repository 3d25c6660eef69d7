//! What the process has open, and how much memory it takes.

use std::{
    fmt, fs, io,
    path::PathBuf,
    time::{Duration, Instant},
};

use tokio::runtime::Handle;

/// How long after the last request something may still be open that is to be closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the process has open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Sockets of any kind, where the system tells.
    pub sockets: Option<usize>,
    /// Files, sockets and all else, where the system tells.
    pub descriptors: Option<usize>,
    /// Tasks of the runtime.
    pub tasks: usize,
}

impl Open {
    pub fn now() -> Self {
        Self {
            sockets: sockets(),
            descriptors: descriptors().map(|all| all.len()),
            tasks: Handle::current().metrics().num_alive_tasks(),
        }
    }
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(descriptors) = self.descriptors {
            write!(f, "{descriptors} descriptors, ")?;
        }
        if let Some(sockets) = self.sockets {
            write!(f, "{sockets} sockets, ")?;
        }
        write!(f, "{} tasks", self.tasks)
    }
}

/// Counts the sockets of this process, on Linux.
pub fn sockets() -> Option<usize> {
    let is_socket = |path: &PathBuf| path.to_string_lossy().starts_with("socket:");
    Some(descriptors()?.iter().filter(|path| is_socket(path)).count())
}

/// Returns what each descriptor of this process is, on Linux. The one that it takes to look is gone by then.
fn descriptors() -> Option<Vec<PathBuf>> {
    let all = fs::read_dir("/proc/self/fd").ok()?;
    let target = |entry: io::Result<fs::DirEntry>| entry?.path().read_link();
    let mut all: Vec<_> = all.filter_map(|entry| target(entry).ok()).collect();
    all.retain(|path| !path.starts_with("/proc"));
    Some(all)
}

/// Returns how many bytes of memory the process takes, on Linux.
pub fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Waits until something has happened in other tasks, but not for ever.
pub async fn patiently(happened: impl Fn() -> bool) {
    let began = Instant::now();
    while !happened() && began.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
