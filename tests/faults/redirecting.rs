//! A 307 before, during and after the body, and what the front does then.

use std::time::Duration;

use tower_follow_redirect::{FollowRedirectLayer, RefusalKind};

use crate::{
    body::Length,
    caller::Caller,
    site::{OK, Step, redirect, redirect_head},
    trial::{Lasts, Outcome, Place, Pool, Sent, Trial, Upload},
};

const KIB: usize = 1024;

const SIZE: usize = 256 * KIB;

/// When the front answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    BeforeTheBody,
    /// All that was sent is recorded.
    DuringIt,
    /// More was sent than is recorded.
    BeyondTheLimit,
    AfterIt,
}

/// The redirect's own body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moved {
    AtOnce,
    Late,
    Long,
    Endless,
}

/// What the front does when it has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Closes,
    Drains,
    KeepsTheConnection,
    StopsReading,
}

impl Moment {
    const ALL: [Self; 4] =
        [Self::BeforeTheBody, Self::DuringIt, Self::BeyondTheLimit, Self::AfterIt];

    fn steps(self) -> Vec<Step> {
        match self {
            Self::BeforeTheBody => vec![Step::Head],
            Self::DuringIt => vec![Step::Head, Step::Continue, Step::Read(20 * KIB)],
            Self::BeyondTheLimit => vec![Step::Head, Step::Continue, Step::Read(128 * KIB)],
            Self::AfterIt => vec![Step::Head, Step::Continue, Step::Content],
        }
    }

    fn replay_limit(self) -> u64 {
        match self {
            Self::BeyondTheLimit => 16 * KIB as u64,
            Self::BeforeTheBody | Self::DuringIt | Self::AfterIt => SIZE as u64,
        }
    }
}

impl Moved {
    fn steps(self, location: &str) -> Vec<Step> {
        match self {
            Self::AtOnce => vec![Step::Say(redirect(location, "moved"))],
            Self::Late => vec![
                Step::Say(redirect_head(location, 10)),
                Step::Pause(Duration::from_millis(60)),
                Step::Say("moved away".into()),
            ],
            Self::Long => vec![Step::Say(redirect(location, &"m".repeat(64 * KIB)))],
            Self::Endless => vec![
                Step::Say(redirect_head(location, 1 << 40)),
                Step::Flood("moved for ever and for all who come here"),
            ],
        }
    }
}

impl Then {
    const ALL: [Self; 4] =
        [Self::Closes, Self::Drains, Self::KeepsTheConnection, Self::StopsReading];

    fn steps(self, moment: Moment) -> Vec<Step> {
        match self {
            Self::Closes => vec![],
            Self::Drains => vec![Step::Drain],
            Self::KeepsTheConnection if moment == Moment::AfterIt => vec![Step::Again],
            Self::KeepsTheConnection => vec![Step::Content, Step::Again],
            Self::StopsReading => vec![Step::Idle],
        }
    }
}

fn uploads() -> impl Iterator<Item = Upload> {
    [Length::Known, Length::Unknown].into_iter().flat_map(|length| {
        [Sent::Parked, Sent::AtOnce].map(|sent| Upload {
            size: SIZE as u64,
            chunk: 8 * KIB as u64,
            length,
            sent,
        })
    })
}

fn redirected(moment: Moment, moved: Moved, then: Then) {
    for upload in uploads() {
        for pool in [Pool::Kept, Pool::Off] {
            let what = format!("{moment:?}, {moved:?}, then {then:?}, {upload:?}, {pool:?}");
            let mut trial = Trial::new(&what).pool(pool);
            let target = trial.site([
                Step::Head,
                Step::Continue,
                Step::Content,
                Step::Say(OK.into()),
                Step::Again,
            ]);
            let mut steps = moment.steps();
            steps.extend(moved.steps(&target.url));
            steps.extend(then.steps(moment));
            let front = trial.site(steps);
            let layer = FollowRedirectLayer::new().replay_limit(moment.replay_limit());
            let outcome = trial.run(&front.url, layer, upload, Caller::Stays);
            check(&what, (moment, then, upload.sent), &outcome, &front, &target);
        }
    }
}

fn check(
    what: &str,
    (moment, then, sent): (Moment, Then, Sent),
    outcome: &Outcome,
    front: &Place,
    target: &Place,
) {
    let unsent = moment == Moment::BeforeTheBody && sent == Sent::Parked;
    if unsent {
        assert_eq!(outcome.at(front)[0].content.len(), 0, "{what}: {outcome:?}");
    }
    // A close with something unread is a reset, which may overtake the answer.
    let may_fail = then == Then::Closes && moment != Moment::AfterIt && !unsent;
    if outcome.succeeded() {
        assert_ne!(moment, Moment::BeyondTheLimit, "{what}: {outcome:?}");
        assert_eq!(outcome.whole_at(target), 1, "{what}: {outcome:?}");
    } else if moment == Moment::BeyondTheLimit && outcome.refused().is_some() {
        assert_eq!(outcome.refused(), Some(RefusalKind::BodyNotReplayable), "{what}");
    } else {
        assert!(may_fail, "{what}: {outcome:?}");
    }
    if !outcome.succeeded() {
        assert_eq!(outcome.at(target).len(), 0, "{what}: {outcome:?}");
    }
}

fn redirected_with(moved: Moved) {
    for moment in Moment::ALL {
        for then in Then::ALL {
            redirected(moment, moved, then);
        }
    }
}

#[test]
fn a_307_at_any_time_is_followed_or_says_why_not() {
    redirected_with(Moved::AtOnce);
}

#[test]
fn a_307_whose_body_is_late_is_followed_or_says_why_not() {
    redirected_with(Moved::Late);
}

#[test]
fn a_307_with_a_long_body_is_followed_or_says_why_not() {
    redirected_with(Moved::Long);
}

/// What the front would do then never comes.
#[test]
fn a_307_whose_body_never_ends_is_followed() {
    for moment in [Moment::BeforeTheBody, Moment::DuringIt, Moment::AfterIt] {
        redirected(moment, Moved::Endless, Then::StopsReading);
    }
}

/// The old upload fills the sockets and is stuck: it is given up, and the new one has all of it.
#[test]
fn a_front_that_stops_reading_in_mid_send_holds_nothing_up() {
    let size = 8 << 20;
    for length in [Length::Known, Length::Unknown] {
        for steps in [vec![Step::Head], vec![Step::Head, Step::Read(20 * KIB)]] {
            for moved in [Moved::AtOnce, Moved::Late] {
                let upload = Upload { size, chunk: 64 << 10, length, sent: Sent::AtOnce };
                let trial = Trial::new(format!("{steps:?}, {moved:?}, {upload:?}"));
                let mut trial = trial.lasts(Lasts::LikeTheServer);
                let target = trial.site([Step::Head, Step::Content, Step::Say(OK.into())]);
                let answer = moved.steps(&target.url);
                let pause = Step::Pause(Duration::from_millis(30));
                let front = trial
                    .site(steps.iter().cloned().chain([pause]).chain(answer).chain([Step::Idle]));
                let layer = FollowRedirectLayer::new().replay_limit(size);
                let outcome = trial.run(&front.url, layer, upload, Caller::Stays);
                assert!(outcome.succeeded(), "{outcome:?}");
                assert_eq!((outcome.whole_at(&front), outcome.whole_at(&target)), (0, 1));
            }
        }
    }
}
