//! `PermanentCache` as a part of a layer: what the vectors in `tests/vectors` do not reach.

mod calls;
mod joined;
mod learning;
mod properties;
mod secrets;
mod shared;
mod snapshot;
mod stage;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use tower_follow_redirect::{
    FollowRedirectLayer, History, Policy,
    policy::permanent::{PermanentCache, PermanentCacheBuilder, RedirectCacheMode},
};

use crate::support::{
    get,
    step::{Call, ok},
};

/// When every clock starts, in seconds since 1970.
pub const START: u64 = 1_767_225_600;

/// A clock that stands still until it is turned. Clones are one clock.
#[derive(Clone)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(START)))
    }

    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Returns whether no clone is left.
    pub fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    pub fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }

    /// Begins a memory that looks at it.
    pub fn builder(&self) -> PermanentCacheBuilder {
        let clock = self.clone();
        PermanentCache::builder().clock(move || clock.now())
    }
}

/// Makes a memory, and the clock that it looks at.
pub fn memory(set_up: impl FnOnce(PermanentCacheBuilder) -> PermanentCacheBuilder) -> Memory {
    let clock = Clock::new();
    let cache = set_up(clock.builder()).build();
    Memory { cache, clock }
}

/// Makes a memory with the defaults.
pub fn default_memory() -> Memory {
    memory(|builder| builder)
}

pub struct Memory {
    pub cache: PermanentCache,
    pub clock: Clock,
}

impl Memory {
    pub fn layer(&self) -> FollowRedirectLayer<PermanentCache> {
        layer(self.cache.clone())
    }

    pub fn get(&self, uri: &str) -> Call<Empty<Bytes>> {
        Call::start(self.layer(), get(uri))
    }

    /// Lets the memory learn that one URI is another.
    pub async fn learn(&self, from: &str, to: &str) {
        let before = self.cache.len();
        let mut call = self.get(from);
        call.next().await.redirect(308, to);
        call.end_with_ok().await;
        assert_eq!(self.cache.len(), before + 1, "{from} to {to} is not remembered");
    }

    /// Returns where a GET of `uri` goes first, without changing the memory.
    pub async fn leads(&self, uri: &str) -> String {
        let mut call = self.get(uri);
        let hop = call.next().await;
        let first = hop.uri();
        hop.answer(crate::support::step::status(503));
        call.end().await.unwrap();
        first
    }
}

pub fn layer<P: Policy>(policy: P) -> FollowRedirectLayer<P> {
    FollowRedirectLayer::new().with_policy(policy)
}

pub fn get_in(mode: RedirectCacheMode, uri: &str) -> Request<Empty<Bytes>> {
    let mut request = get(uri);
    request.extensions_mut().insert(mode);
    request
}

/// Returns the redirects that were followed, each with whether it was remembered.
pub fn hops<B>(response: &Response<B>) -> Vec<(String, bool)> {
    let hops = History::of(response).map(History::hops).unwrap_or_default();
    hops.iter().map(|hop| (hop.uri().to_string(), hop.is_from_cache())).collect()
}

/// Ends a call whose requests are answered in order: a redirect to somewhere, or 200.
///
/// Returns the URIs of the requests.
pub async fn play(mut call: Call<Empty<Bytes>>, answers: &[Option<&str>]) -> Vec<String> {
    let mut uris = Vec::new();
    for answer in answers {
        let hop = call.next().await;
        uris.push(hop.uri());
        match answer {
            Some(location) => hop.redirect(302, location),
            None => hop.answer(ok()),
        }
    }
    call.end().await.unwrap();
    uris
}
