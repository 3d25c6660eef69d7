//! Measuring in rounds: everything that is compared runs in every round, one after the other.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// Least, median and most of several measurements.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        Self { least: values[0], median: values[values.len() / 2], most: values[values.len() - 1] }
    }
}

/// What was measured of one of those that are compared, round by round.
pub type Series = Vec<f64>;

/// Measures each of `count` once in every round. Who is first takes turns, and who comes after whom.
pub fn rounds(rounds: usize, count: usize, mut measure: impl FnMut(usize) -> f64) -> Vec<Series> {
    let mut series = vec![Series::new(); count];
    // The first one warms up.
    for round in 0..=rounds {
        let mut order: Vec<usize> = (0..count).collect();
        order.rotate_left(round / 2 % count);
        if round % 2 == 1 {
            order.reverse();
        }
        for which in order {
            let value = measure(which);
            if round > 0 {
                series[which].push(value);
            }
        }
    }
    series
}

/// Compares round with round.
pub fn ratio(series: &Series, to: &Series) -> Spread {
    Spread::of(series.iter().zip(to).map(|(value, to)| value / to))
}

/// Runs all batches on each of some threads at once, each thread from elsewhere on, and returns how long
/// the median batch took: one that was interrupted does not count.
pub fn median_batch(threads: usize, batches: usize, run: &(dyn Fn(usize) + Sync)) -> Duration {
    let start = Barrier::new(threads);
    let work = |thread: usize| {
        start.wait();
        let first = thread * batches / threads;
        let took = |batch: usize| {
            let began = Instant::now();
            run(batch % batches);
            began.elapsed()
        };
        (first..first + batches).map(took).collect::<Vec<_>>()
    };
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> =
            (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("nothing panics")).collect()
    });
    times.sort_unstable();
    times[times.len() / 2]
}
