//! A world in which random calls meet random servers, in virtual time.
//!
//! [`play`] makes a chain of [`Choices`]: the layer's settings, its policies, what the servers do, and one
//! to eight calls through one service. Then it plays it, without a socket, a runtime or a thread, and checks
//! the promises of the layer ([`invariants`]). The same choices make the same chain, every time.
//!
//! Nothing here knows of a test harness, or where it is: whoever has bytes or a seed can include it by its
//! `#[path]` and drive it. It takes hyper's client and the features `hyper` and `permanent-cache`.

mod call;
mod caller;
mod choices;
mod clock;
mod closure;
mod connection;
mod content;
mod informer;
mod intake;
mod invariants;
mod journal;
mod layer;
mod line;
mod mood;
mod opinions;
mod pattern;
mod policies;
mod server;
mod stage;
mod tally;
mod tasks;
mod tokens;
mod transport;

use std::{
    fmt,
    rc::Rc,
    time::{Duration, SystemTime},
};

use http::Request;
use tower::Layer;
use tower_follow_redirect::{
    Policy,
    policy::{PermanentCache, RequestPolicy, Standard},
};

use self::{
    call::Call,
    clock::Clock,
    content::OneShot,
    invariants::Facts,
    journal::{Broken, Journal},
    layer::Settings,
    mood::Mood,
    policies::{Leaf, Tree},
    server::Site,
    stage::Stage,
    tasks::Tasks,
    tokens::{Kind, Token},
    transport::Readiness,
};
pub use self::{choices::Choices, tally::Tally};

/// All that is chosen before anything happens.
#[derive(Clone, Debug)]
struct Script {
    settings: Settings,
    tree: Tree,
    brought: Brought,
    calls: Vec<Call>,
    readiness: Vec<Readiness>,
    site: Site,
}

/// Who brings the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Brought {
    ByTheLayer,
    ByTheRequest,
}

impl Script {
    fn choose(choices: &mut Choices<'_>) -> Self {
        let mood = Mood::choose(choices);
        let tree = Tree::choose(choices, if mood == Mood::Anything { 3 } else { 1 });
        let mut settings = Settings::choose(choices);
        match mood {
            Mood::Rush => settings.limit = 40,
            Mood::Permanent => settings.limit = choices.pick(&[1, 2, 3, 20]),
            Mood::Anything => {}
        }
        Self {
            settings,
            tree: match mood {
                Mood::Anything => tree,
                Mood::Rush => Tree::Leaf(Leaf::Standard),
                Mood::Permanent => Tree::And(Box::new(Tree::Leaf(Leaf::Cache)), Box::new(tree)),
            },
            brought: match choices.one_in(8) {
                true => Brought::ByTheRequest,
                false => Brought::ByTheLayer,
            },
            calls: (0..mood.calls(choices)).map(|_| Call::choose(choices, mood)).collect(),
            readiness: match mood {
                Mood::Rush => vec![Readiness::AtOnce],
                _ => Readiness::choose(choices),
            },
            site: Site::choose(choices, mood),
        }
    }
}

/// A chain that broke a promise.
pub struct Failure {
    pub broken: Broken,
    script: Script,
    /// Of the call that broke it.
    journal: Journal,
    call: usize,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { broken: Broken { promise, how }, script, journal, call } = self;
        writeln!(f, "broken: {promise}: {how}, in call {call}")?;
        writeln!(f, "{:?}, brought {:?}", script.settings, script.brought)?;
        writeln!(f, "{:?}", script.tree)?;
        writeln!(f, "ready: {:?}", script.readiness)?;
        script.calls.iter().try_for_each(|call| writeln!(f, "- {call:?}"))?;
        write!(f, "{}", script.site)?;
        writeln!(f, "what servers have seen:")?;
        for sent in &journal.sent {
            writeln!(f, "- {} {} at {:?}", sent.method, sent.uri, sent.at)?;
            writeln!(f, "  {:?} {:?}", sent.headers, sent.marks)?;
            writeln!(f, "  content {:?}, {:?}", sent.content, sent.received)?;
            writeln!(f, "  {:?}, answered: {}", sent.visit.answer, sent.answered)?;
        }
        Ok(())
    }
}

/// Plays the chain of some choices, and counts in `tally` what happened.
///
/// # Errors
///
/// Fails if a promise is broken.
pub fn play(mut choices: Choices<'_>, tally: &mut Tally) -> Result<(), Box<Failure>> {
    let script = Script::choose(&mut choices);
    let clock = Clock::default();
    let stage = Stage::new(clock.clone(), script.site.clone(), script.readiness.clone());
    let failed = play_calls(&script, &stage, &mut choices, tally);
    let left = |stage: &Stage| {
        let left = stage.tokens.left();
        if !left.is_empty() || clock.sleepers() > 0 {
            stage.breaks("nothing is left", format!("{left:?}, {} sleep", clock.sleepers()));
        }
    };
    let call = failed.unwrap_or_else(|| {
        left(&stage);
        script.calls.len()
    });
    let mut journal = stage.journal.take();
    match journal.broken.take() {
        None => Ok(()),
        Some(broken) => Err(Box::new(Failure { broken, script, journal, call })),
    }
}

/// Returns in which call a promise was broken, if any was.
fn play_calls(
    script: &Script,
    stage: &Rc<Stage>,
    choices: &mut Choices<'_>,
    tally: &mut Tally,
) -> Option<usize> {
    let clock = stage.clock.clone();
    let now = clock.clone();
    let cache = PermanentCache::builder()
        .clock(move || SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + now.now())
        .build();
    let token = stage.tokens.token(Kind::Policy);
    let policy = |token: &Token| script.tree.policy(&clock, &cache, token);
    let (of_layer, of_request): (Box<dyn Policy>, _) = match script.brought {
        Brought::ByTheLayer => (policy(&token), None),
        Brought::ByTheRequest => (Box::new(Standard), Some(RequestPolicy::new(policy(&token)))),
    };
    drop(token);
    let mut service =
        script.settings.layer(of_layer, &clock).layer(transport::Transport::new(stage));
    for (number, call) in script.calls.iter().enumerate() {
        *stage.journal.borrow_mut() = Journal::default();
        // As Tower has it: the clone that stays is not the one that was ready.
        let clone = service.clone();
        let ready = std::mem::replace(&mut service, clone);
        let request = |stage: &Stage| with_policy(call.request(stage), of_request.clone());
        let caller = caller::make(ready, request, call.reads, Rc::clone(stage));
        let end = Tasks::new(stage, caller, call.leaves).play(choices);
        let (held, alive) = (stage.tokens.alive(Kind::Service), stage.tokens.left());
        if alive.iter().any(|(kind, _)| !matches!(kind, Kind::Service | Kind::Policy)) || held > 1 {
            stage.breaks("nothing of a call is left", format!("{alive:?}"));
        }
        let mut journal = stage.journal.borrow_mut();
        let facts = Facts { script, call, journal: &journal, end: &end };
        match invariants::check(&facts) {
            Ok(steps) => tally::note(&facts, &steps, tally),
            Err(broken) => journal.breaks(broken.promise, broken.how),
        }
        if journal.broken.is_some() {
            return Some(number);
        }
        clock.pass(call.rests);
    }
    None
}

fn with_policy(mut request: Request<OneShot>, policy: Option<RequestPolicy>) -> Request<OneShot> {
    if let Some(policy) = policy {
        request.extensions_mut().insert(policy);
    }
    request
}
