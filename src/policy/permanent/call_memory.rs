//! What one call knows of its memory.

use std::{mem, sync::Arc};

use http::{Extensions, Uri};

use super::{Entry, RedirectCacheMode, forgotten::Moment, key};

/// What one call knows of its memory: how it uses it, what it has recalled, what it may remember.
#[derive(Clone, Default)]
pub(super) struct CallMemory {
    mode: RedirectCacheMode,
    whose: Whose,
    recalled: Vec<Recalled>,
    /// Of what was recalled, the walk that led to the current request begins here.
    walk: usize,
    /// What other processes were asked about last.
    asked: Option<Box<str>>,
    candidates: Vec<Candidate>,
}

/// In which partition a call finds what is remembered.
#[derive(Clone, Default)]
pub(super) enum Whose {
    #[default]
    Anybodys,
    Of(Box<str>),
    /// Nobody can tell any more: it finds nothing, and leaves nothing.
    Unknown,
}

/// A redirect that was followed without asking the server.
#[derive(Clone)]
pub(super) struct Recalled {
    pub(super) key: Box<str>,
    pub(super) entry: Arc<Entry>,
}

/// What is remembered if the call ends well, and if it is not forgotten meanwhile.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) key: Box<str>,
    pub(super) entry: Entry,
    pub(super) since: Moment,
}

/// The memories of a call, each with its cache: two of these may be joined in one policy.
#[derive(Clone, Default)]
struct Memories(Vec<(usize, CallMemory)>);

impl CallMemory {
    /// Begins the memory of a call with what its first request brings along.
    pub(super) fn begin(first: &Extensions, whose: Whose) -> Self {
        let mode = first.get().copied().unwrap_or_default();
        Self { mode, whose, ..Self::default() }
    }

    pub(super) fn find(state: &mut Extensions, cache: usize) -> Option<&mut Self> {
        let Memories(memories) = state.get_mut()?;
        memories.iter_mut().find(|(of, _)| *of == cache).map(|(_, memory)| memory)
    }

    /// Keeps it for the rest of the call.
    pub(super) fn keep(self, state: &mut Extensions, cache: usize) {
        let Memories(memories) = state.get_or_insert_default();
        memories.retain(|(of, _)| *of != cache);
        memories.push((cache, self));
    }

    /// Gives up what the call would have remembered of some keys.
    pub(super) fn discard(&mut self, is_wrong: impl Fn(&str) -> bool) {
        self.candidates.retain(|candidate| !is_wrong(&candidate.key));
    }

    pub(super) fn mode(&self) -> RedirectCacheMode {
        self.mode
    }

    /// Writes the key of `uri` into `buffer`, if it has one.
    pub(super) fn key(&self, uri: &Uri, buffer: &mut String) -> bool {
        match &self.whose {
            Whose::Anybodys => key::key(None, uri, buffer),
            Whose::Of(partition) => key::key(Some(partition), uri, buffer),
            Whose::Unknown => false,
        }
    }

    /// Returns whether the redirect of `key` was recalled before in this call: then it loops.
    pub(super) fn has_recalled(&self, key: &str) -> bool {
        self.recalled.iter().any(|recalled| &*recalled.key == key)
    }

    pub(super) fn recall(&mut self, key: &str, entry: &Arc<Entry>) {
        self.recalled.push(Recalled { key: key.into(), entry: Arc::clone(entry) });
    }

    /// Notes that other processes are asked about `key`, unless they were just asked.
    pub(super) fn ask(&mut self, key: &str) -> bool {
        let is_new = self.asked.as_deref() != Some(key);
        if is_new {
            self.asked = Some(key.into());
        }
        is_new
    }

    /// Returns what has led to the current request since a server was asked.
    pub(super) fn walk(&self) -> &[Recalled] {
        self.recalled.get(self.walk..).unwrap_or_default()
    }

    /// Ends the walk: the server has redirected, or it is taken back.
    pub(super) fn end_walk(&mut self) {
        self.walk = self.recalled.len();
    }

    /// Notes what is remembered if the call ends well.
    pub(super) fn propose(&mut self, key: &str, entry: Entry, since: Moment) {
        self.candidates.push(Candidate { key: key.into(), entry, since });
    }

    pub(super) fn take_candidates(&mut self) -> Vec<Candidate> {
        mem::take(&mut self.candidates)
    }
}
