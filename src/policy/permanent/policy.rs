//! The memory as a policy: what it recalls, and what it learns.

use std::{borrow::Cow, mem, ptr};

use http::{Extensions, StatusCode, Uri, request, response};

use super::{
    Commit, Entry, PermanentCache, RedirectCacheMode,
    call_memory::{CallMemory, Candidate, Whose},
    contradiction, entry, fallback,
    inner::{Inner, with_buffer},
    key::KeysOfOrigin,
    methods, storable, usable,
};
use crate::{
    history::Hop,
    policy::{Attempt, Decision, Exchange, Outgoing, Policy, Recall, Remembered, Verdict},
    rules::{location, method, origin},
};

impl Policy for PermanentCache {
    /// Has no opinion.
    fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
        Decision::Pass.into()
    }

    fn recall(&self, request: &mut Outgoing<'_>) -> Recall {
        if !self.inner.has_learned() {
            return Recall::Nothing;
        }
        with_buffer(|key| self.inner.recall(request, key))
    }

    fn concluded(&self, exchange: &mut Exchange<'_>) {
        // Else there is nothing to learn, to remember or to forget.
        if exchange.followed_to().is_some() || self.inner.has_learned() {
            self.conclude(exchange);
        }
    }
}

impl PermanentCache {
    /// Apart, so that a call of a client that never learns anything takes no more than the look at
    /// that.
    #[inline(never)]
    fn conclude(&self, exchange: &mut Exchange<'_>) {
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
        if memory.mode() != RedirectCacheMode::Default
            || origin::has_other_host(&request.uri, &request.headers)
            || !memory.key(&request.uri, key)
        {
            return Recall::Nothing;
        }
        self.others.run();
        let Some(entry) = self.get(key) else {
            if !self.others.exist() {
                return Recall::Nothing;
            }
            return self.ask_others(memory.into_owned(), outgoing, key);
        };
        if !self.is_usable(&entry, key, request) {
            return Recall::Nothing;
        }
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

    /// Asks other processes, once for each request.
    fn ask_others(&self, mut memory: CallMemory, outgoing: &mut Outgoing<'_>, key: &str) -> Recall {
        let request = outgoing.request();
        // What is too long to be kept would be noted as not found.
        if entry::length(&request.uri) > self.options.max_uri_len
            || !methods::may_use(&request.method, self.options.methods)
            || !memory.ask(key)
        {
            return Recall::Nothing;
        }
        let Some(recollection) = self.others.ask(key) else { return Recall::Nothing };
        memory.keep(outgoing.call_state(), self.id());
        Recall::Wait(recollection)
    }

    /// Returns whether what is remembered under `key` may be used for `request`. What is stale goes.
    fn is_usable(&self, entry: &Entry, key: &str, request: &request::Parts) -> bool {
        let now = self.clock.now();
        if usable::remaining(entry, now, &self.options) == 0 {
            self.forget(key);
        }
        usable::usable(entry, request, now, &self.options).is_ok()
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
        if self.has_learned() {
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
        let method = exchange.method();
        let drops = contradiction::dropped_by(method, response.status) && self.key(exchange, key);
        if drops && (self.get(key).is_some() || self.may_be_elsewhere(exchange)) {
            self.remove(key);
        } else if drops && !method.is_safe() {
            // Another call may be about to remember it.
            self.forgotten.note(key);
        }
        let clears = contradiction::clears_site(uri, &response.headers, &self.options);
        let cleared = clears.then(|| KeysOfOrigin::of(uri)).flatten();
        if let Some(keys) = &cleared {
            self.remove_origin(keys);
        }
        // What this call would remember at its end, too.
        if let Some(memory) = CallMemory::find(exchange.call_state(), self.id()) {
            memory.discard(|candidate| {
                drops && candidate == key
                    || cleared.as_ref().is_some_and(|keys| keys.contain(candidate))
            });
        }
    }

    /// Returns whether others may know a redirect of the request that is not known here: none was asked for, since
    /// the method has none, or the call did not want any.
    fn may_be_elsewhere(&self, exchange: &mut Exchange<'_>) -> bool {
        self.others.exist()
            && (!exchange.method().is_safe()
                || self.memory(exchange).mode() != RedirectCacheMode::Default)
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
                self.note_learned();
                match self.options.commit {
                    Commit::OnReceipt => self.put(key, entry),
                    Commit::OnSuccess => memory.propose(key, entry, self.forgotten.now()),
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
            for Candidate { key, entry, since } in memory.take_candidates() {
                if !self.forgotten.since(since, &key) {
                    self.put(&key, entry);
                }
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
        match CallMemory::find(exchange.call_state(), self.id()) {
            Some(memory) => memory.clone(),
            None => self.begin_with(exchange),
        }
    }

    /// Writes the key of the request into `key`, if it has one.
    fn key(&self, exchange: &mut Exchange<'_>, key: &mut String) -> bool {
        let uri = exchange.uri();
        match CallMemory::find(exchange.call_state(), self.id()) {
            Some(memory) => memory.key(uri, key),
            None => self.begin_with(exchange).key(uri, key),
        }
    }

    fn begin_with(&self, exchange: &Exchange<'_>) -> CallMemory {
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

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use http::{Extensions, Request, Response};

    use super::*;

    const A: &str = "https://a.test/x";
    const B: &str = "https://b.test/y";

    fn get(uri: &str) -> request::Parts {
        Request::get(uri).body(()).unwrap().into_parts().0
    }

    fn response(status: u16) -> response::Parts {
        let response = Response::builder().status(status).header("location", B);
        response.body(()).unwrap().into_parts().0
    }

    fn recalls(cache: &PermanentCache, state: &mut Extensions, uri: &str) -> bool {
        matches!(cache.recall(&mut Outgoing::new(&get(uri), state)), Recall::Redirect(_))
    }

    /// Makes a call that a 308 redirects, and says whether that was recalled.
    fn call(cache: &PermanentCache) -> bool {
        let mut state = Extensions::new();
        let is_recalled = recalls(cache, &mut state, A);
        if !is_recalled {
            let (request, redirect, target) = (get(A), response(308), B.parse().unwrap());
            let exchange = Exchange::new(&request, Ok(&redirect), &mut state);
            cache.concluded(&mut exchange.leading_to(&target));
        }
        assert!(!recalls(cache, &mut state, B));
        cache.concluded(&mut Exchange::new(&get(B), Ok(&response(200)), &mut state));
        is_recalled
    }

    #[test]
    fn what_a_call_has_learned_the_next_one_recalls() {
        for commit in [Commit::OnReceipt, Commit::OnSuccess] {
            let cache = PermanentCache::builder().commit(commit).build();
            assert_eq!([call(&cache), call(&cache)], [false, true], "{commit:?}");
        }
    }

    #[test]
    fn what_an_answer_contradicts_is_forgotten_by_a_call_that_has_recalled_nothing() {
        let partition = |_: &request::Parts| Some("p".into());
        for cache in [PermanentCache::new(), PermanentCache::builder().partition(partition).build()]
        {
            call(&cache);
            assert_eq!(cache.len(), 1);
            let (put, ()) = Request::put(A).body(()).unwrap().into_parts();
            let mut state = Extensions::new();
            cache.concluded(&mut Exchange::new(&put, Ok(&response(200)), &mut state));
            assert_eq!(cache.len(), 0);
        }
    }

    /// The partition is what a memory asks of a request before anything else.
    #[test]
    fn a_memory_that_has_never_learned_asks_nothing_of_a_call() {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let cache = PermanentCache::builder().partition(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            None
        });
        let cache = cache.build();
        for status in [200, 308, 404, 500] {
            let mut state = Extensions::new();
            assert!(!recalls(&cache, &mut state, A), "{status}");
            cache.concluded(&mut Exchange::new(&get(A), Ok(&response(status)), &mut state));
        }
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        call(&cache);
        assert!(asked.load(Ordering::SeqCst) > 0);
    }

    #[test]
    fn a_redirect_that_is_not_remembered_is_nothing_learned() {
        let cache = PermanentCache::new();
        let (request, redirect, target) = (get(A), response(307), B.parse().unwrap());
        let mut state = Extensions::new();
        let exchange = Exchange::new(&request, Ok(&redirect), &mut state);
        cache.concluded(&mut exchange.leading_to(&target));
        assert!(!cache.inner.has_learned());
    }
}
