//! What a memory may never change, for every web that answers the same all the time.

use std::{
    cell::Cell,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use proptest::{prelude::*, test_runner::TestRunner};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    FollowRedirectLayer, RefusalKind, ReplayBody,
    policy::{
        Standard,
        permanent::{
            Commit, Fallback, Methods, PermanentCacheBuilder, Plaintext, Queries,
            RedirectCacheMode, Sharing, Statuses,
        },
    },
};

use super::{Memory, memory};

/// How many redirects are followed.
const LIMIT: usize = 3;

const URIS: [&str; 7] = [
    "https://a.test/0",
    "https://a.test/1",
    "https://a.test/1?q",
    "https://a.test:8443/0",
    "https://b.test/0",
    "http://a.test/0",
    "http://b.test/0",
];

const CACHE_CONTROL: [&str; 9] = [
    "",
    "",
    "",
    "max-age=30",
    "public, max-age=3600",
    "s-maxage=300",
    "no-store",
    "private, max-age=3600",
    "max-age=0",
];

/// What each URI is answered with, at any time.
///
/// That is all a memory may count on: the answer depends on nothing but the URI, and those fields of
/// the request that `Vary` names. It may not depend on the method, or a POST that is redirected by 308
/// could end elsewhere than a GET; nor on credentials, since what was answered without them is used
/// with them; nor on what was requested before.
#[derive(Clone, Debug)]
struct Web(Vec<Says>);

#[derive(Clone, Debug)]
enum Says {
    Redirect {
        status: u16,
        /// By the field `X-Colour`, if it varies.
        to: [usize; 2],
        varies: bool,
        cache_control: &'static str,
    },
    Status(u16),
    Fails,
}

/// One call.
#[derive(Clone, Debug)]
struct Asked {
    /// Before it, in seconds.
    advance: u64,
    method: &'static str,
    uri: usize,
    blue: bool,
    has_credentials: bool,
    mode: RedirectCacheMode,
}

/// What a memory may be set to.
#[derive(Clone, Copy, Debug)]
struct Options {
    statuses: Statuses,
    methods: Methods,
    sharing: Sharing,
    plaintext: Plaintext,
    queries: Queries,
    commit: Commit,
    fallback: Fallback,
    heuristic: u64,
    max_ttl: u64,
    /// Of the layer.
    detects_loops: bool,
}

fn web() -> impl Strategy<Value = Web> {
    // Most are trusted.
    let target = || prop_oneof![5 => 0..5_usize, 1 => 0..URIS.len()];
    let status = prop::sample::select(vec![308, 308, 308, 308, 308, 308, 301, 302, 303, 307]);
    let cache_control = prop::sample::select(&CACHE_CONTROL[..]);
    let redirect = (status, target(), target(), prop::bool::weighted(0.2), cache_control).prop_map(
        |(status, red, blue, varies, cache_control)| {
            let to = [red, if varies { blue } else { red }];
            Says::Redirect { status, to, varies, cache_control }
        },
    );
    let end = prop::sample::select(vec![200, 200, 200, 200, 404, 410, 503]).prop_map(Says::Status);
    let says = prop_oneof![12 => redirect, 10 => end, 2 => Just(Says::Fails)];
    prop::collection::vec(says, URIS.len()).prop_map(Web)
}

fn asked() -> impl Strategy<Value = Asked> {
    (
        prop_oneof![
            9 => Just(0_u64),
            4 => prop::sample::select(vec![1, 30, 60]),
            1 => prop::sample::select(vec![60, 4000]),
        ],
        prop::sample::select(vec!["GET", "GET", "GET", "GET", "GET", "HEAD", "PUT", "POST"]),
        // Most are asked for again.
        prop_oneof![5 => 0..2_usize, 1 => 0..URIS.len()],
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.2),
        prop_oneof![
            18 => Just(RedirectCacheMode::Default),
            1 => Just(RedirectCacheMode::Bypass),
            1 => Just(RedirectCacheMode::Reload),
        ],
    )
        .prop_map(|(advance, method, uri, blue, has_credentials, mode)| Asked {
            advance,
            method,
            uri,
            blue,
            has_credentials,
            mode,
        })
}

fn options() -> impl Strategy<Value = Options> {
    (
        prop::sample::select(vec![Statuses::Only308, Statuses::With301]),
        prop::sample::select(vec![Methods::Safe, Methods::Any308]),
        prop::sample::select(vec![Sharing::Shared, Sharing::Private]),
        prop::sample::select(vec![Plaintext::UpgradeOnly, Plaintext::Always, Plaintext::Never]),
        prop::sample::select(vec![Queries::ExplicitOnly, Queries::LikeOthers]),
        prop::sample::select(vec![Commit::OnSuccess, Commit::OnReceipt]),
        prop::sample::select(vec![Fallback::Once, Fallback::Once, Fallback::Never]),
        prop::sample::select(vec![0, 50, 86_400, 86_400, 86_400]),
        prop::sample::select(vec![10, 604_800, 604_800, 604_800, 604_800]),
        any::<bool>(),
    )
        .prop_map(
            |(
                statuses,
                methods,
                sharing,
                plaintext,
                queries,
                commit,
                fallback,
                heuristic,
                max_ttl,
                detects_loops,
            )| {
                Options {
                    statuses,
                    methods,
                    sharing,
                    plaintext,
                    queries,
                    commit,
                    fallback,
                    heuristic,
                    max_ttl,
                    detects_loops,
                }
            },
        )
}

impl Options {
    fn set_up(self, builder: PermanentCacheBuilder) -> PermanentCacheBuilder {
        builder
            .statuses(self.statuses)
            .methods(self.methods)
            .sharing(self.sharing)
            .plaintext(self.plaintext)
            .queries(self.queries)
            .commit(self.commit)
            .fallback(self.fallback)
            .heuristic(Duration::from_secs(self.heuristic))
            .max_ttl(Duration::from_secs(self.max_ttl))
    }

    fn layer(self) -> FollowRedirectLayer<Standard> {
        let layer = FollowRedirectLayer::new().with_policy(Standard).limit(LIMIT);
        if self.detects_loops { layer.detect_loops() } else { layer }
    }
}

/// A request that the web saw.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    method: String,
    uri: String,
    authorization: bool,
    cookie: bool,
    blue: bool,
    content: Bytes,
}

/// What came of a call: the requests, and how it ended.
#[derive(Debug)]
struct Came {
    seen: Vec<Seen>,
    /// For each request, whether a redirect answered it.
    redirected: Vec<bool>,
    end: End,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// With a response to the last request.
    Response(u16, Seen),
    /// With the failure of the last request.
    Failure(Seen),
    /// With a redirect that was not followed, be it remembered or received.
    Refused(RefusalKind),
}

impl Came {
    /// Returns how often a request came after one that had ended the chain.
    fn fallbacks(&self) -> usize {
        let before = self.redirected.split_last().map_or(&[][..], |(_, before)| before);
        before.iter().filter(|redirected| !**redirected).count()
    }
}

impl Web {
    fn answer(&self, seen: &Seen) -> Result<Response<Full<Bytes>>, BoxError> {
        let at = URIS.iter().position(|uri| *uri == seen.uri).ok_or("no such URI")?;
        let response = Response::builder();
        Ok(match &self.0[at] {
            Says::Fails => return Err("connection refused".into()),
            Says::Status(status) => response.status(*status).body(Full::default())?,
            Says::Redirect { status, to, varies, cache_control } => {
                let to = URIS[to[usize::from(seen.blue)]];
                let mut response = response.status(*status).header(header::LOCATION, to);
                if *varies {
                    response = response.header(header::VARY, "X-Colour");
                }
                if !cache_control.is_empty() {
                    response = response.header(header::CACHE_CONTROL, *cache_control);
                }
                response.body(Full::default())?
            }
        })
    }

    async fn call(
        &self,
        layer: FollowRedirectLayer<impl tower_follow_redirect::Policy>,
        asked: &Asked,
    ) -> Came {
        let log = Arc::new(Mutex::new(Vec::new()));
        let (web, notes) = (self.clone(), Arc::clone(&log));
        let service = service_fn(move |request: Request<ReplayBody<Full<Bytes>>>| {
            let (web, log) = (web.clone(), Arc::clone(&notes));
            async move {
                let (head, body) = request.into_parts();
                let seen = Seen {
                    method: head.method.to_string(),
                    uri: head.uri.to_string(),
                    authorization: head.headers.contains_key(header::AUTHORIZATION),
                    cookie: head.headers.contains_key(header::COOKIE),
                    blue: head.headers.contains_key("x-colour"),
                    content: body.collect().await?.to_bytes(),
                };
                let answer = web.answer(&seen);
                let redirected =
                    answer.as_ref().is_ok_and(|answer| answer.status().is_redirection());
                log.lock().unwrap().push((seen, redirected));
                answer
            }
        });
        let result = layer.layer(service).oneshot(asked.request()).await;
        let (seen, redirected): (Vec<Seen>, Vec<bool>) =
            std::mem::take(&mut *log.lock().unwrap()).into_iter().unzip();
        let last = || seen.last().expect("a request was sent").clone();
        let end = match result {
            Ok(response) => End::Response(response.status().as_u16(), last()),
            Err(error) => match error.refusal() {
                Some(refusal) => End::Refused(refusal.kind()),
                None => End::Failure(last()),
            },
        };
        Came { seen, redirected, end }
    }
}

impl Asked {
    fn request(&self) -> Request<Full<Bytes>> {
        let mut request =
            Request::builder().method(self.method).uri(URIS[self.uri]).extension(self.mode);
        if self.blue {
            request = request.header("x-colour", "blue");
        }
        if self.has_credentials {
            request = request.header(header::AUTHORIZATION, "of a").header(header::COOKIE, "a=b");
        }
        let content = if matches!(self.method, "PUT" | "POST") { "ha ha" } else { "" };
        request.body(Full::from(content)).unwrap()
    }
}

/// Makes the same calls with and without a memory, and looks at each pair.
fn compare(
    (web, options, calls): (Web, Options, Vec<Asked>),
    saved: &Cell<usize>,
    fallbacks: &Cell<usize>,
) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let Memory { cache, clock } = memory(|builder| options.set_up(builder));
    let (mut all_with, mut all_without, mut all_fallbacks) = (0, 0, 0);
    for asked in calls {
        clock.advance(asked.advance);
        let layer = options.layer();
        let without = runtime.block_on(web.call(layer.clone(), &asked));
        let with = runtime.block_on(web.call(layer.with_policy(cache.clone()), &asked));

        // A circle that is partly remembered may be noticed by the limit first.
        match (&with.end, &without.end) {
            (End::Refused(_), End::Refused(_)) if options.detects_loops => {}
            (with, without) => prop_assert_eq!(with, without, "{:?}", asked),
        }
        for seen in &with.seen {
            let is_known = without.seen.contains(seen);
            prop_assert!(is_known, "{seen:?} is sent because of the memory, by {asked:?}");
        }
        let back = with.fallbacks();
        let (count, most) = (with.seen.len(), without.seen.len());
        prop_assert!(count <= most + back, "{count} requests, not {most}, for {asked:?}");
        prop_assert!(count <= LIMIT + 1 + back, "{count} requests for {asked:?}");
        prop_assert!(back <= 1, "{asked:?} was sent back {back} times");
        (all_with, all_without) = (all_with + count, all_without + most);
        all_fallbacks += back;
        saved.set(saved.get() + (most + back - count));
    }
    prop_assert!(all_with <= all_without + all_fallbacks);
    fallbacks.set(fallbacks.get() + all_fallbacks);
    Ok(())
}

/// Compares in many cases, and returns how many requests were saved, and how many calls fell back.
fn compare_all(
    cases: u32,
    options: impl Strategy<Value = Options>,
    asked: impl Strategy<Value = Asked>,
) -> (usize, usize) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let case = (web(), options, prop::collection::vec(asked, 1..32));
    let (saved, fallbacks) = (Cell::new(0), Cell::new(0));
    let result = TestRunner::new(config).run(&case, |case| compare(case, &saved, &fallbacks));
    result.unwrap_or_else(|failure| panic!("{failure}"));
    (saved.get(), fallbacks.get())
}

/// Every call ends as it would without the memory, with the same request; no request is sent that
/// would not be, so that no credential gets anywhere else; and there are not more of them, but one for
/// each way back.
#[test]
fn a_memory_of_a_web_that_does_not_change_saves_requests_and_changes_nothing_else() {
    let (saved, _) = compare_all(600, options(), asked());
    // Or else all of this would be about nothing.
    assert!(saved > 50, "{saved} requests are saved");
}

/// The same, where what fails is remembered too.
#[test]
fn a_way_back_ends_where_the_call_would_have_ended() {
    let options = options().prop_map(|options| Options {
        plaintext: Plaintext::Always,
        commit: Commit::OnReceipt,
        fallback: Fallback::Once,
        heuristic: 86_400,
        max_ttl: 604_800,
        ..options
    });
    let asked = asked().prop_map(|asked| Asked {
        advance: 60,
        method: if asked.method == "HEAD" { "HEAD" } else { "GET" },
        mode: RedirectCacheMode::Default,
        ..asked
    });
    let (_, fallbacks) = compare_all(200, options, asked);
    assert!(fallbacks > 10, "{fallbacks} calls fall back");
}
