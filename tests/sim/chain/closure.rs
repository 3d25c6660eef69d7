//! A policy that does anything a policy can do.

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use tower_follow_redirect::{
    Policy, Target,
    policy::{Attempt, Decision, Verdict},
    rules::method::Content,
};

use super::{
    choices::Choices,
    clock::Clock,
    policies::{is_redirect, origin},
    server::{ORIGINS, uri},
    tokens::Token,
};

/// The field that it sets: for which origin.
pub const SET: HeaderName = HeaderName::from_static("x-set");
/// The field that it strips.
pub const STRIPPED: HeaderName = HeaderName::from_static("x-plain");

#[derive(Clone, Debug)]
pub struct Closure {
    pub says: Says,
    pub sets: Sets,
    pub strips: bool,
    pub drops: bool,
    /// Where it leads, instead of where the redirect does.
    pub target: Option<(usize, usize)>,
    pub peeks: Option<usize>,
    /// It is asked about 503 too, and lets it pass.
    pub claims: bool,
    /// It asks first, and the answer takes so long.
    pub asks: Option<Duration>,
}

/// At which redirects it sets its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sets {
    Never,
    First,
    Every,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    Pass,
    Follow,
    Trust,
    Stop,
    Because,
    Fail,
}

impl Closure {
    pub fn choose(choices: &mut Choices<'_>) -> Self {
        let says = choices.pick(&[
            Says::Pass,
            Says::Follow,
            Says::Trust,
            Says::Trust,
            Says::Pass,
            Says::Stop,
            Says::Because,
            Says::Fail,
        ]);
        Self {
            says,
            sets: choices.pick(&[Sets::Never, Sets::Never, Sets::First, Sets::Every]),
            strips: choices.one_in(4),
            drops: choices.one_in(8),
            target: choices.maybe(8, |choices| (choices.below(ORIGINS.len()), choices.below(4))),
            claims: choices.one_in(3),
            peeks: choices.maybe(4, |choices| choices.pick(&[1, 400, 100_000])),
            asks: choices.maybe(4, |choices| Duration::from_millis(choices.pick(&[0, 5, 3000]))),
        }
    }

    /// Makes the policy.
    pub fn policy(self, clock: Clock, token: Token) -> Box<dyn Policy> {
        let target = self.target.map(|(origin, page)| {
            let uri = uri(origin, page).parse().expect("it is a URI");
            Target::new(uri, None).expect("it can be requested")
        });
        Box::new(ClosurePolicy { closure: self, target, clock, token })
    }
}

struct ClosurePolicy {
    closure: Closure,
    target: Option<Target>,
    clock: Clock,
    token: Token,
}

impl Policy for ClosurePolicy {
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        let Closure { peeks, asks, says, .. } = self.closure;
        if let (Some(bytes), None) = (peeks, attempt.peeked()) {
            return Verdict::Peek(bytes);
        }
        let decision = match is_redirect(attempt.status().as_u16()) {
            true => {
                self.edit(attempt);
                says.decision()
            }
            false => Decision::Pass,
        };
        let Some(time) = asks else { return decision.into() };
        let (sleep, token) = (self.clock.sleep(time), self.token.clone());
        Verdict::ask(async move {
            sleep.await;
            drop(token);
            decision
        })
    }

    fn claims(&self, status: StatusCode) -> bool {
        self.closure.claims && status == StatusCode::SERVICE_UNAVAILABLE
    }
}

impl ClosurePolicy {
    fn edit(&self, attempt: &mut Attempt<'_>) {
        if let Some(target) = &self.target {
            attempt.set_target(target.clone());
        }
        let sets = match self.closure.sets {
            Sets::Never => false,
            Sets::First => attempt.hops().is_empty(),
            Sets::Every => true,
        };
        if let (true, Ok(target)) = (sets, attempt.target()) {
            let origin = origin(target.uri());
            attempt.set_header(SET, HeaderValue::try_from(origin).expect("it is ASCII"));
        }
        if self.closure.strips {
            attempt.strip_header(STRIPPED);
        }
        if self.closure.drops {
            attempt.set_content(Content::Drop);
        }
    }
}

impl Says {
    fn decision(self) -> Decision {
        match self {
            Self::Pass => Decision::Pass,
            Self::Follow => Decision::Follow,
            Self::Trust => Decision::FollowWithCredentials,
            Self::Stop => Decision::Stop,
            Self::Because => Decision::stop("it is enough"),
            Self::Fail => Decision::fail("it is too much"),
        }
    }
}
