//! Where choices come from: a seed, or bytes that somebody else has chosen.

/// A source of choices. The same source makes the same chain.
#[derive(Clone, Debug)]
pub enum Choices<'a> {
    Seed(u64),
    /// When they are used up, every choice is the first.
    Bytes(&'a [u8]),
}

impl Choices<'_> {
    /// Chooses a number below `options`.
    pub fn below(&mut self, options: usize) -> usize {
        let chosen = match self {
            Self::Seed(state) => next(state),
            Self::Bytes(bytes) => {
                // One byte is enough for most choices, and a fuzzer changes one byte at a time.
                let count = if options > 256 { 4 } else { 1 };
                let (taken, rest) = bytes.split_at(count.min(bytes.len()));
                *bytes = rest;
                taken.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
            }
        };
        (chosen % options.max(1) as u64) as usize
    }

    /// Says yes once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) + 1 == times
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// Makes `what` once in `times`.
    pub fn maybe<T>(&mut self, times: usize, what: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.one_in(times).then(|| what(self))
    }
}

/// [SplitMix64](https://prng.di.unimi.it/splitmix64.c).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
