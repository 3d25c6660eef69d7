//! Servers that never answer: the caller's timeout ends the call, and all that belongs to it.

use std::time::Duration;

use tower_follow_redirect::FollowRedirectLayer;

use crate::{
    body::Length,
    caller::{Caller, End},
    site::{OK, Step, redirect},
    trial::{Lasts, Pool, Sent, Trial, Upload},
};

/// How long after a server fell silent the caller's time is over.
const TIMEOUT: Duration = Duration::from_millis(50);

/// More than sockets take in when nobody reads.
const MUCH: u64 = 8 << 20;

/// Falls silent after `steps`, at first as the front and then as the target of a redirect.
fn silence(steps: &[Step], upload: Upload, lasts: Lasts) {
    for pool in [Pool::Kept, Pool::Off] {
        for redirects in [0, 1] {
            let what = format!("{redirects} redirects, {steps:?}, {upload:?}, {pool:?}");
            let mut trial = Trial::new(&what).pool(pool).lasts(lasts);
            let silent = trial.site(steps.iter().cloned().chain([Step::Signal, Step::Idle]));
            let front = trial.site([Step::Head, Step::Say(redirect(&silent.url, "moved"))]);
            // With nothing sent yet its redirect is always followed.
            let to = if redirects == 0 { &silent.url } else { &front.url };
            let upload =
                if redirects == 0 { upload } else { Upload { sent: Sent::Parked, ..upload } };
            let outcome = trial.run(
                to,
                FollowRedirectLayer::new(),
                upload,
                Caller::LeavesAfterSignal(TIMEOUT),
            );
            assert!(matches!(outcome.end, End::Left), "{what}: {outcome:?}");
            assert_eq!(outcome.connections(&silent), 1, "{what}: {outcome:?}");
            if upload.sent == Sent::Parked && !steps.iter().any(|s| matches!(s, Step::Continue)) {
                assert_eq!(outcome.read, 0, "{what}: {outcome:?}");
            }
        }
    }
}

fn uploads(size: u64, sent: Sent) -> [Upload; 2] {
    [Length::Known, Length::Unknown].map(|length| Upload { size, chunk: 64 << 10, length, sent })
}

#[test]
fn a_parked_upload_ends_with_the_callers_timeout() {
    for upload in uploads(MUCH, Sent::Parked) {
        silence(&[], upload, Lasts::LikeTheCall);
        silence(&[Step::Head], upload, Lasts::LikeTheCall);
    }
}

/// hyper keeps the connection until the server goes, as it does without the layer; but the body is
/// gone with the call.
#[test]
fn an_upload_in_mid_send_ends_with_the_callers_timeout() {
    for upload in uploads(MUCH, Sent::AtOnce) {
        silence(&[], upload, Lasts::LikeTheServer);
        silence(&[Step::Head], upload, Lasts::LikeTheServer);
    }
    for upload in uploads(MUCH, Sent::Parked) {
        let asks = [Step::Head, Step::Continue];
        silence(&asks, upload, Lasts::LikeTheServer);
        silence(&[&asks[..], &[Step::Read(1 << 20)]].concat(), upload, Lasts::LikeTheServer);
    }
}

#[test]
fn an_upload_that_was_sent_ends_with_the_callers_timeout() {
    for sent in [Sent::Parked, Sent::AtOnce] {
        for upload in uploads(100_000, sent) {
            silence(&[Step::Head, Step::Continue, Step::Content], upload, Lasts::LikeTheCall);
        }
    }
}

#[test]
fn a_response_that_never_ends_is_left_with_the_callers_timeout() {
    let cut = OK.replace("content-length: 2", "content-length: 20");
    for upload in uploads(MUCH, Sent::Parked) {
        silence(&[Step::Head, Step::Say(cut.clone())], upload, Lasts::LikeTheCall);
    }
    for upload in uploads(100_000, Sent::AtOnce) {
        silence(
            &[Step::Head, Step::Continue, Step::Content, Step::Say(cut.clone())],
            upload,
            Lasts::LikeTheCall,
        );
    }
}

#[test]
fn a_connection_that_is_never_made_ends_with_the_callers_timeout() {
    for upload in uploads(MUCH, Sent::AtOnce) {
        for redirects in [0, 1] {
            let mut trial = Trial::new(format!("{redirects} redirects, {upload:?}"));
            let full = trial.full_site();
            let answer = Step::Say(redirect(&full, "moved"));
            let front = trial.site([Step::Head, answer, Step::Signal]);
            let (to, caller) = match redirects {
                0 => (&full, Caller::LeavesAfter(TIMEOUT)),
                _ => (&front.url, Caller::LeavesAfterSignal(TIMEOUT)),
            };
            let upload = Upload { sent: Sent::Parked, ..upload };
            let outcome = trial.run(to, FollowRedirectLayer::new(), upload, caller);
            assert!(matches!(outcome.end, End::Left), "{outcome:?}");
            assert_eq!(outcome.at(&front).len(), redirects, "{outcome:?}");
            assert_eq!(outcome.read, 0, "{outcome:?}");
        }
    }
}
