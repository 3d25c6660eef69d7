//! A memory of redirects with a clock that is turned by hand, and what a server teaches it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{Extensions, request, response};
use tower_follow_redirect::{
    Policy,
    policy::{
        Exchange, Outgoing, Recall,
        permanent::{Commit, Entry, PermanentCache, PermanentCacheBuilder},
    },
    rules::location,
};

/// When clocks start: 2026-01-01T00:00:00Z.
pub(crate) const NOW: u64 = 1_767_225_600;

/// In seconds since 1970. Clones are one clock.
#[derive(Clone, Debug)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(crate) fn at(seconds: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seconds)))
    }

    pub(crate) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    /// Begins a memory of some redirects, which learns what it receives at once.
    pub(crate) fn builder(&self) -> PermanentCacheBuilder {
        let clock = self.clone();
        PermanentCache::builder()
            .clock(move || clock.now())
            .commit(Commit::OnReceipt)
            .max_entries(ENTRIES)
    }
}

/// How many redirects a memory has room for.
pub(crate) const ENTRIES: usize = 64;

/// Lets a server answer a request with a redirect that is followed.
pub(crate) fn teach(cache: &PermanentCache, request: &request::Parts, response: &response::Parts) {
    let Ok(target) = location::target(&request.uri, None, &response.headers) else { return };
    let mut state = Extensions::new();
    let mut exchange = Exchange::new(request, Ok(response), &mut state).leading_to(target.uri());
    cache.concluded(&mut exchange);
}

/// Returns whether a request is redirected by what is remembered.
pub(crate) fn recalls(cache: &PermanentCache, request: &request::Parts) -> bool {
    let mut state = Extensions::new();
    matches!(cache.recall(&mut Outgoing::new(request, &mut state)), Recall::Redirect(_))
}

/// Returns what is kept: partition, source and entry, in order.
pub(crate) fn contents(cache: &PermanentCache) -> Vec<(Option<String>, String, Entry)> {
    let mut contents = Vec::new();
    cache.retain(|source, entry| {
        let partition = source.partition().map(str::to_owned);
        contents.push((partition, source.uri().to_owned(), entry.clone()));
        true
    });
    contents.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    contents
}

pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
