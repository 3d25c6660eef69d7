//! What a call pays: both hooks of a policy, on a GET that is answered 200.

use std::{error::Error, hint::black_box};

use http::{Extensions, Request, Response, request, response};
use tower_follow_redirect::{
    Policy,
    policy::{Exchange, Outgoing, Recall, Standard, permanent::PermanentCache},
};

use crate::{
    Kind, Scale, allocator, instructions,
    rounds::{Spread, median_batch, rounds},
    urls,
};

/// So many instructions may a memory in which nothing was ever stored add to a call: beside a policy that
/// has no hooks, in a build that is optimized.
const BOUND: f64 = 12.0;

/// So many calls are timed at once.
const BATCH: usize = 4096;

/// What is in the memory of a filled client.
const ENTRIES: usize = 1000;

/// Who makes the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Calls no hook: what the loop itself takes.
    Loop,
    /// Has a policy that has no hooks of its own.
    Standard,
    /// Has a memory that nothing was ever stored in.
    NeverStored,
    /// Has a memory where the URI is not.
    Misses,
    /// Has a memory where it is: the request goes to the target, which is not.
    Hits,
}

impl Client {
    pub const ALL: [Self; 5] =
        [Self::Loop, Self::Standard, Self::NeverStored, Self::Misses, Self::Hits];

    pub fn name(self) -> &'static str {
        match self {
            Self::Loop => "the loop alone",
            Self::Standard => "Standard",
            Self::NeverStored => "never stored",
            Self::Misses => "stored, a miss",
            Self::Hits => "stored, a hit",
        }
    }

    fn policy(self) -> Box<dyn Policy + Sync> {
        match self {
            Self::Loop | Self::Standard => Box::new(Standard),
            Self::NeverStored => Box::new(PermanentCache::new()),
            Self::Misses | Self::Hits => {
                let store = Kind::Ours.filled(ENTRIES);
                Box::new(PermanentCache::builder().store(store).build())
            }
        }
    }
}

/// Measures all clients, prints them, and says what is too much.
pub fn measure(scale: Scale) -> Result<Vec<String>, Box<dyn Error>> {
    let (count, batches) = match scale {
        Scale::Full => (31, 64),
        Scale::Smoke => (1, 2),
    };
    let callers = Client::ALL.map(Caller::new);
    let times = rounds(count, callers.len(), |which| {
        let took = median_batch(1, batches, &|_| callers[which].calls(BATCH));
        took.as_secs_f64() * 1e9 / BATCH as f64
    });
    println!("a call with a GET that is answered 200: both hooks, in {count} rounds");
    println!("{:>17} {:>12} {:>12} {:>22}", "", "instructions", "allocations", "ns");
    let (mut complaints, mut instructions) = (Vec::new(), Vec::new());
    for (caller, times) in callers.iter().zip(times) {
        let count = instructions::of_a_call(caller.client)?;
        let allocations = caller.allocations();
        let Spread { least, median, most } = Spread::of(times);
        println!(
            "{:>17} {:>12} {allocations:>12} {median:>7.1} ({least:.1}-{most:.1})",
            caller.client.name(),
            count.map_or_else(|| "?".to_owned(), |count| format!("{count:.1}")),
        );
        if allocations > 0 && caller.client != Client::Hits {
            complaints.push(format!("{}: it allocates", caller.client.name()));
        }
        instructions.push(count);
    }
    complaints.extend(judge(&instructions, scale));
    println!();
    Ok(complaints)
}

fn judge(instructions: &[Option<f64>], scale: Scale) -> Option<String> {
    let &[Some(bare), Some(standard), Some(never), ..] = instructions else {
        println!("no instructions are counted: valgrind is not installed");
        return (scale == Scale::Full).then(|| "no instructions: install valgrind".into());
    };
    let (more, all) = (never - standard, never - bare);
    println!(
        "never stored: {more:.1} instructions more than Standard; {all:.1} with how it is called"
    );
    (more > BOUND && !cfg!(debug_assertions))
        .then(|| format!("never stored: {more:.1} instructions, not {BOUND}"))
}

/// A client that makes the same call again and again.
pub struct Caller {
    client: Client,
    policy: Box<dyn Policy + Sync>,
    request: request::Parts,
    target: request::Parts,
    response: response::Parts,
}

impl Caller {
    pub fn new(client: Client) -> Self {
        let get = |uri: String| Request::get(uri).body(()).expect("a request").into_parts().0;
        let n = if client == Client::Hits { 7 } else { ENTRIES };
        let target = urls::entry(n).target().uri().to_string();
        Self {
            client,
            policy: client.policy(),
            request: get(urls::source(n)),
            target: get(target),
            response: Response::new(()).into_parts().0,
        }
    }

    pub fn calls(&self, times: usize) {
        let policy = black_box(&*self.policy);
        match self.client {
            Client::Loop => self.repeat(times, |_| black_box(Recall::Nothing), |_| ()),
            _ => self.repeat(
                times,
                |outgoing| policy.recall(outgoing),
                |exchange| policy.concluded(exchange),
            ),
        }
    }

    /// Makes what the hooks are given whether they are called or not: that is not what is measured.
    fn repeat(
        &self,
        times: usize,
        recall: impl Fn(&mut Outgoing<'_>) -> Recall,
        conclude: impl Fn(&mut Exchange<'_>),
    ) {
        for _ in 0..times {
            let mut state = Extensions::new();
            let sent = match recall(black_box(&mut Outgoing::new(&self.request, &mut state))) {
                Recall::Redirect(_) => {
                    black_box(recall(&mut Outgoing::new(&self.target, &mut state)));
                    &self.target
                }
                _ => &self.request,
            };
            conclude(black_box(&mut Exchange::new(sent, Ok(&self.response), &mut state)));
        }
    }

    /// Returns how often a call allocates.
    fn allocations(&self) -> u64 {
        // The first call of a thread makes what the others use.
        self.calls(1);
        let before = allocator::allocations();
        self.calls(1);
        allocator::allocations() - before
    }
}
