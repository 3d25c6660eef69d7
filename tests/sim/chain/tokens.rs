//! Counts what lives: whatever a chain makes holds a token.

use std::sync::Arc;

/// One kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Content,
    Response,
    Service,
    Call,
    Policy,
}

const KINDS: [Kind; 5] = [Kind::Content, Kind::Response, Kind::Service, Kind::Call, Kind::Policy];

/// Held by a thing while it lives.
#[derive(Clone)]
pub struct Token {
    _held: Arc<()>,
}

#[derive(Default)]
pub struct Tokens {
    of: [Arc<()>; KINDS.len()],
}

impl Tokens {
    pub fn token(&self, kind: Kind) -> Token {
        Token { _held: Arc::clone(&self.of[kind as usize]) }
    }

    /// Returns how many things of a kind live.
    pub fn alive(&self, kind: Kind) -> usize {
        Arc::strong_count(&self.of[kind as usize]) - 1
    }

    /// Returns the kinds of which something lives.
    pub fn left(&self) -> Vec<(Kind, usize)> {
        let left = KINDS.map(|kind| (kind, self.alive(kind)));
        left.into_iter().filter(|(_, alive)| *alive > 0).collect()
    }
}
