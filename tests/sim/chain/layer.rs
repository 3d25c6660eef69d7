//! How the layer is set.

use std::time::Duration;

use http::HeaderName;
use tower_follow_redirect::{Drain, ExpectContinue, FollowRedirectLayer, OnRefusal, Policy};

use super::{choices::Choices, clock::Clock, journal::Kept};

#[derive(Clone, Debug)]
pub struct Settings {
    pub limit: usize,
    pub replay_limit: u64,
    pub expect: Expect,
    pub waits: Duration,
    pub unreported: bool,
    pub remembers_417: bool,
    pub drain: (u64, Duration),
    pub total_time: Option<Duration>,
    pub on_refusal: OnRefusal,
    pub detects_loops: bool,
    pub keeps_extension: bool,
    pub informational_limit: u32,
    pub has_clock: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Off,
    WhenAsked,
    Above(u64),
}

impl Settings {
    pub fn choose(choices: &mut Choices<'_>) -> Self {
        let millis =
            |choices: &mut Choices<'_>, of: &[u64]| Duration::from_millis(choices.pick(of));
        Self {
            limit: choices.pick(&[20, 0, 1, 2, 3, 5, 20, 40]),
            replay_limit: choices.pick(&[65_536, 0, 1, 150, 4000, 65_536]),
            expect: choices.pick(&[
                Expect::Above(1 << 20),
                Expect::Above(0),
                Expect::Above(0),
                Expect::Above(500),
                Expect::Off,
                Expect::WhenAsked,
            ]),
            waits: millis(choices, &[1000, 1000, 0, 10]),
            unreported: choices.one_in(5),
            remembers_417: choices.one_in(2),
            drain: (choices.pick(&[131_072, 0, 100, 131_072]), millis(choices, &[250, 0, 1, 250])),
            total_time: choices.maybe(5, |choices| millis(choices, &[0, 1, 1000, 4000])),
            on_refusal: if choices.one_in(3) { OnRefusal::Return } else { OnRefusal::Error },
            detects_loops: choices.one_in(4),
            keeps_extension: choices.one_in(3),
            informational_limit: choices.pick(&[1000, 1000, 2]),
            has_clock: !choices.one_in(16),
        }
    }

    pub fn layer<P: Policy>(&self, policy: P, clock: &Clock) -> FollowRedirectLayer<P> {
        let expect = match self.expect {
            Expect::Off => ExpectContinue::off(),
            Expect::WhenAsked => ExpectContinue::when_asked(),
            Expect::Above(bytes) => ExpectContinue::above(bytes),
        };
        let expect = expect.wait(self.waits);
        let expect = if self.unreported { expect.wait_unreported() } else { expect };
        let expect =
            if self.remembers_417 { expect } else { expect.remember_refusals(Duration::ZERO) };
        let (bytes, time) = self.drain;
        let mut layer = FollowRedirectLayer::new()
            .with_policy(policy)
            .limit(self.limit)
            .replay_limit(self.replay_limit)
            .expect_continue(expect)
            .drain(Drain::up_to(bytes).within(time))
            .on_refusal(self.on_refusal)
            .informational_limit(self.informational_limit)
            .sensitive_header(HeaderName::from_static("x-added"));
        if let Some(time) = self.total_time {
            layer = layer.total_time(time);
        }
        if self.detects_loops {
            layer = layer.detect_loops();
        }
        if self.keeps_extension {
            layer = layer.keep_extension::<Kept>();
        }
        // Else it has none: there is no runtime.
        if self.has_clock { layer.timer(clock.clone()) } else { layer }
    }
}
