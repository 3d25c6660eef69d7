//! Numbers of many rounds.

use std::{fmt, time::Duration};

/// The least, the median and the most of some figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// # Panics
    ///
    /// Panics if there is none.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let median = figures[figures.len() / 2];
        Self { least: figures[0], median, most: figures[figures.len() - 1] }
    }

    /// Of each round's figure and that of a peer in the same round.
    pub(crate) fn of_ratios(ours: &[f64], peers: &[f64]) -> Self {
        Self::of(ours.iter().zip(peers).map(|(ours, peers)| ours / peers))
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} ({:.2}–{:.2})", self.median, self.least, self.most)
    }
}

/// Milliseconds.
pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
