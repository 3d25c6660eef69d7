//! A lookup: in the bare store, and as the whole of what a memory does before a request.

use std::{hint::black_box, sync::Arc, time::Duration};

use http::{Extensions, Request, request};
use tower_follow_redirect::{
    Policy,
    policy::{
        Outgoing, Recall,
        permanent::{PermanentCache, RedirectStore},
    },
};

use crate::{
    Kind, Scale,
    rounds::{Series, Spread, median_batch, ratio, rounds},
    urls,
};

/// So many lookups are timed at once.
const BATCH: usize = 4096;

/// With two threads, a lookup in ours may take so many times as long as one in the map, which has no
/// bound and notes no use.
const BOUND_OF_MAP: f64 = 1.25;

/// One in ours never takes longer than one in moka, which has the same bound.
const BOUND_OF_MOKA: f64 = 1.0;

/// Stores of one size, with what they are asked for.
struct Subject {
    stores: Vec<(Arc<dyn RedirectStore>, Box<dyn Policy + Sync>)>,
    hits: Asked,
    misses: Asked,
}

/// Keys and requests, in the order in which they are asked for: as with a request that was made just
/// now, none has to be fetched from far away.
struct Asked {
    keys: Vec<Box<str>>,
    requests: Vec<request::Parts>,
    /// Whether they are there.
    found: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Get,
    Recall,
}

/// Measures all sizes, prints them, and says where ours is too slow.
pub fn measure(scale: Scale) -> Vec<String> {
    let (sizes, batches, count) = match scale {
        Scale::Full => (&[1000, 100_000, 1_000_000][..], 32, 11),
        Scale::Smoke => (&[1000][..], 2, 1),
    };
    println!("ns per lookup and thread, Zipf; how many times as long as ours, in {count} rounds");
    println!("{:>36} {:>8}{:>33}{:>33}", "", "ours", "RwLock<HashMap>", "moka");
    let mut complaints = Vec::new();
    for &size in sizes {
        let subject = Subject::new(size, batches);
        for what in [What::Get, What::Recall] {
            for asked in [&subject.hits, &subject.misses] {
                for threads in [1, 2] {
                    let series = rounds(count, Kind::ALL.len(), |which| {
                        subject.time(which, what, asked, threads, batches)
                    });
                    let row = row(size, what, asked, threads);
                    print_row(&row, &series);
                    if scale == Scale::Full {
                        complaints.extend(judge(&row, threads, &series));
                    }
                }
            }
        }
    }
    println!();
    complaints
}

fn row(size: usize, what: What, asked: &Asked, threads: usize) -> String {
    let size = match size {
        1_000_000 => "1 M".to_owned(),
        size => format!("{} k", size / 1000),
    };
    let what = if what == What::Get { "get" } else { "recall" };
    let found = if asked.found { "hit" } else { "miss" };
    let s = if threads == 1 { "" } else { "s" };
    format!("{size:>6} entries {what:>6} {found:>4}, {threads} thread{s}")
}

fn print_row(row: &str, series: &[Series]) {
    let median = |series: &Series| Spread::of(series.iter().copied()).median;
    print!("{row:<36} {:>8.1}", median(&series[0]));
    for other in &series[1..] {
        let Spread { least, median: ratio, most } = ratio(other, &series[0]);
        print!(" {:>10.1} x{ratio:>5.2} ({least:>5.2}-{most:>5.2})", median(other));
    }
    println!();
}

fn judge(row: &str, threads: usize, series: &[Series]) -> Vec<String> {
    let [ours, map, moka] = series else { return vec![format!("{row}: not three stores")] };
    let mut complaints = Vec::new();
    for (other, name, bound, is_judged) in [
        (map, Kind::Map.name(), BOUND_OF_MAP, threads > 1),
        (moka, Kind::Moka.name(), BOUND_OF_MOKA, true),
    ] {
        let longer = ratio(ours, other).median;
        if is_judged && longer > bound {
            complaints.push(format!("{row}: {longer:.2} of {name}, not {bound:.2}"));
        }
    }
    complaints
}

impl Subject {
    fn new(size: usize, batches: usize) -> Self {
        let store = |kind: Kind| -> (Arc<dyn RedirectStore>, Box<dyn Policy + Sync>) {
            let store = kind.filled(size);
            let cache = PermanentCache::builder().store(Arc::clone(&store)).build();
            (store, Box::new(cache))
        };
        let drawn = urls::zipf(size, batches * BATCH);
        Self {
            stores: Kind::ALL.map(store).into(),
            hits: Asked::new(drawn.iter().copied(), true),
            misses: Asked::new(drawn.iter().map(|n| n + size), false),
        }
    }

    /// Returns how many nanoseconds a lookup takes.
    fn time(&self, which: usize, what: What, asked: &Asked, threads: usize, batches: usize) -> f64 {
        let (store, memory) = &self.stores[which];
        let (store, memory) = (black_box(&**store), black_box(&**memory));
        let took: Duration = median_batch(threads, batches, &|batch| {
            let batch = batch * BATCH..(batch + 1) * BATCH;
            let found = match what {
                What::Get => {
                    let keys = asked.keys[batch].iter();
                    keys.filter(|key| store.get(key).is_some()).count()
                }
                What::Recall => {
                    let requests = asked.requests[batch].iter();
                    requests.filter(|request| is_recalled(memory, request)).count()
                }
            };
            assert_eq!(found, if asked.found { BATCH } else { 0 });
        });
        took.as_secs_f64() * 1e9 / BATCH as f64
    }
}

fn is_recalled(memory: &dyn Policy, request: &request::Parts) -> bool {
    let mut state = Extensions::new();
    let recall = memory.recall(&mut Outgoing::new(request, &mut state));
    matches!(recall, Recall::Redirect(_))
}

impl Asked {
    fn new(numbers: impl Iterator<Item = usize> + Clone, found: bool) -> Self {
        let get = |uri: String| Request::get(uri).body(()).expect("a request").into_parts().0;
        Self {
            keys: numbers.clone().map(urls::source).map(String::into_boxed_str).collect(),
            requests: numbers.map(urls::source).map(get).collect(),
            found,
        }
    }
}
