//! What holds under every policy, in every order, for every chain of redirects.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, header};
use http_body_util::Empty;
use proptest::prelude::*;
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    FollowRedirectLayer, Policy, ReplayBody, Target,
    policy::{self, Answer, Decision, HttpsOnly, Limited, Referer, SameOrigin, Standard, Verdict},
    rules::origin::same_origin,
};
use url::Url;

type NoBody = Empty<Bytes>;

/// How many redirects the layer follows here.
const LIMIT: usize = 5;

/// The caller's header fields; all but the last are secret, each for another reason.
const NAMES: [&str; 5] = ["authorization", "x-api-key", "x-marked", "x-added", "x-plain"];
const SECRETS: usize = 4;

/// Where the server sends the caller, one after the other.
const LOCATIONS: [&str; 10] = [
    "/within",
    "https://a.test/home",
    "http://a.test/downgraded",
    "https://b.test/foreign",
    "http://b.test/foreign",
    "//c.test/foreign",
    "https://A.TEST:443/spelled",
    "ftp://b.test/",
    "https:/b.test/",
    "",
];

/// A policy that is one of ours, or a closure.
#[derive(Clone, Debug)]
enum Leaf {
    Standard,
    SameOrigin,
    HttpsOnly,
    Limited(usize),
    Referer,
    Closure(Closure),
}

/// What a closure says and does.
#[derive(Clone)]
struct Closure {
    decision: Decision,
    set: Option<&'static str>,
    strip: Option<&'static str>,
    target: Option<&'static str>,
    timing: Timing,
    edits_at: EditsAt,
}

/// At which hops a closure edits: what was set at the first must not reach another origin later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EditsAt {
    FirstHop,
    EveryHop,
}

/// When a closure answers, and when it edits.
#[derive(Clone, Copy, Debug)]
enum Timing {
    AtOnce,
    /// It edits, and then asks for the decision.
    Asks,
    /// Its edits come with the answer.
    AnswersWithEdits,
}

#[derive(Clone, Debug)]
enum Tree {
    Leaf(Leaf),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

impl fmt::Debug for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decision, set, strip, target, timing, edits_at } = self;
        write!(f, "{decision:?} set {set:?} strip {strip:?} target {target:?}")?;
        write!(f, " {timing:?} {edits_at:?}")
    }
}

impl Tree {
    /// Makes the policy.
    fn policy(&self) -> Box<dyn Policy> {
        match self {
            Self::Leaf(leaf) => leaf.policy(),
            Self::And(first, second) => Box::new(first.policy().and(second.policy())),
            Self::Or(first, second) => Box::new(first.policy().or(second.policy())),
        }
    }

    /// Whether any policy changes a header field that is watched here.
    fn edits(&self) -> bool {
        match self {
            Self::Leaf(Leaf::Closure(closure)) => closure.set.or(closure.strip).is_some(),
            Self::Leaf(_) => false,
            Self::And(first, second) | Self::Or(first, second) => first.edits() || second.edits(),
        }
    }

    /// What the documentation says of `and` and `or`, for policies that name no target.
    fn decide(&self, redirect: &Redirect<'_>) -> Says {
        match self {
            Self::Leaf(leaf) => leaf.decide(redirect),
            Self::And(first, second) => {
                let (mut first, second) = (first.decide(redirect), second.decide(redirect));
                first.strips.extend(second.strips);
                first.sets.extend(second.sets);
                let opinion = match (first.opinion, second.opinion) {
                    (Opinion::None, other) | (other, Opinion::None) => other,
                    (first, second) => first.max(second),
                };
                Says { opinion, ..first }
            }
            Self::Or(first, second) => {
                let first = first.decide(redirect);
                if first.opinion != Opinion::None {
                    return first;
                }
                let mut second = second.decide(redirect);
                second.strips.extend(first.strips);
                second
            }
        }
    }
}

impl Leaf {
    fn policy(&self) -> Box<dyn Policy> {
        match self {
            Self::Standard => Box::new(Standard),
            Self::SameOrigin => Box::new(SameOrigin),
            Self::HttpsOnly => Box::new(HttpsOnly),
            Self::Limited(max) => Box::new(Limited::new(*max)),
            Self::Referer => Box::new(Referer::auto()),
            Self::Closure(closure) => closure.clone().policy(),
        }
    }

    fn decide(&self, redirect: &Redirect<'_>) -> Says {
        let opinion = match self {
            Self::Standard => Opinion::Follow,
            Self::SameOrigin if !same_origin(redirect.from, redirect.to) => Opinion::End,
            Self::HttpsOnly if redirect.to.scheme_str() == Some("http") => Opinion::End,
            Self::Limited(max) if redirect.hops >= *max => Opinion::End,
            Self::SameOrigin | Self::HttpsOnly | Self::Limited(_) | Self::Referer => Opinion::None,
            Self::Closure(closure) => {
                return Says {
                    opinion: match closure.decision {
                        Decision::Pass => Opinion::None,
                        Decision::FollowWithCredentials => Opinion::Trust,
                        Decision::Follow => Opinion::Follow,
                        _ => Opinion::End,
                    },
                    strips: closure.strip(redirect.hops).into_iter().collect(),
                    sets: closure.set(redirect.hops).into_iter().collect(),
                };
            }
        };
        Says { opinion, strips: Vec::new(), sets: Vec::new() }
    }
}

impl Closure {
    fn set(&self, hops: usize) -> Option<&'static str> {
        self.set.filter(|_| hops == 0 || self.edits_at == EditsAt::EveryHop)
    }

    fn strip(&self, hops: usize) -> Option<&'static str> {
        self.strip.filter(|_| hops == 0 || self.edits_at == EditsAt::EveryHop)
    }

    fn policy(self) -> Box<dyn Policy> {
        let name = HeaderName::from_static;
        Box::new(policy::redirect_fn(move |attempt| {
            let hops = attempt.hops().len();
            let (set, strip) = (self.set(hops), self.strip(hops));
            let value: HeaderValue = format!("set {hops}").parse().unwrap();
            if let Some(target) = self.target {
                attempt.set_target(Target::new(Uri::from_static(target), None).unwrap());
            }
            let mut answer = Answer::from(self.decision.clone());
            if let Timing::AnswersWithEdits = self.timing {
                answer = set.iter().fold(answer, |a, n| a.set_header(name(n), value.clone()));
                answer = strip.iter().fold(answer, |a, n| a.strip_header(name(n)));
            } else {
                set.iter().for_each(|n| attempt.set_header(name(n), value.clone()));
                strip.iter().for_each(|n| attempt.strip_header(name(n)));
            }
            match self.timing {
                Timing::AtOnce => self.decision.clone().into(),
                Timing::Asks | Timing::AnswersWithEdits => Verdict::ask(async move {
                    tokio::task::yield_now().await;
                    answer
                }),
            }
        }))
    }
}

/// What a policy is asked about.
struct Redirect<'a> {
    from: &'a Uri,
    to: &'a Uri,
    hops: usize,
}

/// What a policy says of it.
struct Says {
    opinion: Opinion,
    strips: Vec<&'static str>,
    sets: Vec<&'static str>,
}

/// From the mildest to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Opinion {
    None,
    Trust,
    Follow,
    End,
}

fn leaf(targets: &'static [&'static str]) -> impl Strategy<Value = Leaf> {
    let decision = prop_oneof![
        3 => Just(Decision::Pass),
        3 => Just(Decision::Follow),
        4 => Just(Decision::FollowWithCredentials),
        1 => Just(Decision::Stop),
        1 => Just(Decision::fail("no")),
    ];
    let name = || prop::option::weighted(0.3, prop::sample::select(&NAMES[..]));
    let target: BoxedStrategy<_> = if targets.is_empty() {
        Just(None).boxed()
    } else {
        prop::option::weighted(0.3, prop::sample::select(targets)).boxed()
    };
    let timing =
        prop_oneof![Just(Timing::AtOnce), Just(Timing::Asks), Just(Timing::AnswersWithEdits)];
    let edits_at = prop_oneof![Just(EditsAt::FirstHop), Just(EditsAt::EveryHop)];
    let closure = (decision, name(), name(), target, timing, edits_at).prop_map(
        |(decision, set, strip, target, timing, edits_at)| {
            Leaf::Closure(Closure { decision, set, strip, target, timing, edits_at })
        },
    );
    prop_oneof![
        2 => Just(Leaf::Standard),
        1 => Just(Leaf::SameOrigin),
        1 => Just(Leaf::HttpsOnly),
        1 => (0..6_usize).prop_map(Leaf::Limited),
        1 => Just(Leaf::Referer),
        8 => closure,
    ]
}

/// Trees of policies, some of whose leaves may lead to `targets`.
fn tree(targets: &'static [&'static str]) -> impl Strategy<Value = Tree> {
    leaf(targets).prop_map(Tree::Leaf).prop_recursive(4, 16, 2, |inner| {
        (inner.clone(), inner, any::<bool>()).prop_map(|(first, second, and)| {
            let (first, second) = (Box::new(first), Box::new(second));
            if and { Tree::And(first, second) } else { Tree::Or(first, second) }
        })
    })
}

fn locations() -> impl Strategy<Value = Vec<&'static str>> {
    // Those that can be followed are the first seven.
    let location = prop_oneof![
        12 => prop::sample::select(&LOCATIONS[..7]),
        1 => prop::sample::select(&LOCATIONS[7..]),
    ];
    prop::collection::vec(location, 1..8)
}

/// One request that the inner service saw.
#[derive(Debug)]
struct Seen {
    uri: Uri,
    headers: HeaderMap,
}

/// Sends one request to a server that redirects it from location to location.
fn run(policy: Box<dyn Policy>, locations: Vec<&'static str>) -> Vec<Seen> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let server = service_fn(move |request: Request<ReplayBody<NoBody>>| {
        let (head, _) = request.into_parts();
        let mut log = log.lock().unwrap();
        log.push(Seen { uri: head.uri, headers: head.headers });
        let response = match locations.get(log.len() - 1) {
            Some(location) => Response::builder().status(302).header(header::LOCATION, *location),
            None => Response::builder(),
        };
        std::future::ready(response.body(NoBody::new()).map_err(BoxError::from))
    });
    let mut request = Request::get("https://a.test/start").body(NoBody::new()).unwrap();
    for name in NAMES {
        request.headers_mut().insert(name, HeaderValue::from_static("of a"));
    }
    request.headers_mut().get_mut("x-marked").unwrap().set_sensitive(true);
    let client = FollowRedirectLayer::new()
        .with_policy(policy)
        .limit(LIMIT)
        .sensitive_header(HeaderName::from_static("x-added"))
        .layer(server);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    // How it ends does not matter here: what was sent counts.
    let _ = runtime.block_on(client.oneshot(request));
    std::mem::take(&mut *seen.lock().unwrap())
}

/// Whether the request has the value that the caller gave.
fn has_own(seen: &Seen, name: &str) -> bool {
    seen.headers.get_all(name).iter().any(|value| value == "of a")
}

/// At which hop a policy set the value that the request has.
fn set_at(seen: &Seen, name: &str) -> Option<usize> {
    let value = seen.headers.get(name)?.to_str().ok()?;
    value.strip_prefix("set ").map(|hop| hop.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// No combination of policies, in any order, lets a sensitive header reach a foreign origin
    /// unless all that decided grant it; what any of them strips is gone and never comes back; and
    /// every request the service sees was allowed.
    #[test]
    fn no_combination_of_policies_in_any_order_lets_a_sensitive_header_reach_a_foreign_origin(
        tree in tree(&[]),
        locations in locations(),
    ) {
        let requests = run(tree.policy(), locations);
        prop_assert!(requests.len() <= LIMIT + 1);
        for (hops, pair) in requests.windows(2).enumerate() {
            let (before, after) = (&pair[0], &pair[1]);
            let crosses = !same_origin(&before.uri, &after.uri);
            let redirect = Redirect { from: &before.uri, to: &after.uri, hops };
            let says = tree.decide(&redirect);
            prop_assert!(matches!(after.uri.scheme_str(), Some("http" | "https")));
            prop_assert_ne!(says.opinion, Opinion::End, "hop {} was not allowed", hops);
            for (index, name) in NAMES.into_iter().enumerate() {
                if has_own(after, name) {
                    prop_assert!(has_own(before, name), "{} came back at hop {}", name, hops);
                    let granted = says.opinion == Opinion::Trust;
                    let may_cross = granted || index >= SECRETS;
                    prop_assert!(!crosses || may_cross, "{} leaked at hop {}", name, hops);
                }
                if says.strips.contains(&name) {
                    prop_assert!(after.headers.get(name).is_none(), "{} at hop {}", name, hops);
                }
                if let Some(set) = set_at(after, name) {
                    prop_assert!(set == hops || !crosses, "{} of hop {} at {}", name, set, hops);
                    prop_assert!(set < hops || says.sets.contains(&name));
                }
            }
        }
    }

    /// The other way round: what may go along does, so that the property above is not an empty one.
    #[test]
    fn what_may_be_followed_is_followed_with_what_may_go_along(
        tree in tree(&[]),
        locations in prop::collection::vec(prop::sample::select(&LOCATIONS[..7]), 1..8),
    ) {
        let requests = run(tree.policy(), locations.clone());
        for (hops, before) in requests.iter().enumerate() {
            let Some(location) = locations.get(hops) else { break };
            let base = Url::parse(&before.uri.to_string()).unwrap();
            let to: Uri = base.join(location).unwrap().as_str().parse().unwrap();
            let says = tree.decide(&Redirect { from: &before.uri, to: &to, hops });
            let Some(after) = requests.get(hops + 1) else {
                prop_assert!(says.opinion == Opinion::End || hops == LIMIT, "hop {}", hops);
                break;
            };
            prop_assert_eq!(&after.uri, &to);
            let stays = same_origin(&before.uri, &to) || says.opinion == Opinion::Trust;
            for name in NAMES {
                if has_own(before, name) && stays && !tree.edits() {
                    prop_assert!(has_own(after, name), "{} is lost at hop {}", name, hops);
                }
            }
        }
    }

    /// A guard that stands in an `and` guards whatever target the others lead to.
    #[test]
    fn a_guard_holds_for_the_target_that_other_policies_lead_to(
        tree in tree(&["http://b.test/named", "https://b.test/named", "https://a.test/named"]),
        locations in locations(),
        guard_first in any::<bool>(),
        same in any::<bool>(),
    ) {
        let guard: Box<dyn Policy> = if same { Box::new(SameOrigin) } else { Box::new(HttpsOnly) };
        let policy: Box<dyn Policy> = if guard_first {
            Box::new(guard.and(tree.policy()))
        } else {
            Box::new(tree.policy().and(guard))
        };
        for seen in run(policy, locations) {
            if same {
                prop_assert!(same_origin(&Uri::from_static("https://a.test/"), &seen.uri));
            } else {
                prop_assert_eq!(seen.uri.scheme_str(), Some("https"));
            }
        }
    }
}
