//! Content that waits for `100 Continue`.

use std::{sync::Arc, task::Waker};

use loom::thread::{self, JoinHandle};

use super::{Factory, Resend, explore, explore_most, hold, with_tape};
use crate::{
    handover::{Handover, Successor, Turn},
    lock::Lock,
    tape::Tape,
    transport::{End, Patience, Sent, Transport},
};

const NOTHING: Sent = Sent { items: Vec::new(), end: End::Over };

/// The server says `100 Continue` to a hop, on the transport's thread or another.
fn server_opens(handover: &Arc<Handover<Tape>>, hop: u32) -> JoinHandle<()> {
    let handover = Arc::clone(handover);
    thread::spawn(move || handover.open(hop, Successor::Possible))
}

#[test]
fn what_is_parked_is_sent_when_the_server_asks_for_it() {
    explore(|| {
        let tape = |drops: &_| Tape::new(2, drops);
        with_tape(tape, |handover, _| {
            handover.park();
            let transport = Transport::new(handover, 0).spawn();
            handover.open(0, Successor::Possible);
            assert_eq!(transport.join().unwrap(), Sent::all(2));
        });
    });
}

#[test]
fn it_is_the_task_that_polled_last_which_is_woken() {
    explore(|| {
        let tape = |drops: &_| Tape::new(1, drops);
        with_tape(tape, |handover, _| {
            handover.park();
            let transport = Transport::new(handover, 0).changes_its_task().spawn();
            handover.open(0, Successor::Possible);
            assert_eq!(transport.join().unwrap(), Sent::all(1));
        });
    });
}

/// `100 Continue` and the redirect may come at once, or in the wrong order.
#[test]
fn a_redirect_of_parked_content_finds_every_item() {
    explore(|| {
        let tape = |drops: &_| Tape::new(1, drops);
        with_tape(tape, |handover, _| {
            handover.park();
            let first = Transport::new(handover, 0).spawn();
            let server = server_opens(handover, 0);
            assert_eq!(hold(handover, Factory::None), Resend::Continue);
            let hop = handover.advance(None);
            let second = Transport::new(handover, hop).run();
            server.join().unwrap();
            first.join().unwrap().assert_prefix();
            assert_eq!(second, Sent::all(1));
        });
    });
}

/// The callback of the first hop may be called, or dropped, when the second has already begun.
#[test]
fn a_late_signal_of_the_first_hop_does_not_open_the_second() {
    let open = |handover: &Handover<Tape>, hop| handover.open(hop, Successor::Possible);
    for signal in [open, Handover::open_unpolled, Handover::hold_hop] {
        explore(move || {
            let tape = |drops: &_| Tape::new(1, drops);
            with_tape(tape, |handover, _| {
                handover.park();
                let server = thread::spawn({
                    let handover = Arc::clone(handover);
                    move || signal(&handover, 0)
                });
                assert_eq!(hold(handover, Factory::None), Resend::Continue);
                let hop = handover.advance(None);
                handover.park();
                let second = Transport::new(handover, hop).spawn();
                server.join().unwrap();
                // No signal of the second: a final response ends it.
                assert!(handover.settle(), "it is still parked");
                handover.close();
                assert_eq!(second.join().unwrap(), NOTHING);
            });
        });
    }
}

#[test]
fn every_hop_is_parked_until_its_own_signal() {
    explore(|| {
        let tape = |drops: &_| Tape::new(1, drops);
        with_tape(tape, |handover, _| {
            handover.park();
            let first = Transport::new(handover, 0).spawn();
            hold(handover, Factory::None);
            let hop = handover.advance(None);
            handover.park();
            let second = Transport::new(handover, hop).spawn();
            handover.open(hop, Successor::Possible);
            assert_eq!(first.join().unwrap(), NOTHING);
            assert_eq!(second.join().unwrap(), Sent::all(1));
        });
    });
}

/// It is not to be sent at all: the server has answered without it.
#[test]
fn a_final_response_ends_what_is_parked() {
    explore(|| {
        let tape = |drops: &_| Tape::new(1, drops);
        with_tape(tape, |handover, drops| {
            handover.park();
            let transport = Transport::new(handover, 0).spawn();
            let server = server_opens(handover, 0);
            hold(handover, Factory::None);
            let ends = handover.settle();
            if ends {
                handover.close();
            }
            server.join().unwrap();
            let expected = if ends { NOTHING } else { Sent::all(1) };
            assert_eq!(transport.join().unwrap(), expected);
            handover.close();
            drops.assert_all();
        });
    });
}

#[test]
fn what_nobody_asked_for_is_not_sent_beside_a_final_response() {
    explore(|| {
        let tape = |drops: &_| Tape::new(1, drops);
        with_tape(tape, |handover, _| {
            handover.park();
            let transport = Transport::new(handover, 0).spawn();
            hold(handover, Factory::None);
            assert!(handover.settle(), "it stays held");
            handover.close();
            assert_eq!(transport.join().unwrap(), NOTHING);
        });
    });
}

/// hyper drops it with the final response: that is no reason to send anything.
#[test]
fn what_was_asked_for_stays_parked_when_the_callback_is_dropped() {
    explore(|| {
        let tape = |drops: &_| Tape::new(1, drops);
        with_tape(tape, |handover, _| {
            handover.park();
            let asked = Arc::new(Lock::new(false));
            let transport = thread::spawn({
                let (handover, asked) = (Arc::clone(handover), Arc::clone(&asked));
                move || {
                    let turn = handover.take(0, Waker::noop());
                    *asked.lock() = matches!(turn, Turn::Parked);
                }
            });
            let before = *asked.lock();
            handover.open_unpolled(0);
            let parked = handover.settle();
            assert!(parked || !before);
            transport.join().unwrap();
        });
    });
}

/// The first hop has asked for its content; the second drops the callback before it asks.
#[test]
fn without_reports_a_second_hop_is_sent_at_once() {
    explore(|| {
        let tape = |drops: &_| Tape::new(1, drops);
        with_tape(tape, |handover, _| {
            handover.park();
            let first = Transport::new(handover, 0).spawn();
            hold(handover, Factory::None);
            let hop = handover.advance(None);
            handover.park();
            handover.open_unpolled(hop);
            assert_eq!(Transport::new(handover, hop).run(), Sent::all(1));
            assert_eq!(first.join().unwrap(), NOTHING);
        });
    });
}

/// The transport drops the callback, perhaps while it already polls.
#[test]
fn without_reports_content_is_sent_unless_it_was_asked_for_before() {
    explore(|| {
        let tape = |drops: &_| Tape::new(1, drops);
        with_tape(tape, |handover, _| {
            handover.park();
            let transport = Transport::new(handover, 0).spawn();
            handover.open_unpolled(0);
            let waits = handover.settle();
            if waits {
                handover.close();
            }
            let expected = if waits { NOTHING } else { Sent::all(1) };
            assert_eq!(transport.join().unwrap(), expected);
        });
    });
}

/// The transport's own timer, the server's signal and a redirect at once.
#[test]
fn content_whose_time_is_up_is_sent_to_the_hop_that_is_the_last() {
    explore_most(|| {
        let tape = |drops: &_| Tape::new(1, drops);
        with_tape(tape, |handover, _| {
            handover.park();
            let first = Transport::new(handover, 0).patience(Patience::None).spawn();
            let server = server_opens(handover, 0);
            hold(handover, Factory::None);
            let hop = handover.advance(None);
            handover.park();
            let second = Transport::new(handover, hop).patience(Patience::None).run();
            server.join().unwrap();
            first.join().unwrap().assert_prefix();
            assert_eq!(second, Sent::all(1));
        });
    });
}

/// What comes right behind `100 Continue` holds the content before the chain knows of it.
#[test]
fn a_response_that_only_the_transport_has_holds_the_content_until_the_chain_has_it() {
    for redirected in [true, false] {
        explore(move || {
            let tape = |drops: &_| Tape::new(1, drops);
            with_tape(tape, |handover, _| {
                handover.park();
                let first = Transport::new(handover, 0).spawn();
                let server = thread::spawn({
                    let handover = Arc::clone(handover);
                    move || {
                        handover.open(0, Successor::Possible);
                        handover.hold_hop(0);
                    }
                });
                server.join().unwrap();
                assert_eq!(hold(handover, Factory::None), Resend::Continue);
                if redirected {
                    let hop = handover.advance(None);
                    assert_eq!(Transport::new(handover, hop).run(), Sent::all(1));
                    first.join().unwrap().assert_prefix();
                } else {
                    assert!(!handover.settle(), "it was asked for");
                    assert_eq!(first.join().unwrap(), Sent::all(1));
                }
            });
        });
    }
}

#[test]
fn a_late_response_of_the_first_hop_does_not_hold_the_second() {
    explore(|| {
        let tape = |drops: &_| Tape::new(1, drops);
        with_tape(tape, |handover, _| {
            let server = thread::spawn({
                let handover = Arc::clone(handover);
                move || handover.hold_hop(0)
            });
            assert_eq!(hold(handover, Factory::None), Resend::Continue);
            let hop = handover.advance(None);
            assert_eq!(Transport::new(handover, hop).run(), Sent::all(1));
            server.join().unwrap();
        });
    });
}

/// Where no redirect is to follow the 100, and one does, the content is whole or known to be gone.
#[test]
fn after_a_100_that_decides_the_next_hop_gets_all_or_it_is_known_that_it_cannot() {
    explore(|| {
        let tape = |drops: &_| Tape::new(2, drops);
        with_tape(tape, |handover, _| {
            handover.park();
            let first = Transport::new(handover, 0).spawn();
            handover.open(0, Successor::Excluded);
            match hold(handover, Factory::None) {
                Resend::Continue => {
                    let hop = handover.advance(None);
                    assert_eq!(Transport::new(handover, hop).run(), Sent::all(2));
                }
                Resend::Impossible => handover.close(),
                Resend::Again => unreachable!("there is no factory"),
            }
            first.join().unwrap().assert_prefix();
        });
    });
}
