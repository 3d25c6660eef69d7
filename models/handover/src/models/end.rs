//! Responses that are handed over, and calls that are dropped, while the content is sent.

use loom::thread;

use super::{Factory, Resend, explore, explore_most, hold, with_tape};
use crate::{
    handover::Progress,
    tape::{Disk, Tape},
    transport::{End, Sent, Transport},
};

/// For example a redirect that the policy leaves alone.
#[test]
fn what_was_held_goes_on_when_it_is_settled() {
    explore(|| {
        let tape = |drops: &_| Tape::new(3, drops).limit(1);
        with_tape(tape, |handover, _| {
            let transport = Transport::new(handover, 0).spawn();
            hold(handover, Factory::None);
            assert!(!handover.settle(), "it was not parked");
            assert_eq!(transport.join().unwrap(), Sent::all(3));
        });
    });
}

#[test]
fn what_was_held_goes_on_though_its_source_is_slow() {
    explore(|| {
        let disk = Disk::new();
        let tape = |drops: &_| Tape::new(2, drops).slow(&disk);
        with_tape(tape, |handover, _| {
            let transport = Transport::new(handover, 0).spawn();
            let reader = thread::spawn({
                let disk = disk.clone();
                move || disk.has_read()
            });
            hold(handover, Factory::None);
            assert!(!handover.settle(), "it was not parked");
            reader.join().unwrap();
            assert_eq!(transport.join().unwrap(), Sent::all(2));
        });
    });
}

/// The caller drops the call, or the response body; perhaps while a poll has the value.
#[test]
fn closing_ends_the_transport_and_drops_the_content() {
    explore(|| {
        let tape = |drops: &_| Tape::new(2, drops);
        with_tape(tape, |handover, drops| {
            let transport = Transport::new(handover, 0).spawn();
            handover.close();
            transport.join().unwrap().assert_prefix();
            // Before the hand-over itself is: a transport may keep that for as long as it likes.
            drops.assert_all();
        });
    });
}

#[test]
fn what_is_closed_is_not_held_any_more() {
    explore(|| {
        let tape = |drops: &_| Tape::new(2, drops);
        with_tape(tape, |handover, drops| {
            let transport = Transport::new(handover, 0).spawn();
            let closing = thread::spawn({
                let handover = handover.clone();
                move || handover.close()
            });
            hold(handover, Factory::None);
            closing.join().unwrap();
            transport.join().unwrap().assert_prefix();
            drops.assert_all();
        });
    });
}

#[test]
fn a_transport_that_waits_for_a_slow_source_ends_when_it_is_closed() {
    explore(|| {
        let disk = Disk::new();
        let tape = |drops: &_| Tape::new(1, drops).slow(&disk);
        with_tape(tape, |handover, drops| {
            let transport = Transport::new(handover, 0).spawn();
            // Nobody ever wakes the source.
            handover.close();
            let nothing = Sent { items: Vec::new(), end: End::Over };
            assert_eq!(transport.join().unwrap(), nothing);
            drops.assert_all();
        });
    });
}

#[test]
fn a_poll_that_panics_while_it_is_closed_drops_the_content_once() {
    explore(|| {
        let tape = |drops: &_| Tape::new(1, drops).panics_at(0);
        with_tape(tape, |handover, drops| {
            let transport = Transport::new(handover, 0).spawn();
            hold(handover, Factory::None);
            handover.close();
            assert_ne!(transport.join().unwrap().end, End::Whole);
            drops.assert_all();
        });
    });
}

/// Wakers and the caller's body are somebody else's code: here they take the lock themselves.
#[test]
fn nobody_elses_code_runs_under_the_lock() {
    explore_most(|| {
        let tape = |drops: &_| Tape::new(1, drops).keep_nothing();
        with_tape(tape, |handover, drops| {
            handover.update(0, Progress::Unread, |tape| tape.watch(handover));
            let first = Transport::new(handover, 0).watches().spawn();
            let replacement = match hold(handover, Factory::Given) {
                Resend::Again => {
                    let mut tape = Tape::new(1, drops).keep_nothing();
                    tape.watch(handover);
                    Some(tape)
                }
                Resend::Continue | Resend::Impossible => None,
            };
            let hop = handover.advance(replacement);
            let second = Transport::new(handover, hop).watches().spawn();
            handover.close();
            first.join().unwrap().assert_prefix();
            second.join().unwrap().assert_prefix();
            drops.assert_all();
        });
    });
}
