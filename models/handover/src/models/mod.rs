//! The models: each plays one story in every order that its threads allow.

mod end;
mod follow;
mod park;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use loom::model::Builder;

use crate::{
    handover::{Handover, Progress},
    tape::{Drops, Tape},
};

/// Runs a model in every order, and says how many there were.
fn explore(model: impl Fn() + Send + Sync + 'static) {
    run(&Builder::new(), model);
}

/// Runs a model of too many orders in those that interrupt a thread, which could go on, at most four
/// times. `LOOM_MAX_PREEMPTIONS` sets another bound.
fn explore_most(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound.get_or_insert(4);
    run(&builder, model);
}

fn run(builder: &Builder, model: impl Fn() + Send + Sync + 'static) {
    let began = Instant::now();
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let (count, current) = (count.load(Ordering::Relaxed), thread::current());
    println!("{count:>8} orders, {:>6.2?}: {}", began.elapsed(), current.name().unwrap_or("?"));
}

/// Plays with one tape, and then checks that every tape was dropped once.
fn with_tape(
    tape: impl FnOnce(&Arc<Drops>) -> Tape,
    play: impl FnOnce(&Arc<Handover<Tape>>, &Arc<Drops>),
) {
    let drops = Arc::default();
    let handover = Arc::new(Handover::new(tape(&drops)));
    play(&handover, &drops);
    assert_eq!(Arc::strong_count(&handover), 1, "no transport is left");
    drop(handover);
    drops.assert_all();
}

/// How the next hop gets the content, as `Upload` decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resend {
    /// What was taken is kept, or nothing was.
    Continue,
    /// A factory makes it anew.
    Again,
    Impossible,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Factory {
    None,
    Given,
}

/// Holds the upload because a response arrived, and decides as `Upload::resend` and `prepare` do.
fn hold(handover: &Handover<Tape>, factory: Factory) -> Resend {
    handover.hold();
    // In this order: a poll that ends in between has said what it took.
    let lent = factory == Factory::Given && handover.is_lent();
    match (handover.progress(), factory) {
        (Progress::Unread, _) if !lent => Resend::Continue,
        (Progress::Kept, _) => Resend::Continue,
        (Progress::Unread | Progress::Gone, Factory::Given) => Resend::Again,
        (Progress::Unread | Progress::Gone, Factory::None) => Resend::Impossible,
    }
}
