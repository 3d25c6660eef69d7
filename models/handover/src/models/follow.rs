//! Redirects that are followed while the content is sent.

use std::sync::Arc;

use loom::thread;

use super::{Factory, Resend, explore, explore_most, hold, with_tape};
use crate::{
    handover::Progress,
    lock::Lock,
    tape::{Disk, Tape},
    transport::{End, Sent, Told, Transport},
};

#[test]
fn the_next_hop_gets_what_is_kept_and_then_the_rest() {
    explore(|| {
        let tape = |drops: &_| Tape::new(2, drops);
        with_tape(tape, |handover, _| {
            let first = Transport::new(handover, 0).spawn();
            assert_eq!(hold(handover, Factory::None), Resend::Continue);
            let hop = handover.advance(None);
            let second = Transport::new(handover, hop).run();
            first.join().unwrap().assert_prefix();
            assert_eq!(second, Sent::all(2));
        });
    });
}

#[test]
fn a_poll_learns_what_was_decided_while_it_had_the_value() {
    explore(|| {
        let told = Arc::new(Lock::new(Told::Nothing));
        let tape = |drops: &_| Tape::new(2, drops);
        with_tape(tape, |handover, _| {
            let transport = Transport::new(handover, 0).told(&told).spawn();
            hold(handover, Factory::None);
            *told.lock() = Told::Held;
            handover.advance(None);
            *told.lock() = Told::Over;
            transport.join().unwrap().assert_prefix();
        });
    });
}

/// What is past the limit is forgotten, but not once a response has arrived.
#[test]
fn past_the_limit_the_next_hop_gets_all_or_it_is_known_that_it_cannot() {
    explore(|| {
        let tape = |drops: &_| Tape::new(3, drops).limit(1);
        with_tape(tape, |handover, _| {
            let first = Transport::new(handover, 0).spawn();
            match hold(handover, Factory::None) {
                Resend::Continue => {
                    let hop = handover.advance(None);
                    let second = Transport::new(handover, hop).run();
                    assert_eq!(second, Sent::all(3));
                }
                Resend::Impossible => handover.close(),
                Resend::Again => unreachable!("there is no factory"),
            }
            first.join().unwrap().assert_prefix();
        });
    });
}

#[test]
fn a_factory_makes_up_for_what_was_taken_and_not_kept() {
    explore(|| {
        let tape = |drops: &_| Tape::new(2, drops).keep_nothing();
        with_tape(tape, |handover, drops| {
            let first = Transport::new(handover, 0).spawn();
            let replacement = match hold(handover, Factory::Given) {
                Resend::Continue => None,
                Resend::Again => Some(Tape::new(2, drops).keep_nothing()),
                Resend::Impossible => unreachable!("there is a factory"),
            };
            let hop = handover.advance(replacement);
            assert_eq!(handover.progress(), Progress::Unread, "whatever the first poll took");
            let second = Transport::new(handover, hop).run();
            first.join().unwrap().assert_prefix();
            assert_eq!(second, Sent::all(2));
            // The one that was replaced is gone before the call is.
            handover.close();
            drops.assert_all();
        });
    });
}

#[test]
fn three_hops_of_which_two_are_over() {
    explore_most(|| {
        let tape = |drops: &_| Tape::new(1, drops);
        with_tape(tape, |handover, _| {
            let first = Transport::new(handover, 0).spawn();
            hold(handover, Factory::None);
            let hop = handover.advance(None);
            let second = Transport::new(handover, hop).spawn();
            hold(handover, Factory::None);
            let hop = handover.advance(None);
            let third = Transport::new(handover, hop).run();
            first.join().unwrap().assert_prefix();
            second.join().unwrap().assert_prefix();
            assert_eq!(third, Sent::all(1));
        });
    });
}

/// The source calls the waker of whoever has polled it last.
#[test]
fn a_source_that_is_slow_wakes_the_hop_that_needs_it() {
    explore_most(|| {
        let disk = Disk::new();
        let tape = |drops: &_| Tape::new(1, drops).slow(&disk);
        with_tape(tape, |handover, _| {
            let first = Transport::new(handover, 0).spawn();
            let reader = thread::spawn({
                let disk = disk.clone();
                move || disk.has_read()
            });
            hold(handover, Factory::None);
            let hop = handover.advance(None);
            let second = Transport::new(handover, hop).run();
            first.join().unwrap().assert_prefix();
            reader.join().unwrap();
            assert_eq!(second, Sent::all(1));
        });
    });
}

/// Its poll has the value when it panics: whoever waits for it must not wait for ever.
#[test]
fn the_next_hop_learns_of_a_poll_that_panicked() {
    explore(|| {
        let tape = |drops: &_| Tape::new(2, drops).panics_at(1);
        with_tape(tape, |handover, drops| {
            let first = Transport::new(handover, 0).spawn();
            hold(handover, Factory::None);
            let hop = handover.advance(None);
            let second = Transport::new(handover, hop).run();
            let first = first.join().unwrap();
            first.assert_prefix();
            second.assert_prefix();
            match (first.end, second.end) {
                (End::Panicked, End::Over) | (End::Over, End::Panicked) => {}
                ends => panic!("one has panicked, and the other ended: {ends:?}"),
            }
            drops.assert_all();
        });
    });
}
