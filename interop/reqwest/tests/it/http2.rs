//! The same over HTTP/2, where no 1xx is reported by anybody.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::ClientBuilder;
use tokio::net::TcpListener;
use tower::ServiceExt;
use tower_follow_redirect::{ExpectContinue, FollowRedirectLayer, History};

use crate::{
    A_MINUTE, MIB,
    body::{Length, OneShot, is_part},
    client_of, text,
};

/// Serves HTTP/2: redirects `/old` without reading its content, and takes all else.
async fn serve(location: Option<String>, stored: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (location, stored) = (location.clone(), Arc::clone(&stored));
            let service =
                service_fn(move |request| answer(request, location.clone(), Arc::clone(&stored)));
            let connection = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    address
}

async fn answer(
    request: Request<Incoming>,
    location: Option<String>,
    stored: Arc<AtomicU64>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if let Some(location) = location {
        let response = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
        return Ok(response.header(header::LOCATION, location).body(Full::default()).unwrap());
    }
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        let data = frame.expect("the upload is whole").into_data().unwrap();
        let before = stored.fetch_add(data.len() as u64, Ordering::SeqCst);
        assert!(is_part(&data, before), "other bytes after {before}");
    }
    Ok(Response::new(Full::from("ok")))
}

#[tokio::test]
async fn over_http2_an_upload_is_sent_at_once_and_follows_a_redirect() {
    let stored = Arc::new(AtomicU64::new(0));
    let target = serve(None, Arc::clone(&stored)).await;
    let front = serve(Some(format!("http://{target}/new")), Arc::default()).await;
    let layer = FollowRedirectLayer::new()
        .replay_limit(2 * MIB)
        .expect_continue(ExpectContinue::default().wait(A_MINUTE));
    for (server, redirects) in [(target, 0), (front, 1)] {
        stored.store(0, Ordering::SeqCst);
        let client = client_of(&layer, ClientBuilder::new().http2_prior_knowledge());
        let (body, counts) = OneShot::new(2 * MIB, 16 * 1024, Length::Known);
        let request = Request::put(format!("http://{server}/old")).body(body).unwrap();
        let began = Instant::now();
        let response = client.oneshot(request).await.unwrap();
        println!("2 MiB with {redirects} redirects: {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        assert_eq!(response.version(), Version::HTTP_2);
        assert_eq!(History::of(&response).map_or(0, |history| history.hops().len()), redirects);
        assert_eq!(text(response).await, "ok");
        assert_eq!(stored.load(Ordering::SeqCst), 2 * MIB);
        assert_eq!((counts.read(), counts.dropped()), (2 * MIB, 1));
    }
}
