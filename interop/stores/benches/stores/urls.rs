//! The redirects that are remembered, and which are asked for how often.

use std::time::{Duration, SystemTime};

use tower_follow_redirect::{Target, policy::permanent::Entry};

/// The length of every URL.
pub const LENGTH: usize = 60;

/// Returns the `n`th source. It is its own key.
pub fn source(n: usize) -> String {
    url('a', n)
}

/// Returns what is remembered of the `n`th source.
pub fn entry(n: usize) -> Entry {
    let target = Target::new(url('b', n).parse().expect("a URI"), None).expect("a target");
    let now = SystemTime::now();
    Entry::new(target, now, now + Duration::from_secs(24 * 60 * 60))
}

fn url(host: char, n: usize) -> String {
    let url = format!("https://{host}.test/articles/{n:025}/index.html");
    assert_eq!(url.len(), LENGTH);
    url
}

/// Draws from `0..count` by Zipf's law: the `k`th most frequent is drawn `k` times less often than the
/// first. Who is frequent is spread over all.
pub fn zipf(count: usize, draws: usize) -> Vec<usize> {
    /// Of no size has it a factor.
    const PRIME: usize = 7919;
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=count)
        .map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        })
        .collect();
    let mut random = Random(1);
    (0..draws)
        .map(|_| {
            let at = random.fraction() * sum;
            let rank = sums.partition_point(|&sum| sum <= at).min(count - 1);
            rank * PRIME % count
        })
        .collect()
}

/// SplitMix64: the same numbers in every run.
struct Random(u64);

impl Random {
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as f64 / 2f64.powi(64)
    }
}
