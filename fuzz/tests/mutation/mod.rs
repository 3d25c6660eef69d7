//! Inputs by the number: the same number makes the same input.

// No test needs all of it.
#![allow(dead_code)]

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).expect("it is below a usize")
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    /// Any bytes, up to 256 of them.
    pub(crate) fn noise(&mut self) -> Vec<u8> {
        let length = self.below(257);
        (0..length).map(|_| self.byte()).collect()
    }

    /// Up to eight bytes, where few are as good as many.
    pub(crate) fn words(&mut self) -> Vec<u8> {
        let length = self.below(9);
        (0..length).map(|_| self.byte()).collect()
    }

    /// One of `seeds` with one to four changes.
    pub(crate) fn mutant(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let other = self.below(seeds.len());
            self.mutate(&mut input, &seeds[other]);
        }
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(input.len() + 1);
        let end = input.len().min(at + self.below(8));
        match self.below(5) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 => input.insert(at, self.byte()),
            2 => drop(input.drain(at..end)),
            3 => input.extend_from_within(at..end),
            _ => {
                let from = self.below(other.len() + 1);
                let to = other.len().min(from + self.below(32));
                input.splice(at..end, other[from..to].iter().copied());
            }
        }
    }
}
