//! Informational responses that no decent server sends, or at no decent time.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use http::{Request, header};
use tokio::{io::AsyncWriteExt, sync::mpsc, time::timeout};
use tower::{Layer, ServiceExt};
use tower_follow_redirect::{ExpectContinue, FollowRedirect, FollowRedirectLayer, OnInformational};

use crate::support::{
    HyperClient,
    body::{Counts, Length, OneShot, is_part},
    eventually, hyper_client,
    raw::{Connection, OK, Server},
    text,
};

const SIZE: usize = 2 << 20;
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const PROCESSING: &str = "HTTP/1.1 102 Processing\r\n\r\n";

/// What nothing here takes, unless it hangs.
const LONG: Duration = Duration::from_secs(20);

/// An upload waits so long that only the server can release it.
fn client() -> FollowRedirect<HyperClient<OneShot>> {
    waiting(Duration::from_secs(600))
}

fn waiting(wait: Duration) -> FollowRedirect<HyperClient<OneShot>> {
    let expect = ExpectContinue::default().wait(wait);
    FollowRedirectLayer::new().expect_continue(expect).layer(hyper_client())
}

fn put(url: &str) -> (Request<OneShot>, Arc<Counts>) {
    let (body, counts) = OneShot::new(SIZE as u64, 64 * 1024, Length::Known);
    (Request::put(url).body(body).unwrap(), counts)
}

/// Puts a callback into a request that notes every status.
fn listen(request: &mut Request<OneShot>) -> Arc<Mutex<Vec<u16>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&heard);
    request.extensions_mut().insert(OnInformational::new(move |response| {
        log.lock().unwrap().push(response.status().as_u16());
    }));
    heard
}

/// Reads the upload, which must be whole, and whatever comes after it before the connection ends.
async fn take(connection: &mut Connection) {
    let body = connection.bytes(SIZE).await;
    assert!(body.len() == SIZE && is_part(&body, 0), "{} bytes", body.len());
}

/// Starts a server that says something to an upload, and reports how many bytes it then gets.
async fn says(words: impl Into<Vec<String>>) -> (Server, mpsc::UnboundedReceiver<usize>) {
    let words = words.into();
    let (report, received) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection, _| {
        let (words, report) = (words.clone(), report.clone());
        async move {
            if connection.head().await.is_none() {
                return;
            }
            for word in &words {
                connection.say(word).await;
            }
            let _ = report.send(connection.read_to_end().await.len());
        }
    })
    .await;
    (server, received)
}

#[tokio::test]
async fn a_100_that_comes_byte_by_byte_releases_the_upload_once() {
    let server = Server::start(|mut connection, _| async move {
        connection.head().await.unwrap();
        for byte in CONTINUE.as_bytes() {
            connection.say([*byte]).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        take(&mut connection).await;
        connection.say(OK).await;
        assert_eq!(connection.read_to_end().await, b"");
    })
    .await;
    let (mut request, counts) = put(&server.url("/"));
    let heard = listen(&mut request);
    let response = timeout(LONG, client().oneshot(request)).await.unwrap().unwrap();
    assert_eq!(text(response).await, "ok");
    assert_eq!(*heard.lock().unwrap(), [100]);
    assert_eq!((counts.read(), counts.dropped()), (SIZE as u64, 1));
}

#[tokio::test]
async fn a_second_100_sends_nothing_twice() {
    // Together, and in the middle of the upload.
    for (first, second) in [(CONTINUE.repeat(2), ""), (CONTINUE.into(), CONTINUE)] {
        let server = Server::start(move |mut connection, _| {
            let first = first.clone();
            async move {
                connection.head().await.unwrap();
                connection.say(first).await;
                let begun = connection.bytes(1000).await;
                connection.say(second).await;
                let rest = connection.bytes(SIZE - 1000).await;
                assert!(is_part(&begun, 0) && is_part(&rest, 1000));
                assert_eq!(begun.len() + rest.len(), SIZE);
                connection.say(OK).await;
                assert_eq!(connection.read_to_end().await, b"");
            }
        })
        .await;
        let (mut request, counts) = put(&server.url("/"));
        let heard = listen(&mut request);
        let response = timeout(LONG, client().oneshot(request)).await.unwrap().unwrap();
        assert_eq!(text(response).await, "ok");
        assert_eq!(*heard.lock().unwrap(), [100, 100]);
        assert_eq!((counts.read(), counts.dropped()), (SIZE as u64, 1));
    }
}

#[tokio::test]
async fn a_100_after_the_time_is_over_is_no_answer() {
    for after in [1, SIZE] {
        let server = Server::start(move |mut connection, _| async move {
            connection.head().await.unwrap();
            let begun = connection.bytes(after).await;
            connection.say(CONTINUE).await;
            let rest = connection.bytes(SIZE - after).await;
            assert!(is_part(&begun, 0) && is_part(&rest, after as u64));
            connection.say(OK).await;
            assert_eq!(connection.read_to_end().await, b"");
        })
        .await;
        let (request, counts) = put(&server.url("/"));
        let client = waiting(Duration::from_millis(50));
        let response = timeout(LONG, client.oneshot(request)).await.unwrap().unwrap();
        assert_eq!((response.status().as_u16(), text(response).await), (200, "ok".into()));
        assert_eq!((counts.read(), counts.dropped()), (SIZE as u64, 1));
    }
}

/// The stale `100` is no answer to the next request: that finds its own, 403, and sends nothing.
#[tokio::test]
async fn a_100_on_an_idle_connection_does_not_answer_the_next_request() {
    for pause in [0, 30] {
        let (report, mut received) = mpsc::unbounded_channel();
        let server = Server::start(move |mut connection, number| {
            let report = report.clone();
            async move {
                if number == 0 {
                    connection.head().await.unwrap();
                    connection.say(CONTINUE).await;
                    take(&mut connection).await;
                    if pause == 0 {
                        connection.say(format!("{OK}{CONTINUE}")).await;
                    } else {
                        connection.say(OK).await;
                        tokio::time::sleep(Duration::from_millis(pause)).await;
                        connection.say(CONTINUE).await;
                    }
                }
                if connection.head().await.is_some() {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    connection.say("HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno").await;
                    report.send((number, connection.read_to_end().await.len())).unwrap();
                }
            }
        })
        .await;
        let client = client();
        let (first, _) = put(&server.url("/"));
        let response = timeout(LONG, client.clone().oneshot(first)).await.unwrap().unwrap();
        assert_eq!(text(response).await, "ok");
        tokio::time::sleep(Duration::from_millis(2 * pause)).await;
        let (second, counts) = put(&server.url("/"));
        let response = timeout(LONG, client.oneshot(second)).await.unwrap().unwrap();
        assert_eq!((response.status().as_u16(), text(response).await), (403, "no".into()));
        let (number, bytes) = timeout(LONG, received.recv()).await.unwrap().unwrap();
        println!("after {pause} ms the next request went over connection {number}");
        assert_eq!((bytes, counts.read()), (0, 0));
        eventually("the body is dropped", || counts.dropped() == 1).await;
    }
}

#[tokio::test]
async fn a_100_and_nothing_more_lasts_as_long_as_the_caller_waits() {
    let (server, mut received) = says([CONTINUE.into()]).await;
    let (request, counts) = put(&server.url("/"));
    let call = timeout(Duration::from_millis(300), client().oneshot(request));
    assert!(call.await.is_err());
    assert_eq!(timeout(LONG, received.recv()).await.unwrap(), Some(SIZE));
    eventually("the body is dropped", || counts.dropped() == 1).await;
}

/// Nobody asked to switch protocols. Whatever hyper makes of it, the upload stays here.
#[tokio::test]
async fn a_101_that_nobody_asked_for_releases_nothing() {
    for then in ["", OK] {
        let switching = "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n";
        let (server, mut received) = says([format!("{switching}{then}")]).await;
        let (request, counts) = put(&server.url("/"));
        let begun = Instant::now();
        let result = timeout(LONG, client().oneshot(request)).await.expect("it ends");
        println!("{:?} after {:?}", result.map(|r| r.status()), begun.elapsed());
        assert_eq!(timeout(LONG, received.recv()).await.expect("it is closed"), Some(0));
        eventually("the body is dropped", || counts.dropped() == 1).await;
        assert_eq!(counts.read(), 0);
    }
}

#[tokio::test]
async fn the_fields_of_an_early_hint_stay_out_of_the_response() {
    let hint = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\nlocation: /x\r\n\r\n";
    let (server, mut received) = says([hint.into(), PROCESSING.into(), OK.into()]).await;
    let (request, counts) = put(&server.url("/"));
    let response = timeout(LONG, client().oneshot(request)).await.unwrap().unwrap();
    assert_eq!(response.headers().get(header::LINK), None);
    assert_eq!(response.headers().get(header::LOCATION), None);
    assert_eq!(text(response).await, "ok");
    assert_eq!(timeout(LONG, received.recv()).await.unwrap(), Some(0));
    assert_eq!(counts.read(), 0);
}

/// An informational response has no content, whatever it says of its length.
#[tokio::test]
async fn what_is_no_response_after_a_1xx_fails_the_call() {
    let with_content = "HTTP/1.1 102 Processing\r\ncontent-length: 1\r\n\r\nx";
    for words in [
        format!("{with_content}{OK}"),
        format!("{CONTINUE}x{OK}"),
        format!("{CONTINUE}ha ha, this is HTTP/0.9\r\n"),
        format!("{CONTINUE}<html>ha ha</html>\r\n\r\n"),
    ] {
        let (server, mut received) = says([words.clone()]).await;
        let (request, counts) = put(&server.url("/"));
        let result = timeout(LONG, client().oneshot(request)).await.expect("it ends");
        let error = result.expect_err(&words);
        assert!(error.into_response().is_none(), "{words:?}");
        timeout(LONG, received.recv()).await.expect("it is closed").unwrap();
        eventually("the body is dropped", || counts.dropped() == 1).await;
    }
}

/// Starts a server that says `102 Processing` until the connection ends, and reports how often.
///
/// It takes a breath now and then. If it does not, hyper parses on for as long as its runtime lets it
/// (128 reads of up to 400 KiB each), before the task sees that the call was dropped.
async fn flood() -> (Server, mpsc::UnboundedReceiver<usize>) {
    let (report, said) = mpsc::unbounded_channel();
    let server = Server::start(move |mut connection, _| {
        let report = report.clone();
        async move {
            connection.head().await.unwrap();
            let mut said = 0;
            while connection.stream.write_all(PROCESSING.repeat(50).as_bytes()).await.is_ok() {
                said += 50;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let _ = report.send(said);
        }
    })
    .await;
    (server, said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_1xx_lasts_no_longer_than_the_caller_waits() {
    let (server, mut said) = flood().await;
    let (request, counts) = put(&server.url("/"));
    let begun = Instant::now();
    let ended = timeout(Duration::from_millis(200), client().oneshot(request)).await;
    let waited = begun.elapsed();
    assert!(ended.is_err() || ended.unwrap().is_err());
    let said = timeout(LONG, said.recv()).await.expect("it is closed").unwrap();
    println!("{said} informational responses, the call ended after {waited:?}");
    assert!(waited < Duration::from_secs(2), "{waited:?}");
    eventually("the body is dropped", || counts.dropped() == 1).await;
    assert_eq!(counts.read(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_1xx_ends_the_call_with_an_error() {
    let (server, mut said) = flood().await;
    let (request, counts) = put(&server.url("/"));
    let begun = Instant::now();
    let ended = timeout(Duration::from_secs(60), client().oneshot(request)).await;
    let waited = begun.elapsed();
    let error = ended.expect("it ends by itself").expect_err("there is no response");
    assert!(error.into_response().is_none());
    let said = timeout(LONG, said.recv()).await.expect("it is closed").unwrap();
    println!("{said} informational responses, the call ended after {waited:?}");
    // It counts to a thousand; what is on its way then is not heard.
    assert!((1000..10_000).contains(&said), "{said}");
    eventually("the body is dropped", || counts.dropped() == 1).await;
    assert_eq!(counts.read(), 0);
}
