//! Limits against hostile servers: each holds by default, and can be set.

use std::{
    error::Error as _,
    future::{Future, pending},
    sync::{Arc, Mutex},
    task::{Context, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{Empty, Full};
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_follow_redirect::{
    Drain, FollowRedirectLayer, History, LocationLimit, OnInformational, RefusalKind, ReplayBody,
    TooManyInformational, TotalTimeElapsed,
    policy::{self, Answer, Decision, Verdict},
    rules::location::{BadLocation, LocationError},
};

use crate::support::{
    body::{Length, Never, OneShot},
    eventually, get, hyper_client,
    raw::{self, OK, Server},
    step::{Call, End, ok, redirect, refused, send},
    text,
};

/// Returns what is wrong with the `Location` of a call that was refused for it.
fn bad(end: &End) -> Option<&BadLocation> {
    let error = end.as_ref().err()?;
    assert_eq!(refused(error), Some(RefusalKind::BadLocation));
    match error.refusal()?.source()?.downcast_ref()? {
        LocationError::Bad(bad) => Some(bad),
        other => panic!("{other}"),
    }
}

/// Makes a call whose first response has a `Location` so many times.
async fn end_of(layer: FollowRedirectLayer, location: &str, times: usize) -> End {
    let location: HeaderValue = location.parse().unwrap();
    let server = service_fn(move |request: Request<ReplayBody<Empty<Bytes>>>| {
        let mut response = ok();
        if request.uri().path() == "/" {
            *response.status_mut() = StatusCode::FOUND;
            for _ in 0..times {
                response.headers_mut().append(header::LOCATION, location.clone());
            }
        }
        std::future::ready(Ok::<_, BoxError>(response))
    });
    layer.layer(server).oneshot(get("http://a.test/")).await
}

#[tokio::test]
async fn the_length_of_a_location_is_limited() {
    let of = |length: usize| format!("/x#{}", "f".repeat(length - 3));
    let default = FollowRedirectLayer::new;
    let eight_thousand = || default().location_limit(LocationLimit::bytes(8000));
    for (layer, limit) in [(default(), 65_536), (eight_thousand(), 8000)] {
        assert!(end_of(layer.clone(), &of(limit), 1).await.is_ok(), "{limit}");
        let end = end_of(layer, &of(limit + 1), 1).await;
        assert_eq!(bad(&end), Some(&BadLocation::TooLong), "{limit}");
    }
}

#[tokio::test]
async fn the_number_of_location_fields_is_limited() {
    let default = FollowRedirectLayer::new;
    let once = || default().location_limit(LocationLimit::default().fields(1));
    for (layer, limit) in [(default(), 8), (once(), 1)] {
        assert!(end_of(layer.clone(), "/x", limit).await.is_ok(), "{limit}");
        let end = end_of(layer, "/x", limit + 1).await;
        assert_eq!(bad(&end), Some(&BadLocation::TooMany), "{limit}");
    }
}

/// All that a server can make of the next request is its URI, and what a policy makes of that.
#[tokio::test]
async fn heads_do_not_grow_from_hop_to_hop() {
    const LONG: usize = 60_000;
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&sizes);
    let server = service_fn(move |request: Request<ReplayBody<Empty<Bytes>>>| {
        let fields = request.headers().iter().map(|(n, v)| n.as_str().len() + v.len());
        let size = fields.sum::<usize>() + request.uri().to_string().len();
        let mut log = log.lock().unwrap();
        log.push(size);
        let location = format!("/{}?{}#{}", log.len(), "q".repeat(LONG), "f".repeat(5000));
        let response = Response::builder().status(307).header(header::LOCATION, location);
        let response = response.header("x-flood", "x".repeat(LONG));
        std::future::ready(response.body(Empty::<Bytes>::new()))
    });
    let layer = FollowRedirectLayer::new().with_policy(policy::Referer::auto());
    let error = layer.layer(server).oneshot(get("http://a.test/")).await.unwrap_err();
    assert_eq!(refused(&error), Some(RefusalKind::TooManyRedirects));
    let sizes = sizes.lock().unwrap();
    assert_eq!(sizes.len(), 21);
    assert!(sizes.iter().all(|&size| size < 2 * LONG + 200), "{sizes:?}");
    // So the history is bounded by the limit of redirects and that of a Location.
    let hops = error.history().unwrap().hops();
    let kept = |hop: &tower_follow_redirect::Hop| {
        hop.uri().to_string().len() + hop.fragment().map_or(0, str::len)
    };
    assert_eq!(hops.len(), 20);
    assert!(hops.iter().all(|hop| kept(hop) <= 65_536 + "http://a.test".len()));
}

#[tokio::test]
async fn what_the_history_records_is_limited() {
    let name = HeaderName::from_static("x-long");
    let table = [(None, [4, 4, 4, 4], [0, 0, 0, 0]), (Some(10_000), [4, 4, 1, 0], [0, 0, 3, 4])];
    for (limit, kept, left_out) in table {
        let mut layer = FollowRedirectLayer::new().record_header(name.clone());
        if let Some(limit) = limit {
            layer = layer.record_limit(limit);
        }
        let mut call = Call::start(layer, get("http://a.test/"));
        for _ in 0..4 {
            let mut moved = redirect(302, "/");
            let mut value = HeaderValue::try_from("v".repeat(1000)).unwrap();
            value.set_sensitive(true);
            (0..4).for_each(|_| {
                moved.headers_mut().append(name.clone(), value.clone());
            });
            call.next().await.answer(moved);
        }
        let response = call.end_with_ok().await;
        let hops = History::of(&response).unwrap().hops();
        let found: Vec<_> = hops.iter().map(|hop| hop.headers().len()).collect();
        assert_eq!(found, kept, "{limit:?}");
        let found: Vec<_> = hops.iter().map(|hop| hop.headers_left_out()).collect();
        assert_eq!(found, left_out, "{limit:?}");
        assert!(hops[0].headers().values().all(|v| v.len() == 1000 && v.is_sensitive()));
    }
}

/// A server that redirects for ever, slowly, and would like to be asked for ever.
async fn slow_redirects() -> Server {
    Server::start(|mut connection, _| async move {
        while connection.head().await.is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            connection.say(raw::redirect(307, "/")).await;
        }
    })
    .await
}

const TOTAL: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_call_with_a_total_time_ends_whatever_the_server_does() {
    let server = slow_redirects().await;
    let layer = FollowRedirectLayer::new().limit(usize::MAX).total_time(TOTAL);
    let begun = Instant::now();
    let error = layer.layer(hyper_client()).oneshot(get(&server.url("/"))).await.unwrap_err();
    assert!(begun.elapsed() >= TOTAL && begun.elapsed() < 10 * TOTAL, "{:?}", begun.elapsed());
    assert_eq!(error.source().unwrap().downcast_ref().map(TotalTimeElapsed::limit), Some(TOTAL));
    let hops = error.history().expect("it says how far it came").hops().len();
    assert!((1..=15).contains(&hops), "{hops}");
    let expected = "all hops together took longer than 300ms";
    assert_eq!(error.source().unwrap().to_string(), expected);
}

/// A hop that uses up tokio's budget for its task in every poll leaves none to the clock.
#[tokio::test]
async fn a_call_with_a_total_time_ends_beside_a_hop_that_is_always_busy() {
    let busy = service_fn(|_: Request<ReplayBody<Empty<Bytes>>>| async {
        loop {
            tokio::task::consume_budget().await;
        }
        #[allow(unreachable_code, reason = "it has a type")]
        Ok::<_, BoxError>(ok())
    });
    let client = FollowRedirectLayer::new().total_time(TOTAL).layer(busy);
    let call = tokio::spawn(client.oneshot(get("http://a.test/")));
    let end = tokio::time::timeout(10 * TOTAL, call).await;
    assert!(end.expect("it ends").unwrap().is_err());
}

/// The upload, its hop and the connection are gone, while the caller still holds the future.
#[tokio::test]
async fn a_call_that_is_too_late_leaves_nothing_behind() {
    let (closed, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |mut connection, _| {
        let closed = closed.clone();
        async move {
            connection.head().await;
            // It takes some of the upload, and says nothing.
            connection.bytes(100_000).await;
            connection.read_to_end().await;
            let _ = closed.send(());
        }
    })
    .await;
    let (body, counts) = OneShot::new(1 << 40, 1 << 14, Length::Known);
    let request = Request::put(server.url("/")).body(body).unwrap();
    let mut client = FollowRedirectLayer::new().total_time(TOTAL).layer(hyper_client());
    let mut call = Box::pin(client.ready().await.unwrap().call(request));
    assert!(call.as_mut().await.is_err());
    let end = tokio::time::timeout(Duration::from_secs(20), ends.recv()).await;
    assert_eq!(end.expect("the connection ends"), Some(()));
    drop(call);
    eventually("the body is dropped", || counts.dropped() == 1).await;
}

/// Redirects, with a body that never says anything.
async fn redirect_in_silence(
    _: Request<ReplayBody<Empty<Bytes>>>,
) -> Result<Response<Never>, BoxError> {
    Ok(Response::builder().status(302).header(header::LOCATION, "/").body(Never)?)
}

/// What waits outside of the inner service is a part of the time: a question, a peek, a drain.
#[tokio::test(start_paused = true)]
async fn the_total_time_holds_wherever_the_call_waits() {
    let waits: [fn() -> Verdict; 3] =
        [|| Verdict::ask(pending::<Answer>()), || Verdict::Peek(10), || Decision::Follow.into()];
    for verdict in waits {
        let layer = FollowRedirectLayer::new().total_time(TOTAL);
        let layer = layer.drain(Drain::default().within(Duration::MAX)).peek_time(Duration::MAX);
        let layer = layer.with_policy(policy::redirect_fn(move |_| verdict()));
        let client = layer.layer(service_fn(redirect_in_silence));
        let begun = tokio::time::Instant::now();
        let error = client.oneshot(get("http://a.test/")).await.unwrap_err();
        assert!(error.source().unwrap().is::<TotalTimeElapsed>(), "{error:?}");
        assert!(begun.elapsed() >= TOTAL && begun.elapsed() < 2 * TOTAL);
    }
}

/// The time is over neither early nor without a clock, and a response in time is a response.
#[tokio::test]
async fn the_total_time_ends_no_call_that_is_in_time() {
    let layer = FollowRedirectLayer::new().total_time(Duration::from_secs(60));
    let mut call = Call::start(layer, send("PUT", "http://a.test/", "ha ha"));
    call.next().await.redirect(307, "/x");
    assert_eq!(call.end_with_ok().await.status(), StatusCode::OK);
}

#[test]
fn without_a_clock_there_is_no_total_time() {
    let hanging = service_fn(|_: Request<ReplayBody<Empty<Bytes>>>| {
        pending::<Result<Response<Full<Bytes>>, BoxError>>()
    });
    let client = FollowRedirectLayer::new().total_time(Duration::ZERO).layer(hanging);
    let mut call = std::pin::pin!(client.oneshot(get("http://a.test/")));
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

/// By default the layer's own waits are short, so that a chain takes what its server takes.
#[tokio::test(start_paused = true)]
async fn by_default_a_redirect_adds_a_quarter_of_a_second_at_most() {
    let endless = service_fn(redirect_in_silence);
    let begun = tokio::time::Instant::now();
    let call = FollowRedirectLayer::new().layer(endless).oneshot(get("http://a.test/"));
    assert_eq!(refused(&call.await.unwrap_err()), Some(RefusalKind::TooManyRedirects));
    let most = 20 * Duration::from_millis(250) + Duration::from_secs(1);
    assert!(begun.elapsed() <= most, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_peek_has_a_time_of_its_own() {
    let server = Server::start(|mut connection, _| async move {
        while let Some(head) = connection.head().await {
            if head.starts_with("GET /x") {
                connection.say(OK).await;
                continue;
            }
            connection.say("HTTP/1.1 302 M\r\nlocation: /x\r\ncontent-length: 9\r\n\r\n123").await;
            connection.read_to_end().await;
        }
    })
    .await;
    let policy = policy::redirect_fn(|attempt| match attempt.peeked() {
        None => Verdict::Peek(9),
        Some(seen) => {
            assert_eq!(seen, b"123");
            Decision::Follow.into()
        }
    });
    let layer = FollowRedirectLayer::new().with_policy(policy).peek_time(TOTAL);
    let begun = Instant::now();
    let response = layer.layer(hyper_client()).oneshot(get(&server.url("/"))).await.unwrap();
    assert_eq!(text(response).await, "ok");
    assert!(begun.elapsed() >= TOTAL && begun.elapsed() < 10 * TOTAL, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_number_of_informational_responses_can_be_set() {
    let server = Server::start(|mut connection, _| async move {
        while let Some(head) = connection.head().await {
            connection.say("HTTP/1.1 102 Processing\r\n\r\n".repeat(5)).await;
            if head.starts_with("GET /answers") {
                connection.say(OK).await;
            }
        }
    })
    .await;
    let call = |path: &str, limit| {
        let mut request = get(&server.url(path));
        request.extensions_mut().insert(OnInformational::new(|_| ()));
        let layer = FollowRedirectLayer::new().informational_limit(limit);
        layer.layer(hyper_client()).oneshot(request)
    };
    assert_eq!(text(call("/answers", 5).await.unwrap()).await, "ok");
    let error = call("/floods", 4).await.unwrap_err();
    let source = error.source().unwrap();
    assert!(source.is::<TooManyInformational>());
    assert!(source.to_string().contains("more than 4 "), "{source}");
}
