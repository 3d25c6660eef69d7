//! `Expect: 100-continue` over real sockets ([RFC 9110 §10.1.1]).
//!
//! [RFC 9110 §10.1.1]: https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full};
use tokio::sync::mpsc;
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_follow_redirect::{
    ExpectContinue, FollowRedirectLayer, OnInformational, OnRefusal, Refusal, RefusalKind,
    ReplayBody,
    policy::{self, Decision, ExpectSupport, Verdict},
};

use crate::support::{
    body::{Counts, Length, OneShot, is_part},
    eventually, hyper_client,
    raw::{Connection, OK, Server, field, redirect},
    text,
};

const MIB: u64 = 1 << 20;
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// Serves one scripted connection after another, and reports what came on each after its head.
async fn server<F, Fut>(script: F) -> (Server, mpsc::UnboundedReceiver<Seen>)
where
    F: Fn(Script) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Script> + Send + 'static,
{
    let (report, seen) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection, _| {
        let (script, report) = (script.clone(), report.clone());
        async move {
            let Some(head) = connection.head().await else { return };
            let arrived = Instant::now();
            let mut script = script(Script { head, connection, arrived }).await;
            let body = script.connection.read_to_end().await;
            let Script { head, arrived, .. } = script;
            let _ = report.send(Seen { head, body, open: arrived.elapsed() });
        }
    })
    .await;
    (server, seen)
}

/// Asks for an upload of 2 MiB, and checks that it comes whole.
async fn willing_server() -> (Server, mpsc::UnboundedReceiver<Seen>) {
    server(|mut script| async {
        script.connection.say(CONTINUE).await;
        let body = script.connection.bytes(2 * MIB as usize).await;
        assert!(body.len() as u64 == 2 * MIB && is_part(&body, 0));
        script.connection.say(OK).await;
        script
    })
    .await
}

/// A connection whose first head was read.
struct Script {
    head: String,
    connection: Connection,
    arrived: Instant,
}

/// What a connection brought until it ended.
struct Seen {
    head: String,
    body: Vec<u8>,
    open: Duration,
}

fn put(url: String, size: u64) -> (Request<OneShot>, Arc<Counts>) {
    let (body, counts) = OneShot::new(size, 64 * 1024, Length::Known);
    (Request::put(url).body(body).unwrap(), counts)
}

#[tokio::test]
async fn content_leaves_when_the_server_asks_for_it() {
    let (server, _seen) = willing_server().await;
    let (request, counts) = put(server.url("/"), 2 * MIB);
    let expect = ExpectContinue::default().wait(Duration::from_secs(60));
    let client = FollowRedirectLayer::new().expect_continue(expect).layer(hyper_client());
    let begun = Instant::now();
    let response = client.oneshot(request).await.unwrap();
    println!("released after {:?}", begun.elapsed());
    assert_eq!(text(response).await, "ok");
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!((counts.read(), counts.dropped()), (2 * MIB, 1));
}

#[tokio::test]
async fn content_leaves_when_the_time_is_over() {
    let (server, _seen) = server(|mut script| async {
        let first = script.connection.bytes(1).await;
        let waited = script.arrived.elapsed();
        println!("the first byte came after {waited:?}");
        assert!(!first.is_empty() && waited >= Duration::from_millis(250), "{waited:?}");
        script.connection.bytes(2 * MIB as usize - 1).await;
        script.connection.say(OK).await;
        script
    })
    .await;
    let (request, _) = put(server.url("/"), 2 * MIB);
    let expect = ExpectContinue::default().wait(Duration::from_millis(300));
    let client = FollowRedirectLayer::new().expect_continue(expect).layer(hyper_client());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(text(response).await, "ok");
}

#[tokio::test]
async fn small_content_and_a_blank_expect_do_not_wait() {
    let (server, mut seen) = server(|mut script| async {
        let length: usize = field(&script.head, "content-length").unwrap().parse().unwrap();
        script.connection.bytes(length).await;
        script.connection.say(OK).await;
        script
    })
    .await;
    let client = FollowRedirectLayer::new().layer(hyper_client());
    for (size, expect) in [(1000, None), (2 * MIB, Some(""))] {
        let (mut request, _) = put(server.url("/"), size);
        if let Some(expect) = expect {
            request.headers_mut().insert(header::EXPECT, expect.parse().unwrap());
        }
        request.headers_mut().insert(header::CONNECTION, "close".parse().unwrap());
        let begun = Instant::now();
        assert_eq!(text(client.clone().oneshot(request).await.unwrap()).await, "ok");
        println!("{size} bytes took {:?}", begun.elapsed());
        assert_eq!(field(&seen.recv().await.unwrap().head, "expect"), None);
    }
}

#[tokio::test]
async fn only_100_releases_and_the_caller_hears_of_every_1xx() {
    let (server, _seen) = server(|mut script| async {
        script.connection.say("HTTP/1.1 102 Processing\r\n\r\n").await;
        script.connection.say("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n").await;
        let early = tokio::time::timeout(Duration::from_millis(200), script.connection.bytes(1));
        assert!(early.await.is_err(), "content came before 100");
        script.connection.say(CONTINUE).await;
        script.connection.bytes(5).await;
        script.connection.say(OK).await;
        script
    })
    .await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    let callback = OnInformational::new(move |response| {
        let link = response.headers().get(header::LINK).is_some();
        log.lock().unwrap().push((response.status().as_u16(), link));
    });
    let request = Request::put(server.url("/"))
        .header(header::EXPECT, "100-continue")
        .extension(callback)
        .body(Full::new(Bytes::from("ha ha")))
        .unwrap();
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(text(response).await, "ok");
    assert_eq!(*heard.lock().unwrap(), [(102, false), (103, true), (100, false)]);
}

#[tokio::test]
async fn no_other_1xx_makes_the_wait_longer() {
    const LAST: usize = 100;
    let (server, _seen) = server(|mut script| async {
        let mut said = 0;
        let every = Duration::from_millis(50);
        while said < LAST {
            script.connection.say("HTTP/1.1 102 Processing\r\n\r\n").await;
            said += 1;
            if tokio::time::timeout(every, script.connection.bytes(5)).await.is_ok() {
                break;
            }
        }
        println!("content came after {said} times 102");
        // A wait that began anew each time would outlast them all.
        assert!(said < LAST);
        script.connection.say(OK).await;
        script
    })
    .await;
    let request = Request::put(server.url("/"))
        .header(header::EXPECT, "100-continue")
        .body(Full::new(Bytes::from("ha ha")))
        .unwrap();
    let expect = ExpectContinue::default().wait(Duration::from_millis(250));
    let client = FollowRedirectLayer::new().expect_continue(expect).layer(hyper_client());
    assert_eq!(text(client.oneshot(request).await.unwrap()).await, "ok");
}

#[tokio::test]
async fn nothing_is_sent_on_a_final_answer_and_the_connection_ends_with_it() {
    for status in [200, 403, 413, 503] {
        let (server, mut seen) = server(move |mut script| async move {
            let head = format!("HTTP/1.1 {status} Final\r\ncontent-length: 6\r\n\r\n");
            script.connection.say(head).await;
            // The rest of the response comes late: it must not be lost (R1).
            tokio::time::sleep(Duration::from_millis(60)).await;
            script.connection.say("answer").await;
            script
        })
        .await;
        let (request, counts) = put(server.url("/"), 2 * MIB);
        let client = FollowRedirectLayer::new().layer(hyper_client());
        let response = client.oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(text(response).await, "answer", "{status}");
        let seen = seen.recv().await.unwrap();
        assert_eq!(seen.body.len(), 0, "{status}");
        eventually("the body is dropped", || counts.dropped() == 1).await;
        assert_eq!(counts.read(), 0, "{status}");
        println!("{status}: the connection ended after {:?}", seen.open);
        assert!(seen.open < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_response_that_is_dropped_unread_ends_the_parked_upload() {
    let (server, mut seen) = server(|mut script| async {
        script.connection.say("HTTP/1.1 403 No\r\ncontent-length: 1000000\r\n\r\n").await;
        script
    })
    .await;
    let (request, counts) = put(server.url("/"), 2 * MIB);
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(counts.dropped(), 0);
    drop(response);
    assert_eq!(seen.recv().await.unwrap().body.len(), 0);
    eventually("the body is dropped", || counts.dropped() == 1).await;
}

/// The redirect's own body comes 60 ms after its head, while the upload is parked.
async fn late_redirect(location: &'static str) -> (Server, mpsc::UnboundedReceiver<Seen>) {
    server(move |mut script| async move {
        let head = format!("HTTP/1.1 307 Moved\r\nlocation: {location}\r\n");
        script.connection.say(format!("{head}content-length: 16\r\n\r\n<Code>")).await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        script.connection.say("Redirect!!").await;
        script
    })
    .await
}

#[tokio::test]
async fn a_late_redirect_body_reaches_the_caller_whole() {
    for on_refusal in [OnRefusal::Error, OnRefusal::Return] {
        let (server, mut seen) = late_redirect("http://b.test/").await;
        let (request, _) = put(server.url("/"), 2 * MIB);
        let layer = FollowRedirectLayer::new().limit(0).on_refusal(on_refusal);
        let result = layer.layer(hyper_client()).oneshot(request).await;
        let response = if on_refusal == OnRefusal::Error {
            result.unwrap_err().into_response().unwrap()
        } else {
            result.unwrap()
        };
        let refusal = response.extensions().get::<Refusal>().unwrap();
        assert_eq!(refusal.kind(), RefusalKind::TooManyRedirects);
        assert_eq!(text(response).await, "<Code>Redirect!!");
        assert_eq!(seen.recv().await.unwrap().body.len(), 0);
    }
}

#[tokio::test]
async fn a_late_redirect_body_reaches_the_policy_whole() {
    let (server, mut seen) = late_redirect("http://b.test/").await;
    let peeked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&peeked);
    let policy = policy::redirect_fn(move |attempt| match attempt.peeked() {
        None => Verdict::Peek(1000),
        Some(bytes) => {
            log.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
            Decision::Stop.into()
        }
    });
    let (request, _) = put(server.url("/"), 2 * MIB);
    let client = FollowRedirectLayer::new().with_policy(policy).layer(hyper_client());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(*peeked.lock().unwrap(), ["<Code>Redirect!!"]);
    assert_eq!(text(response).await, "<Code>Redirect!!");
    assert_eq!(seen.recv().await.unwrap().body.len(), 0);
}

#[tokio::test]
async fn an_upload_parked_at_a_late_redirect_is_sent_once_to_the_target() {
    let (target, _) = willing_server().await;
    let location: &'static str = target.url("/").leak();
    let (front, mut seen) = late_redirect(location).await;
    let (request, counts) = put(front.url("/"), 2 * MIB);
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(text(response).await, "ok");
    assert_eq!((counts.read(), counts.dropped()), (2 * MIB, 1));
    assert_eq!(seen.recv().await.unwrap().body.len(), 0);
}

/// nginx 1.22 answers `return 307` so: the `100` says nothing about the redirect.
#[tokio::test]
async fn a_100_and_a_307_in_one_packet_find_the_content_unsent() {
    for support in [ExpectSupport::Unknown, ExpectSupport::Decides] {
        let (target, _) = willing_server().await;
        let location = target.url("/");
        let (front, mut seen) = server(move |mut script| {
            let answer = format!("{CONTINUE}{}", redirect(307, &location));
            async move {
                script.connection.say(answer).await;
                script
            }
        })
        .await;
        let (request, counts) = put(front.url("/"), 2 * MIB);
        let policy = policy::expect_fn(move |_| support);
        let client = FollowRedirectLayer::new().with_policy(policy).layer(hyper_client());
        let response = client.oneshot(request).await.unwrap();
        assert_eq!(text(response).await, "ok");
        assert_eq!((counts.read(), counts.dropped()), (2 * MIB, 1));
        assert_eq!(seen.recv().await.unwrap().body.len(), 0, "{support:?}");
    }
}

#[tokio::test]
async fn a_417_is_answered_by_the_same_request_without_expect_once() {
    let (server, mut seen) = server(|mut script| async {
        let answer = "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n";
        if field(&script.head, "expect").is_none() {
            script.connection.bytes(5).await;
        }
        script.connection.say(answer).await;
        script
    })
    .await;
    let request = Request::put(server.url("/"))
        .header(header::EXPECT, "100-continue")
        .body(Full::new(Bytes::from("ha ha")))
        .unwrap();
    let client = FollowRedirectLayer::new().limit(0).layer(hyper_client());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::EXPECTATION_FAILED);
    drop(response);
    assert_eq!(field(&seen.recv().await.unwrap().head, "expect"), Some("100-continue"));
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_dropped_call_ends_its_connection_and_its_body() {
    let (server, mut seen) = server(|script| async { script }).await;
    let (request, counts) = put(server.url("/"), 2 * MIB);
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let call = tokio::spawn(client.oneshot(request));
    eventually("the server has the head", || server.connections() == 1).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    call.abort();
    let seen = seen.recv().await.unwrap();
    assert_eq!(seen.body.len(), 0);
    eventually("the body is dropped", || counts.dropped() == 1).await;
    println!("the connection ended after {:?}", seen.open);
}

#[tokio::test]
async fn a_get_expects_nothing() {
    let (server, mut seen) = server(|mut script| async {
        script.connection.say(OK).await;
        script
    })
    .await;
    let request = Request::get(server.url("/"))
        .header(header::EXPECT, "100-continue")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .unwrap();
    let client = FollowRedirectLayer::new().layer(hyper_client());
    let response = client.oneshot(request).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
    assert_eq!(field(&seen.recv().await.unwrap().head, "expect"), None);
}

/// Keeps a request's extensions until its response has come, as a layer inside may: the callback for 1xx is
/// dropped with them.
#[tokio::test]
async fn an_upload_that_goes_on_beside_its_response_is_not_stopped_by_a_late_signal() {
    let (request, _server) = answered_while_it_is_read().await;
    let client = hyper_client();
    let keeping = service_fn(move |request: Request<ReplayBody<OneShot>>| {
        let client = client.clone();
        async move {
            let extensions = request.extensions().clone();
            let mut response = client.oneshot(request).await?;
            response.extensions_mut().extend(extensions);
            Ok::<_, BoxError>(response)
        }
    });
    let response = FollowRedirectLayer::new().layer(keeping).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    drop(head);
    let text = tokio::time::timeout(Duration::from_secs(20), body.collect()).await;
    assert_eq!(text.expect("it goes on").unwrap().to_bytes(), "done");
}

/// An inner layer that reads the response before it hands it over does not wait for an upload that waits for it.
#[tokio::test]
async fn an_inner_layer_may_collect_the_response_of_an_upload_that_has_begun() {
    let (request, _server) = answered_while_it_is_read().await;
    let client = hyper_client();
    let collecting = service_fn(move |request: Request<ReplayBody<OneShot>>| {
        let client = client.clone();
        async move {
            let (head, body) = client.oneshot(request).await?.into_parts();
            let bytes = body.collect().await?.to_bytes();
            Ok::<_, BoxError>(Response::from_parts(head, Full::new(bytes)))
        }
    });
    let call = FollowRedirectLayer::new().layer(collecting).oneshot(request);
    let response = tokio::time::timeout(Duration::from_secs(20), call).await;
    let body = response.expect("nobody waits in a circle").unwrap().into_body();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "done");
}

/// Returns an upload of 32 MiB whose server says 100, reads a part, answers, reads the rest, and ends its answer.
async fn answered_while_it_is_read() -> (Request<OneShot>, Server) {
    const SIZE: usize = 32 << 20;
    const PART: usize = 1 << 16;
    let server = Server::start(|mut connection, _| async move {
        connection.head().await;
        connection.say(CONTINUE).await;
        connection.bytes(PART).await;
        connection.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        connection.bytes(SIZE - PART).await;
        connection.say("4\r\ndone\r\n0\r\n\r\n").await;
    })
    .await;
    let (body, _) = OneShot::new(SIZE as u64, 1 << 14, Length::Known);
    (Request::put(server.url("/")).body(body).unwrap(), server)
}
