//! The tasks that a client spawns: none may panic, and none may outlive it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use hyper::rt::Executor;

/// Spawns on tokio, and counts.
#[derive(Clone, Default)]
pub struct Tasks {
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    alive: AtomicUsize,
    panicked: AtomicUsize,
}

impl Tasks {
    pub fn panicked(&self) -> usize {
        self.counts.panicked.load(Ordering::SeqCst)
    }

    pub fn alive(&self) -> usize {
        self.counts.alive.load(Ordering::SeqCst)
    }
}

impl<F> Executor<F> for Tasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        let counts = Arc::clone(&self.counts);
        counts.alive.fetch_add(1, Ordering::SeqCst);
        let task = tokio::spawn(future);
        tokio::spawn(async move {
            if task.await.is_err_and(|error| error.is_panic()) {
                counts.panicked.fetch_add(1, Ordering::SeqCst);
            }
            counts.alive.fetch_sub(1, Ordering::SeqCst);
        });
    }
}
