//! Policies that remember: what is recalled goes the way of a redirect that is received.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{Empty, Full};
use tower_follow_redirect::{
    BodyFactory, FollowRedirectLayer, Fragment, History, OnRefusal, Policy, RefusalKind, Target,
    policy::{
        Attempt, Decision, Exchange, HttpsOnly, Outgoing, Recall, Recollection, Remembered,
        RequestPolicy, SameOrigin, Verdict,
    },
};

use crate::support::{
    body::Pieces,
    get,
    step::{Call, ok, reason, redirect, refused, send, status},
};

/// Knows where requests must go, and notes what came of them.
#[derive(Clone, Default)]
struct Atlas {
    known: Arc<Mutex<HashMap<String, Recollected>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
enum Recollected {
    To(u16, String),
    Wrong,
    /// After a while, what else there is.
    Later(Box<Self>),
}

use Recollected::{Later, To, Wrong};

impl Atlas {
    fn of<const N: usize>(known: [(&str, Recollected); N]) -> Self {
        let known = known.map(|(uri, known)| (uri.to_owned(), known));
        Self { known: Arc::new(Mutex::new(known.into())), ..Self::default() }
    }

    fn layer(&self) -> FollowRedirectLayer<Self> {
        FollowRedirectLayer::new().with_policy(self.clone())
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn to(uri: &str) -> Recollected {
    To(308, uri.to_owned())
}

impl Policy for Atlas {
    fn redirect(&self, _: &mut Attempt<'_>) -> Verdict {
        Decision::Pass.into()
    }

    fn recall(&self, request: &mut Outgoing<'_>) -> Recall {
        let uri = request.request().uri.to_string();
        let known = self.known.lock().unwrap().get(&uri).cloned();
        match known {
            None => Recall::Nothing,
            Some(To(status, target)) => {
                let (target, fragment) = match target.split_once('#') {
                    Some((target, fragment)) => (target, Some(fragment)),
                    None => (&*target, None),
                };
                let target = Target::new(target.parse().unwrap(), fragment).unwrap();
                let status = StatusCode::from_u16(status).unwrap();
                Recall::Redirect(Remembered::new(status, target))
            }
            Some(Wrong) => Recall::Retract,
            Some(Later(then)) => {
                let atlas = self.clone();
                Recall::Wait(Recollection::new(async move {
                    tokio::task::yield_now().await;
                    atlas.known.lock().unwrap().insert(uri, *then);
                }))
            }
        }
    }

    /// 404 and errors disprove what was recalled.
    fn concluded(&self, exchange: &mut Exchange<'_>) {
        let (outcome, disproved) = match exchange.outcome() {
            Ok(response) => {
                (response.status.as_u16().to_string(), response.status == StatusCode::NOT_FOUND)
            }
            Err(error) => (error.to_string(), true),
        };
        let next = exchange.followed_to().map(|uri| format!(" to {uri}")).unwrap_or_default();
        let line = format!("{} {} {outcome}{next}", exchange.method(), exchange.uri());
        assert_eq!(exchange.request().uri, *exchange.uri());
        self.seen.lock().unwrap().push(line);
        if disproved {
            exchange.retract();
        }
    }
}

fn hops(response: &http::Response<impl Sized>) -> Vec<String> {
    let hops = History::of(response).map(History::hops).unwrap_or_default();
    hops.iter()
        .map(|hop| format!("{} {} {}", hop.status(), hop.uri(), hop.is_from_cache()))
        .collect()
}

fn is_final(line: &&String) -> bool {
    !line.contains(" to https")
}

#[tokio::test]
async fn a_remembered_redirect_is_followed_without_being_asked_for() {
    let atlas = Atlas::of([
        ("https://a.test/1", to("https://a.test/2")),
        ("https://a.test/2", to("https://b.test/3")),
        ("https://b.test/4", to("https://b.test/5")),
    ]);
    let mut call = Call::start(atlas.layer(), get("https://a.test/1"));
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://b.test/3");
    hop.redirect(302, "/4");
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://b.test/5");
    hop.answer(ok());
    let response = call.end().await.unwrap();
    let expected = [
        "308 Permanent Redirect https://a.test/1 true",
        "308 Permanent Redirect https://a.test/2 true",
        "302 Found https://b.test/3 false",
        "308 Permanent Redirect https://b.test/4 true",
    ];
    assert_eq!(hops(&response), expected);
    let seen = ["GET https://b.test/3 302 to https://b.test/4", "GET https://b.test/5 200"];
    assert_eq!(atlas.seen(), seen);
}

#[tokio::test]
async fn secrets_stay_behind_as_with_a_received_redirect() {
    for (target, kept) in [("https://a.test/2", true), ("https://b.test/2", false)] {
        let atlas = Atlas::of([("https://a.test/1", to(target))]);
        let mut request = get("https://a.test/1");
        request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("of a"));
        request.extensions_mut().insert(7_u8);
        let mut call = Call::start(atlas.layer(), request);
        let hop = call.next().await;
        assert_eq!(hop.uri(), target);
        assert_eq!(hop.field("authorization").is_some(), kept, "{target}");
        assert_eq!(hop.head.extensions.get::<u8>().is_some(), kept, "{target}");
    }
}

/// A stop cannot hand back a response that is not there: the server's own is handed back.
#[tokio::test]
async fn where_the_policy_stops_the_server_answers() {
    let atlas = Atlas::of([("https://a.test/1", to("https://b.test/2"))]);
    let layer = FollowRedirectLayer::new().with_policy(atlas.and(SameOrigin));
    let mut call = Call::start(layer, get("https://a.test/1"));
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://a.test/1");
    hop.redirect(308, "https://b.test/2");
    assert_eq!(reason(&call.end().await.unwrap()), Some(RefusalKind::Policy));
}

#[tokio::test]
async fn a_remembered_redirect_that_is_refused_is_an_error_without_a_response() {
    let known = [
        ("https://a.test/1", to("https://a.test/2")),
        ("https://a.test/2", to("https://a.test/3")),
    ];
    let atlas = Atlas::of(known);
    let error = Call::start(atlas.layer().limit(1), get("https://a.test/1")).end().await;
    let error = error.unwrap_err();
    assert_eq!(refused(&error), Some(RefusalKind::TooManyRedirects));
    assert!(error.refusal().unwrap().is_from_cache());
    assert_eq!(error.history().unwrap().hops().len(), 1);
    let text = format!("{error}: {}", error.refusal().unwrap());
    let expected = "GET https://a.test/2 is remembered as redirected, and that was refused: a \
                    remembered 308 after GET https://a.test/2 to https://a.test/3 was not \
                    followed: too many redirects; raise the limit if all are wanted";
    assert_eq!(text, expected);
    assert!(error.into_response().is_none());
    assert!(atlas.seen().is_empty());
}

/// Who wants a response in any case gets the server's.
#[tokio::test]
async fn a_remembered_redirect_that_is_refused_is_asked_for() {
    let atlas = Atlas::of([("https://a.test/1", to("http://a.test/2"))]);
    let layer = FollowRedirectLayer::new().with_policy(atlas.and(HttpsOnly));
    let mut call = Call::start(layer.on_refusal(OnRefusal::Return), get("https://a.test/1"));
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://a.test/1");
    hop.redirect(308, "http://a.test/2");
    assert_eq!(reason(&call.end().await.unwrap()), Some(RefusalKind::Scheme));
}

/// Says something of remembered redirects only, or asks first.
struct OfRemembered(Say);

type Say = fn() -> Verdict;

impl Policy for OfRemembered {
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        if !attempt.is_from_cache() {
            return Decision::Pass.into();
        }
        assert_eq!(attempt.response().headers[header::LOCATION], "https://b.test/2#x");
        assert_eq!(attempt.hops().len(), 0);
        self.0()
    }
}

#[tokio::test]
async fn a_policy_may_ask_before_a_remembered_redirect_is_followed() {
    async fn later(decision: Decision) -> Decision {
        tokio::task::yield_now().await;
        decision
    }
    let table: [(Say, &str); 3] = [
        (|| Verdict::ask(later(Decision::Follow)), "https://b.test/2"),
        (|| Verdict::ask(later(Decision::Stop)), "https://a.test/1"),
        (|| Verdict::Peek(100), ""),
    ];
    for (verdict, first) in table {
        let atlas = Atlas::of([("https://a.test/1", to("https://b.test/2#x"))]);
        let layer = FollowRedirectLayer::new().with_policy(atlas.and(OfRemembered(verdict)));
        let mut call = Call::start(layer, get("https://a.test/1"));
        if first.is_empty() {
            // There is nothing more to see.
            assert_eq!(refused(&call.end().await.unwrap_err()), Some(RefusalKind::Policy));
            continue;
        }
        assert_eq!(call.next().await.uri(), first);
    }
}

#[tokio::test]
async fn a_fragment_comes_along_unless_the_target_has_one() {
    for (target, expected) in [("https://b.test/2", "mine"), ("https://b.test/2#its", "its")] {
        let atlas = Atlas::of([("https://a.test/1", to(target))]);
        let mut request = get("https://a.test/1");
        request.extensions_mut().insert(Fragment::new("mine"));
        let response = Call::start(atlas.layer(), request).end_with_ok().await;
        assert_eq!(History::of(&response).unwrap().fragment(), Some(expected));
    }
}

#[tokio::test]
async fn a_policy_may_wait_before_it_remembers() {
    let atlas = Atlas::of([
        ("https://a.test/1", Later(Box::new(to("https://a.test/2")))),
        ("https://a.test/3", Later(Box::new(to("https://a.test/4")))),
    ]);
    let mut call = Call::start(atlas.layer(), get("https://a.test/1"));
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://a.test/2");
    hop.redirect(302, "/3");
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://a.test/4");
}

/// What failed is forgotten: it is neither in the history nor in the way.
#[tokio::test]
async fn what_was_recalled_can_be_taken_back() {
    let table: [fn(crate::support::step::Hop<Empty<Bytes>>); 2] =
        [|hop| hop.answer(status(404)), |hop| hop.fail("no route to host")];
    for fail in table {
        let atlas = Atlas::of([
            ("https://a.test/2", to("https://b.test/3")),
            ("https://b.test/3", to("https://b.test/4")),
        ]);
        let mut request = get("https://a.test/1");
        request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("of a"));
        let mut call = Call::start(atlas.layer(), request);
        call.next().await.redirect(302, "/2");
        let hop = call.next().await;
        assert_eq!(hop.uri(), "https://b.test/4");
        assert_eq!(hop.field("authorization"), None);
        fail(hop);
        let hop = call.next().await;
        assert_eq!(hop.uri(), "https://a.test/2", "nothing is recalled any more");
        assert_eq!(hop.field("authorization"), Some("of a"));
        hop.redirect(308, "https://b.test/3");
        let hop = call.next().await;
        assert_eq!(hop.uri(), "https://b.test/3", "nothing is recalled any more");
        hop.answer(status(404));
        let response = call.end().await.unwrap();
        assert_eq!(response.status(), 404, "it is taken back once");
        let expected =
            ["302 Found https://a.test/1 false", "308 Permanent Redirect https://a.test/2 false"];
        assert_eq!(hops(&response), expected);
        assert_eq!(atlas.seen().len(), 4);
        assert_eq!(atlas.seen().iter().filter(is_final).count(), 2);
    }
}

#[tokio::test]
async fn what_was_received_cannot_be_taken_back() {
    let atlas = Atlas::of([("https://a.test/1", to("https://a.test/2"))]);
    let mut call = Call::start(atlas.layer(), get("https://a.test/1"));
    call.next().await.redirect(308, "/3");
    call.next().await.answer(status(404));
    assert_eq!(call.end().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_wrong_turn_is_seen_before_anything_is_sent() {
    let atlas =
        Atlas::of([("https://a.test/1", to("https://b.test/2")), ("https://b.test/2", Wrong)]);
    let mut call = Call::start(atlas.layer(), get("https://a.test/1"));
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://a.test/1");
    hop.answer(ok());
    assert!(hops(&call.end().await.unwrap()).is_empty());

    // There is nothing to go back to.
    let mut call = Call::start(atlas.layer(), get("https://b.test/2"));
    assert_eq!(call.next().await.uri(), "https://b.test/2");
}

#[tokio::test]
async fn an_upload_goes_where_it_is_remembered_to_go() {
    let atlas = Atlas::of([("https://a.test/1", to("https://b.test/2"))]);
    let mut call = Call::start(atlas.layer(), send("PUT", "https://a.test/1", "ha ha"));
    let mut hop = call.next().await;
    assert_eq!(hop.line(), "PUT https://b.test/2");
    assert_eq!(hop.content().await, "ha ha");
    hop.redirect(307, "/3");
    let mut hop = call.next().await;
    assert_eq!((hop.line(), hop.content().await), ("PUT https://b.test/3".into(), "ha ha".into()));
}

/// A remembered 303 would drop it: then there is no way back.
#[tokio::test]
async fn an_upload_that_is_dropped_on_the_way_cannot_be_taken_back() {
    let atlas = Atlas::of([("https://a.test/1", To(303, "https://a.test/2".into()))]);
    let mut call = Call::start(atlas.layer(), send("PUT", "https://a.test/1", "ha ha"));
    let hop = call.next().await;
    assert_eq!(hop.line(), "GET https://a.test/2");
    hop.answer(status(404));
    assert_eq!(call.end().await.unwrap().status(), 404);
}

#[tokio::test]
async fn an_upload_is_taken_back_if_it_can_be_sent_again() {
    for (limit, again) in [(1000, true), (1, false)] {
        let atlas = Atlas::of([("https://a.test/1", to("https://a.test/2"))]);
        let (pieces, body) = Pieces::new();
        for piece in ["ha ", "ha"] {
            pieces.send(Bytes::from_static(piece.as_bytes())).unwrap();
        }
        drop(pieces);
        let request = Request::put("https://a.test/1").body(body).unwrap();
        let mut call = Call::start(atlas.layer().replay_limit(limit), request);
        let mut hop = call.next().await;
        assert_eq!(hop.content().await, "ha ha");
        hop.answer(status(404));
        if !again {
            assert_eq!(call.end().await.unwrap().status(), 404);
            continue;
        }
        let mut hop = call.next().await;
        assert_eq!(hop.line(), "PUT https://a.test/1");
        assert_eq!(hop.content().await, "ha ha");
    }
}

#[tokio::test]
async fn a_factory_is_not_asked_before_anything_was_sent() {
    let atlas = Atlas::of([("https://a.test/1", to("https://a.test/2"))]);
    let mut request = send("PUT", "https://a.test/1", "ha ha");
    let factory = BodyFactory::<Full<Bytes>>::fallible(|| Err("it was asked"));
    request.extensions_mut().insert(factory);
    let mut call = Call::start(atlas.layer(), request);
    let mut hop = call.next().await;
    assert_eq!((hop.line(), hop.content().await), ("PUT https://a.test/2".into(), "ha ha".into()));
    // Now it would have to be, and fails: the answer stays what it is.
    hop.answer(status(404));
    assert_eq!(call.end().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_tunnel_goes_where_it_is_asked_to() {
    let atlas = Atlas::of([("https://a.test/1", to("https://a.test/2"))]);
    let mut request = get("https://a.test/1");
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    request.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let mut call = Call::start(atlas.layer(), request);
    assert_eq!(call.next().await.uri(), "https://a.test/1");
}

#[tokio::test]
async fn the_policy_of_a_request_is_the_one_that_remembers() {
    let layers = Atlas::of([("https://a.test/1", to("https://a.test/2"))]);
    let own = Atlas::of([("https://a.test/1", to("https://a.test/3"))]);
    let mut request = get("https://a.test/1");
    request.extensions_mut().insert(RequestPolicy::new(own.clone()));
    let mut call = Call::start(layers.layer(), request);
    let hop = call.next().await;
    assert_eq!(hop.uri(), "https://a.test/3");
    hop.answer(ok());
    call.end().await.unwrap();
    assert_eq!((layers.seen().len(), own.seen().len()), (0, 1));
}

/// Whatever ends a call, the policy learns of every request that was sent.
#[tokio::test]
async fn every_exchange_is_concluded_once() {
    let atlas = Atlas::default();
    let mut call = Call::start(atlas.layer().limit(1), get("http://a.test/1"));
    call.next().await.redirect(307, "/2");
    call.next().await.redirect(307, "/3");
    call.end().await.unwrap_err();
    let seen = ["GET http://a.test/1 307 to http://a.test/2", "GET http://a.test/2 307"];
    assert_eq!(atlas.seen(), seen);

    let atlas = Atlas::default();
    let layer = FollowRedirectLayer::new().with_policy(atlas.clone().and(Decision::Stop));
    let mut call = Call::start(layer, get("http://a.test/1"));
    call.next().await.answer(redirect(307, "/2"));
    call.end().await.unwrap();
    assert_eq!(atlas.seen(), ["GET http://a.test/1 307"]);

    let atlas = Atlas::default();
    let mut call = Call::start(atlas.layer(), get("http://a.test/1"));
    call.next().await.fail("reset");
    call.end().await.unwrap_err();
    assert_eq!(atlas.seen(), ["GET http://a.test/1 reset"]);

    let atlas = Atlas::default();
    let mut request = send("PUT", "http://a.test/1", "ha ha");
    request.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
    let mut call = Call::start(atlas.layer(), request);
    call.next().await.answer(status(417));
    let hop = call.next().await;
    assert_eq!(hop.head.method, Method::PUT);
    hop.answer(ok());
    call.end().await.unwrap();
    assert_eq!(atlas.seen(), ["PUT http://a.test/1 200"]);
}
