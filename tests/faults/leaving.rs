//! A caller that drops the call, or the response, at every stage.

use std::{future::pending, sync::Arc, time::Duration};

use tokio::sync::Notify;
use tower_follow_redirect::{
    Drain, FollowRedirectLayer, OnRefusal, Policy,
    policy::{self, Decision, Standard, Verdict},
};

use crate::{
    body::Length,
    caller::{Caller, End},
    site::{OK, Step, redirect, redirect_head},
    trial::{Lasts, Outcome, Pool, Sent, Trial, Upload},
};

/// More than sockets take in when nobody reads.
const MUCH: u64 = 8 << 20;

const AT_SIGNAL: Caller = Caller::LeavesAfterSignal(Duration::ZERO);

fn parked() -> [Upload; 2] {
    [Length::Known, Length::Unknown].map(|length| Upload {
        size: MUCH,
        chunk: 64 << 10,
        length,
        sent: Sent::Parked,
    })
}

/// Time for the client to see what was said last.
fn a_moment() -> Step {
    Step::Pause(Duration::from_millis(20))
}

/// Nothing is given up before the caller leaves.
fn layer() -> FollowRedirectLayer {
    FollowRedirectLayer::new().drain(Drain::default().within(Duration::from_secs(600)))
}

/// What is left of a call that was dropped while it was at its first server.
fn leave_at_front<P: Policy + 'static>(
    name: &str,
    steps: &[Step],
    layer: impl Fn(&Arc<Notify>) -> FollowRedirectLayer<P>,
) {
    for upload in parked() {
        for pool in [Pool::Kept, Pool::Off] {
            let mut trial = Trial::new(format!("{name}, {upload:?}, {pool:?}")).pool(pool);
            if let Some(Step::Idle) = steps.last() {
                trial = trial.lasts(Lasts::LikeTheServer);
            }
            let front = trial.site(steps.iter().cloned());
            let layer = layer(&trial.signal());
            let outcome = trial.run(&front.url, layer, upload, AT_SIGNAL);
            left(name, &outcome);
            if !steps.iter().any(|step| matches!(step, Step::Continue)) {
                assert_eq!(outcome.read, 0, "{name}: {outcome:?}");
            }
        }
    }
}

/// What is left of a call that was dropped while it was at the target of a redirect.
fn leave_at_target(name: &str, steps: &[Step]) {
    for upload in parked() {
        for pool in [Pool::Kept, Pool::Off] {
            let mut trial = Trial::new(format!("{name}, {upload:?}, {pool:?}")).pool(pool);
            if let Some(Step::Idle) = steps.last() {
                trial = trial.lasts(Lasts::LikeTheServer);
            }
            let target = trial.site(steps.iter().cloned());
            let answer = Step::Say(redirect(&target.url, "moved"));
            let front = trial.site([Step::Head, answer, Step::Drain]);
            let outcome = trial.run(&front.url, layer(), upload, AT_SIGNAL);
            left(name, &outcome);
            assert_eq!(outcome.at(&target).len(), 1, "{name}: {outcome:?}");
        }
    }
}

fn left(name: &str, outcome: &Outcome) {
    assert!(matches!(outcome.end, End::Left), "{name}: {outcome:?}");
}

#[test]
fn a_call_may_be_dropped_while_it_connects() {
    for upload in parked() {
        for redirects in [0, 1] {
            let mut trial = Trial::new(format!("connecting, {redirects} redirects, {upload:?}"));
            let full = trial.full_site();
            let answer = Step::Say(redirect(&full, "moved"));
            let front = trial.site([Step::Head, answer, a_moment(), Step::Signal, Step::Drain]);
            let (to, caller) = match redirects {
                0 => (&full, Caller::LeavesAtPoll(1)),
                _ => (&front.url, AT_SIGNAL),
            };
            let outcome = trial.run(to, layer(), upload, caller);
            left("connecting", &outcome);
            assert_eq!((outcome.at(&front).len(), outcome.read), (redirects, 0), "{outcome:?}");
        }
    }
}

#[test]
fn a_call_may_be_dropped_while_it_uploads() {
    for last in [Step::Drain, Step::Idle] {
        // A parked upload does not fill the sockets, whoever reads.
        leave_at("parked", &[Step::Head, Step::Signal, Step::Drain]);
        let uploads = [Step::Head, Step::Continue, Step::Read(100_000), Step::Signal, last.clone()];
        leave_at("uploading", &uploads);
    }
    let sent = [Step::Head, Step::Continue, Step::Content, Step::Signal, Step::Drain];
    leave_at("sent", &sent);
}

fn leave_at(name: &str, steps: &[Step]) {
    leave_at_front(name, steps, |_| layer());
    leave_at_target(name, steps);
}

/// The front withholds what is left of its redirect.
fn withheld(signal: &[Step]) -> Vec<Step> {
    let answer = Step::Say(format!("{}moved", redirect_head("/elsewhere", 10)));
    [&[Step::Head, answer, a_moment()], signal, &[Step::Drain]].concat()
}

#[test]
fn a_call_may_be_dropped_while_it_drains() {
    leave_at_front("draining", &withheld(&[Step::Signal]), |_| layer());
}

#[test]
fn a_call_may_be_dropped_while_the_policy_peeks() {
    leave_at_front("peeking", &withheld(&[Step::Signal]), |_| {
        layer().with_policy(policy::redirect_fn(|attempt| match attempt.peeked() {
            None => Verdict::Peek(1000),
            Some(_) => panic!("it has not seen enough"),
        }))
    });
}

#[test]
fn a_call_may_be_dropped_while_the_policy_asks() {
    leave_at_front("asking", &withheld(&[]), |signal| {
        let signal = Arc::clone(signal);
        layer().with_policy(policy::redirect_fn(move |_| {
            let signal = Arc::clone(&signal);
            Verdict::ask(async move {
                signal.notify_one();
                pending::<Decision>().await
            })
        }))
    });
}

/// Two hops, each of which does a little at a time.
fn slow_hops(trial: &mut Trial) -> String {
    let little = || Step::Pause(Duration::from_millis(1));
    let say = |text: &str| [little(), Step::Say(text.into())];
    let target = trial.site(
        [Step::Head, little(), Step::Continue, Step::Content]
            .into_iter()
            .chain(say(&OK.replace("\r\n\r\nok", "\r\n\r\no")))
            .chain(say("k"))
            .chain([Step::Again]),
    );
    let front = trial.site(
        [Step::Head, little(), Step::Continue, Step::Read(10_000)]
            .into_iter()
            .chain(say(&redirect_head(&target.url, 12)))
            .chain(["mov", "ed ", "awa", "y.."].into_iter().flat_map(say))
            .chain([Step::Drain]),
    );
    front.url
}

#[test]
fn a_call_may_be_dropped_after_any_of_its_polls() {
    for length in [Length::Known, Length::Unknown] {
        for sent in [Sent::Parked, Sent::AtOnce] {
            for pool in [Pool::Kept, Pool::Off] {
                let upload = Upload { size: 60_000, chunk: 4096, length, sent };
                let polls = drop_after_each_poll(upload, pool);
                println!("{length:?}, {sent:?}, {pool:?}: done after {polls} polls");
                assert!(polls > 4, "{polls}");
            }
        }
    }
}

/// Returns how many polls the call takes.
fn drop_after_each_poll(upload: Upload, pool: Pool) -> usize {
    // How many there are is a matter of timing: it is done when it was done three times.
    let mut done = 0;
    (0..)
        .find(|&polls| {
            let mut trial = Trial::new(format!("{polls} polls, {upload:?}, {pool:?}")).pool(pool);
            let front = slow_hops(&mut trial);
            let outcome = trial.run(&front, layer(), upload, Caller::LeavesAtPoll(polls));
            if !matches!(outcome.end, End::Left) {
                assert!(outcome.succeeded(), "{outcome:?}");
                done += 1;
            }
            if polls == 0 {
                assert_eq!(outcome.read, 0, "{outcome:?}");
            }
            done == 3
        })
        .expect("it ends")
}

/// Drops a response that came before the end of its upload, unread or half read.
fn drop_response(
    name: &str,
    steps: &[Step],
    upload: Upload,
    lasts: Lasts,
    layer: impl Fn() -> FollowRedirectLayer<Box<dyn Policy>>,
) {
    for frames in [0, 1] {
        for pool in [Pool::Kept, Pool::Off] {
            let what = format!("{name}, {frames} frames, {steps:?}, {upload:?}, {pool:?}");
            let mut trial = Trial::new(&what).pool(pool).lasts(lasts);
            let front = trial.site(steps.iter().cloned());
            let caller = Caller::LeavesAtFrame(frames);
            let outcome = trial.run(&front.url, layer(), upload, caller);
            let answered = matches!(outcome.end, End::Answered { .. } | End::Refused { .. });
            assert!(answered, "{what}: {outcome:?}");
            assert_eq!(outcome.at(&front).len(), 1, "{what}: {outcome:?}");
            if upload.sent == Sent::Parked && !steps.iter().any(|s| matches!(s, Step::Continue)) {
                assert_eq!(outcome.read, 0, "{what}: {outcome:?}");
            }
        }
    }
}

/// A response of ten bytes. Of the half that is there the rest never comes; of the whole that nobody has
/// read to its end, hyper has, and does nothing more by itself.
fn answers(head: &str) -> impl Iterator<Item = Vec<Step>> {
    let before = [Step::Head];
    let within = [Step::Head, Step::Continue, Step::Read(100_000)];
    [before.to_vec(), within.to_vec()].into_iter().flat_map(move |steps| {
        ["moved", "moved away"].map(|body| {
            let answer = Step::Say(format!("{head}{body}"));
            steps.iter().cloned().chain([answer, Step::Sip]).collect()
        })
    })
}

fn uploads() -> impl Iterator<Item = Upload> {
    let at_once = parked().map(|upload| Upload { sent: Sent::AtOnce, ..upload });
    parked().into_iter().chain(at_once)
}

#[test]
fn a_redirect_that_is_handed_back_may_be_dropped_unread_or_half_read() {
    for upload in uploads() {
        for steps in answers(&redirect_head("/elsewhere", 10)) {
            let lasts = Lasts::LikeTheCall;
            let base = || layer().limit(0);
            drop_response("error", &steps, upload, lasts, || base().with_policy(boxed(Standard)));
            let returns = || base().on_refusal(OnRefusal::Return);
            drop_response("return", &steps, upload, lasts, || {
                returns().with_policy(boxed(Standard))
            });
            drop_response("stop", &steps, upload, lasts, || {
                layer().with_policy(boxed(Decision::Stop))
            });
        }
    }
}

#[test]
fn a_final_response_that_came_early_may_be_dropped_unread_or_half_read() {
    let head = OK.replace("content-length: 2\r\n\r\nok", "content-length: 10\r\n\r\n");
    for upload in uploads() {
        for steps in answers(&head) {
            // It may be one half of a conversation: what was begun goes on without the response.
            let lasts = match (upload.sent, steps.len()) {
                (Sent::Parked, 3) => Lasts::LikeTheCall,
                _ => Lasts::LikeTheServer,
            };
            let standard = || layer().with_policy(boxed(Standard));
            drop_response("final", &steps, upload, lasts, standard);
        }
    }
}

fn boxed(policy: impl Policy + 'static) -> Box<dyn Policy> {
    Box::new(policy)
}
