//! The memory as a policy: what it recalls, and what it learns.

use std::{borrow::Cow, mem, ptr, sync::Arc};

use http::{Extensions, StatusCode, Uri, request, response};

use super::{
    Commit, Entry, PermanentCache, RedirectCacheMode,
    cache::{Inner, with_buffer},
    call_memory::{CallMemory, Whose},
    contradiction, fallback, storable, usable,
};
use crate::{
    history::Hop,
    policy::{Attempt, Decision, Exchange, Outgoing, Policy, Recall, Remembered, Verdict},
    rules::{location, method},
};

impl Policy for PermanentCache {
    /// Has no opinion.
    fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
        Decision::Pass.into()
    }

    fn recall(&self, request: &mut Outgoing<'_>) -> Recall {
        if !self.inner.has_stored() {
            return Recall::Nothing;
        }
        with_buffer(|key| self.inner.recall(request, key))
    }

    fn concluded(&self, exchange: &mut Exchange<'_>) {
        // Nothing to forget, and nothing that this call could have learned.
        if !self.inner.has_stored()
            && exchange.hops().is_empty()
            && exchange.followed_to().is_none()
        {
            return;
        }
        with_buffer(|key| self.inner.concluded(exchange, key));
    }
}

impl Inner {
    fn recall(&self, outgoing: &mut Outgoing<'_>, key: &mut String) -> Recall {
        let (request, hops) = (outgoing.request(), outgoing.hops());
        if self.partition.is_some() && CallMemory::find(outgoing.call_state(), self.id()).is_none()
        {
            // It is asked once, so what it says is kept, used or not.
            let memory = self.begin(&request.extensions, hops, || request);
            memory.keep(outgoing.call_state(), self.id());
        }
        let mut memory = match CallMemory::find(outgoing.call_state(), self.id()) {
            Some(memory) => Cow::Borrowed(&*memory),
            None => Cow::Owned(self.begin(&request.extensions, hops, || request)),
        };
        if memory.mode() != RedirectCacheMode::Default || !memory.key(&request.uri, key) {
            return Recall::Nothing;
        }
        let Some(entry) = self.usable(key, request) else { return Recall::Nothing };
        let memory = memory.to_mut();
        let recall = if memory.has_recalled(key) {
            self.leave_loop(memory, key)
        } else {
            memory.recall(key, &entry);
            Recall::Redirect(Remembered::new(entry.status(), entry.target().clone()))
        };
        mem::take(memory).keep(outgoing.call_state(), self.id());
        recall
    }

    /// Returns what is remembered under `key`, if it may be used for `request`.
    fn usable(&self, key: &str, request: &request::Parts) -> Option<Arc<Entry>> {
        let entry = self.get(key)?;
        let now = self.clock.now();
        match usable::usable(&entry, request, now, &self.options) {
            Ok(()) => Some(entry),
            Err(_) => {
                if entry.remaining(now) == 0 {
                    self.remove(key);
                }
                None
            }
        }
    }

    /// Forgets what has led to a URI that was left before: the server may know a way out.
    fn leave_loop(&self, memory: &mut CallMemory, key: &str) -> Recall {
        self.remove(key);
        if memory.walk().is_empty() {
            return Recall::Nothing;
        }
        self.forget_walk(memory);
        Recall::Retract
    }

    fn concluded(&self, exchange: &mut Exchange<'_>, key: &mut String) {
        let Ok(response) = exchange.outcome() else { return self.fall_back(exchange) };
        if self.has_stored() {
            self.forget_contradicted(exchange, response, key);
        }
        match exchange.followed_to() {
            Some(target) => self.learn(exchange, response, target, key),
            None if fallback::is_astray(response.status) => self.fall_back(exchange),
            None => self.commit(exchange, response.status),
        }
    }

    /// Forgets what the server's answer contradicts.
    fn forget_contradicted(
        &self,
        exchange: &mut Exchange<'_>,
        response: &response::Parts,
        key: &mut String,
    ) {
        let uri = exchange.uri();
        if contradiction::dropped_by(exchange.method(), response.status)
            && self.memory(exchange).key(uri, key)
            && self.get(key).is_some()
        {
            self.remove(key);
        }
        if contradiction::clears_site(uri, &response.headers, &self.options) {
            self.forget_origin(uri);
        }
    }

    /// Learns of a redirect that is followed to `target`.
    fn learn(
        &self,
        exchange: &mut Exchange<'_>,
        response: &response::Parts,
        target: &Uri,
        key: &mut String,
    ) {
        let mut memory = self.memory(exchange);
        memory.end_walk();
        if memory.mode() != RedirectCacheMode::Bypass
            && self.options.statuses.contain(response.status)
            && memory.key(exchange.uri(), key)
        {
            if let Some(entry) = self.entry(exchange, response, target) {
                match self.options.commit {
                    Commit::OnReceipt => self.put(key, entry),
                    Commit::OnSuccess => memory.propose(key, entry),
                }
            }
        }
        memory.keep(exchange.call_state(), self.id());
    }

    /// Makes what is remembered of a redirect, if anything is.
    fn entry(
        &self,
        exchange: &Exchange<'_>,
        response: &response::Parts,
        followed_to: &Uri,
    ) -> Option<Entry> {
        // Without the fragment that the request would hand on.
        let target = location::target(exchange.uri(), None, &response.headers).ok()?;
        if target.uri() != followed_to {
            // A policy has led elsewhere.
            return None;
        }
        let now = self.clock.now();
        storable::store(exchange.request(), response, &target, now, &self.options).ok()
    }

    /// Remembers what the call has learned, if it ends well. One that ends with a redirect does not:
    /// nobody has seen where that leads.
    fn commit(&self, exchange: &mut Exchange<'_>, status: StatusCode) {
        let id = self.id();
        let Some(memory) = CallMemory::find(exchange.call_state(), id) else { return };
        if status.as_u16() < 400 && !method::is_redirect(status) {
            for (key, entry) in memory.take_candidates() {
                self.put(&key, entry);
            }
        }
    }

    /// Goes back to where remembered redirects have led astray from, and forgets them.
    fn fall_back(&self, exchange: &mut Exchange<'_>) {
        let (id, method) = (self.id(), exchange.method());
        let Some(memory) = CallMemory::find(exchange.call_state(), id) else { return };
        let walked = memory.walk().iter().map(|recalled| &*recalled.entry);
        if fallback::falls_back(method, walked, self.clock.now(), &self.options) {
            self.forget_walk(memory);
            exchange.retract();
        }
    }

    fn forget_walk(&self, memory: &mut CallMemory) {
        memory.walk().iter().for_each(|recalled| self.remove(&recalled.key));
        memory.end_walk();
    }

    /// Returns a copy of what the call knows, or begins it.
    fn memory(&self, exchange: &mut Exchange<'_>) -> CallMemory {
        let id = self.id();
        if let Some(memory) = CallMemory::find(exchange.call_state(), id) {
            return memory.clone();
        }
        self.begin(exchange.extensions(), exchange.hops(), || exchange.request())
    }

    /// Begins what a call knows, with the caller's request.
    fn begin<'r>(
        &self,
        extensions: &Extensions,
        hops: &[Hop],
        request: impl FnOnce() -> &'r request::Parts,
    ) -> CallMemory {
        CallMemory::begin(
            extensions,
            match &self.partition {
                None => Whose::Anybodys,
                Some(partition) if hops.is_empty() => {
                    partition(request()).map_or(Whose::Anybodys, Whose::Of)
                }
                // Another policy was asked first, and remembered something: this is not the caller's
                // request any more, and may lack what tells whose it is.
                Some(_) => Whose::Unknown,
            },
        )
    }

    /// What tells this memory from others in one policy.
    fn id(&self) -> usize {
        ptr::from_ref(self) as usize
    }
}
