//! What a chain is about most: what is rare where anything may happen is frequent in some of them.

use super::{choices::Choices, server::ORIGINS};

/// What a chain is about most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Anything,
    /// Redirects that are remembered: permanent, from `https` to `https`.
    Permanent,
    /// Redirects that come at once, one after the other.
    Rush,
}

impl Mood {
    pub fn choose(choices: &mut Choices<'_>) -> Self {
        match choices.below(20) {
            0..=13 => Self::Anything,
            14..=18 => Self::Permanent,
            _ => Self::Rush,
        }
    }

    /// Chooses how many calls there are.
    pub fn calls(self, choices: &mut Choices<'_>) -> usize {
        match self {
            Self::Anything | Self::Rush => 1 + choices.below(3),
            // What one call learns is for the next ones.
            Self::Permanent => 3 + choices.below(6),
        }
    }

    /// Chooses an origin, by its index.
    pub fn origin(self, choices: &mut Choices<'_>) -> usize {
        match self {
            Self::Anything | Self::Rush => choices.below(ORIGINS.len()),
            Self::Permanent => choices.pick(&[1, 1, 1, 2]),
        }
    }
}
