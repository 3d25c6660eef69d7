//! Servers that close a connection, or one half of it, at an odd time.
//!
//! Not before the head, though: where a connection ends while a request is handed to it, hyper 1.12
//! loses the request once in some thousand times, with or without the layer, and only the caller's timeout
//! ends the call.

use std::{error::Error, time::Duration};

use tower_follow_redirect::FollowRedirectLayer;

use crate::{
    body::Length,
    caller::{Caller, End},
    site::{CONTINUE, OK, Step, redirect, redirect_head},
    trial::{Lasts, Outcome, Pool, Sent, Trial, Upload},
};

/// Nothing here needs to be waited for.
const SOON: Duration = Duration::from_secs(5);

/// More than sockets take in when nobody reads.
const MUCH: u64 = 8 << 20;

fn uploads() -> impl Iterator<Item = Upload> {
    [Length::Known, Length::Unknown].into_iter().flat_map(|length| {
        [(Sent::Parked, 100_000), (Sent::AtOnce, 100_000), (Sent::AtOnce, MUCH)]
            .map(|(sent, size)| Upload { size, chunk: 16 << 10, length, sent })
    })
}

/// Plays `steps` at the front and at the target of a redirect, and lets `check` see how it ended.
fn play(steps: &[Step], check: impl Fn(&Outcome, Upload)) {
    for upload in uploads() {
        for pool in [Pool::Kept, Pool::Off] {
            play_at_front(steps, upload, pool, &check);
            if upload.sent == Sent::Parked {
                play_at_target(steps, upload, pool, &check);
            }
        }
    }
}

fn play_at_front(steps: &[Step], upload: Upload, pool: Pool, check: impl Fn(&Outcome, Upload)) {
    let trial = Trial::new(format!("front: {steps:?}, {upload:?}, {pool:?}"));
    let mut trial = trial.pool(pool).lasts(lasts(steps, upload));
    let front = trial.site(steps.iter().cloned());
    let outcome = trial.run(&front.url, FollowRedirectLayer::new(), upload, Caller::Stays);
    assert!(outcome.elapsed < SOON, "{outcome:?}");
    check(&outcome, upload);
}

fn play_at_target(steps: &[Step], upload: Upload, pool: Pool, check: impl Fn(&Outcome, Upload)) {
    let trial = Trial::new(format!("target: {steps:?}, {upload:?}, {pool:?}"));
    let mut trial = trial.pool(pool).lasts(lasts(steps, upload));
    let target = trial.site(steps.iter().cloned());
    let front = trial.site([Step::Head, Step::Say(redirect(&target.url, "moved")), Step::Drain]);
    let outcome = trial.run(&front.url, FollowRedirectLayer::new(), upload, Caller::Stays);
    assert!(outcome.elapsed < SOON, "{outcome:?}");
    assert_eq!(outcome.at(&front)[0].content.len(), 0, "{outcome:?}");
    check(&outcome, upload);
}

fn lasts(steps: &[Step], upload: Upload) -> Lasts {
    match steps.last() {
        Some(Step::Idle) if upload.size == MUCH => Lasts::LikeTheServer,
        _ => Lasts::LikeTheCall,
    }
}

fn fails(outcome: &Outcome, _: Upload) {
    let End::Failed(error) = &outcome.end else { panic!("{outcome:?}") };
    assert!(error.source().is_some() && error.refusal().is_none(), "{error:?}");
}

/// A server that ends a connection with something unread resets it, and may lose its own answer.
fn is_answered_where_nothing_is_unread(outcome: &Outcome, upload: Upload) {
    let lost = matches!(outcome.end, End::Failed(_)) || !outcome.succeeded();
    assert!(!lost || upload.sent == Sent::AtOnce, "{outcome:?}");
}

#[test]
fn a_server_that_closes_between_head_and_100_fails_the_call() {
    play(&[Step::Head], fails);
    play(&[Step::Head, Step::Reset], fails);
}

#[test]
fn a_server_that_closes_after_100_fails_the_call() {
    let asks = [Step::Head, Step::Say(CONTINUE.into())];
    play(&asks, fails);
    play(&[&asks[..], &[Step::Reset]].concat(), fails);
    play(&[&asks[..], &[Step::Read(1000)]].concat(), fails);
    play(&[&asks[..], &[Step::Read(1000), Step::Reset]].concat(), fails);
    play(&[&asks[..], &[Step::Content]].concat(), fails);
    play(&[&asks[..], &[Step::Content, Step::Reset]].concat(), fails);
}

#[test]
fn a_server_that_half_closes_before_its_answer_fails_the_call() {
    for last in [Step::Drain, Step::Idle] {
        let ends = [Step::Shutdown, last];
        play(&[&[Step::Head], &ends[..]].concat(), fails);
        let asks = [Step::Head, Step::Say(CONTINUE.into())];
        play(&[&asks[..], &ends[..]].concat(), fails);
        play(&[&asks[..], &[Step::Read(1000)], &ends[..]].concat(), fails);
        play(&[&asks[..], &[Step::Content], &ends[..]].concat(), fails);
    }
}

#[test]
fn a_server_that_half_closes_after_its_answer_has_answered() {
    let until_the_end = "HTTP/1.1 200 OK\r\n\r\nok";
    for answer in [OK, until_the_end] {
        for last in [Step::Drain, Step::Idle] {
            let steps = [Step::Head, Step::Say(answer.into()), Step::Shutdown, last];
            play(&steps, |outcome, _| assert!(outcome.succeeded(), "{outcome:?}"));
        }
        let steps = [Step::Head, Step::Say(answer.into())];
        play(&steps, is_answered_where_nothing_is_unread);
    }
}

#[test]
fn a_server_that_half_closes_within_its_answer_is_seen_to() {
    let cut = OK.replace("content-length: 2", "content-length: 20");
    for last in [Step::Drain, Step::Idle] {
        let steps = [Step::Head, Step::Say(cut.clone()), Step::Shutdown, last];
        play(&steps, |outcome, _| {
            let cut = matches!(outcome.end, End::Answered { status: 200, content: Err(_), .. });
            assert!(cut, "{outcome:?}");
        });
    }
}

/// The answer is all there, so it is followed: whole, or with half a body of its own.
#[test]
fn a_server_that_half_closes_after_a_redirect_is_followed() {
    for upload in uploads() {
        for last in [Step::Drain, Step::Idle] {
            for body in ["moved", ""] {
                let trial = Trial::new(format!("{last:?}, {upload:?}, {body:?}"));
                let mut trial = trial.lasts(lasts(std::slice::from_ref(&last), upload));
                let target =
                    trial.site([Step::Head, Step::Continue, Step::Content, Step::Say(OK.into())]);
                let answer = format!("{}{body}", redirect_head(&target.url, 5));
                let front =
                    trial.site([Step::Head, Step::Say(answer), Step::Shutdown, last.clone()]);
                let layer = FollowRedirectLayer::new().replay_limit(upload.size);
                let outcome = trial.run(&front.url, layer, upload, Caller::Stays);
                assert!(outcome.succeeded(), "{outcome:?}");
                assert_eq!(outcome.whole_at(&target), 1, "{outcome:?}");
                assert!(outcome.elapsed < SOON, "{outcome:?}");
            }
        }
    }
}
