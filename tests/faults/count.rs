//! Counts what is left of a call.

use std::{
    fs, panic,
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// The name of every thread that runs tasks.
pub const WORKER: &str = "worker";

/// How long after a call its tasks and sockets may still be there.
const SETTLING: Duration = Duration::from_secs(10);

/// Waits until a count is no more than what is allowed. Where a trial before has failed, what it has
/// left may end meanwhile.
pub fn settles(what: &str, name: &str, allowed: usize, count: impl Fn() -> usize) {
    let begun = Instant::now();
    loop {
        let found = count();
        if found <= allowed {
            return;
        }
        let waited = begun.elapsed();
        assert!(waited < SETTLING, "{what}: {found} {name}, {allowed} are allowed");
        thread::sleep(Duration::from_micros(if waited.as_millis() < 5 { 50 } else { 1000 }));
    }
}

/// How many sockets the process has.
pub fn sockets() -> usize {
    let links = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

/// How often a task has panicked, of a server or of the client. A panic of a call fails its test.
pub fn panics() -> usize {
    static PANICS: AtomicUsize = AtomicUsize::new(0);
    static COUNTING: LazyLock<()> = LazyLock::new(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().name() == Some(WORKER) {
                PANICS.fetch_add(1, Ordering::SeqCst);
            }
            report(info);
        }));
    });
    LazyLock::force(&COUNTING);
    PANICS.load(Ordering::SeqCst)
}
