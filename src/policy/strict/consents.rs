//! What was confirmed, and holds for more than one redirect.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::Extensions;

use crate::{origins::KnownOrigins, rules::origin::Origin};

/// The consents of one chain, and those of all.
#[derive(Clone)]
pub(super) struct Consents {
    chain: ThisChain,
    all: Arc<KnownOrigins>,
}

/// The origins that were confirmed for the rest of one chain: a part of its call state.
#[derive(Clone, Default)]
struct ThisChain(Arc<Mutex<Vec<Origin>>>);

impl Consents {
    pub(super) fn of(call_state: &mut Extensions, all: &Arc<KnownOrigins>) -> Self {
        let chain = call_state.get_or_insert_with(ThisChain::default).clone();
        Self { chain, all: Arc::clone(all) }
    }

    pub(super) fn hold_for(&self, origin: &Origin) -> bool {
        let chain = self.chain.0.lock().unwrap_or_else(PoisonError::into_inner);
        chain.contains(origin) || self.all.know(origin, Instant::now())
    }

    pub(super) fn add_for_chain(&self, origin: Origin) {
        self.chain.0.lock().unwrap_or_else(PoisonError::into_inner).push(origin);
    }

    pub(super) fn add_for(&self, time: Duration, origin: Origin) {
        let now = Instant::now();
        // What is longer than there is time is as long as an answer should hold.
        let until = now.checked_add(time).unwrap_or(now + Duration::from_secs(365 * 24 * 3600));
        self.all.remember(origin, now, until);
    }
}
