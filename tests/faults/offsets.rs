//! A server that resets the connection at any byte of what it reads or writes.

use tower_follow_redirect::FollowRedirectLayer;

use crate::{
    body::Length,
    caller::Caller,
    site::{Break, OK, Step, redirect},
    trial::{Sent, Trial, Upload},
};

/// Every so manieth offset: a prime, so that the offsets of a run do not all fall on the same field.
const STEP: usize = 3;

fn step() -> usize {
    std::env::var("FAULTS_STEP").map_or(STEP, |step| step.parse().unwrap())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Front,
    Target,
}

/// Breaks an upload that the front reads whole before it redirects it, at every offset.
fn break_everywhere(place: Where, breaks: fn(usize) -> Break) {
    for length in [Length::Known, Length::Unknown] {
        for sent in [Sent::Parked, Sent::AtOnce] {
            let upload = Upload { size: 200, chunk: 50, length, sent };
            let mut succeeded = 0;
            let mut tried = 0;
            // From 1: see `closing` about connections that end before the head.
            for offset in (1..).step_by(step()) {
                let (broke, success) = break_at(place, breaks(offset), upload);
                succeeded += usize::from(success);
                tried += 1;
                if !broke {
                    println!("{place:?} {length:?} {sent:?}: {tried} offsets below {offset}");
                    break;
                }
            }
            assert!(succeeded > 0 && tried > 5, "{succeeded} of {tried}");
        }
    }
}

/// Returns whether it came to the break, and whether the call succeeded.
fn break_at(place: Where, breaks: Break, upload: Upload) -> (bool, bool) {
    let mut trial = Trial::new(format!("{place:?} {breaks:?} {upload:?}"));
    let exchange =
        |answer| [Step::Head, Step::Continue, Step::Content, Step::Say(answer), Step::Again];
    let at = |here| if here == place { breaks } else { Break::Nowhere };
    let target = trial.breaking_site(exchange(OK.into()), at(Where::Target));
    let answer = redirect(&target.url, "moved");
    let answer_begins = answer.find("moved").unwrap();
    let front = trial.breaking_site(exchange(answer), at(Where::Front));
    let outcome = trial.run(&front.url, FollowRedirectLayer::new(), upload, Caller::Stays);

    let broke = outcome.broke(if place == Where::Front { &front } else { &target });
    assert!(broke || outcome.succeeded(), "{outcome:?}");
    assert!(outcome.whole_at(&target) <= 1, "{outcome:?}");
    assert!(outcome.whole_at(&front) <= 1, "{outcome:?}");
    if outcome.succeeded() {
        assert_eq!(outcome.whole_at(&target), 1, "{outcome:?}");
    }
    if place == Where::Front && !outcome.at(&target).is_empty() {
        // A redirect is not followed before it has come.
        assert_eq!(outcome.whole_at(&front), 1, "{outcome:?}");
        if let Break::Written(offset) = breaks {
            assert!(offset >= answer_begins, "{outcome:?}");
        }
    }
    (broke, outcome.succeeded())
}

#[test]
fn a_front_that_resets_at_any_byte_it_reads_corrupts_nothing() {
    break_everywhere(Where::Front, Break::Read);
}

#[test]
fn a_front_that_resets_at_any_byte_it_writes_corrupts_nothing() {
    break_everywhere(Where::Front, Break::Written);
}

#[test]
fn a_target_that_resets_at_any_byte_it_reads_corrupts_nothing() {
    break_everywhere(Where::Target, Break::Read);
}

#[test]
fn a_target_that_resets_at_any_byte_it_writes_corrupts_nothing() {
    break_everywhere(Where::Target, Break::Written);
}
