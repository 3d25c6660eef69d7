//! A reverse proxy that streams an upload through a redirect.
//!
//!     caller ──▶ proxy ──▶ front      answers 307 before it reads anything
//!                   └────▶ storage    gets the upload
//!
//! The front of a cluster knows which node stores an object, and redirects the upload there. The
//! caller should not see that node, so the proxy follows. It has the upload as a
//! [`hyper::body::Incoming`], which can be read once and not be cloned, and hands it to the layer as
//! it is. Nothing is read ahead: the first byte is asked for when the node says `100 Continue`.
//!
//!     cargo run --example proxy

use std::{convert::Infallible, net::SocketAddr};

use axum::{Router, body::Body, extract::State, response::Redirect, routing::put};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::net::TcpListener;
use tower::{BoxError, Layer, ServiceExt};
use tower_follow_redirect::{
    FollowRedirect, FollowRedirectLayer, History, OnRefusal, ReplayBody, rules::fields,
};

const SIZE: usize = 8 << 20;

/// hyper's client in the layer: nothing is asked of the body but to be one.
type Upstream = FollowRedirect<Client<HttpConnector, ReplayBody<Incoming>>>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let storage = start(Router::new().route("/node/{object}", put(store))).await?;
    let front = start(Router::new().route("/{object}", put(divert)).with_state(storage)).await?;
    let proxy = start_proxy(front).await?;

    println!("caller:  PUT http://{proxy}/object, {SIZE} bytes");
    let upload = Full::new(Bytes::from(vec![b'.'; SIZE]));
    let request = Request::put(format!("http://{proxy}/object")).body(upload)?;
    let response = Client::builder(TokioExecutor::new()).build_http().request(request).await?;

    let status = response.status();
    let answer = response.into_body().collect().await?.to_bytes();
    println!("caller:  {status}, \"{}\"", String::from_utf8_lossy(&answer));
    assert_eq!(status, StatusCode::OK, "the upload was not accepted");
    assert_eq!(answer, format!("stored {SIZE} bytes"), "the upload was not stored whole");
    Ok(())
}

/// The front redirects without a look at the body.
async fn divert(State(storage): State<SocketAddr>, headers: HeaderMap) -> Redirect {
    let expect = headers.get(header::EXPECT);
    println!("front:   307 to the node; the request has Expect: {expect:?}");
    Redirect::temporary(&format!("http://{storage}/node/object"))
}

/// The node counts what it stores.
async fn store(body: Body) -> Result<String, StatusCode> {
    let body = body.collect().await.map_err(|_| StatusCode::BAD_REQUEST)?.to_bytes();
    println!("storage: got {} bytes", body.len());
    Ok(format!("stored {} bytes", body.len()))
}

async fn start(router: Router) -> Result<SocketAddr, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Starts the proxy: a hyper server around hyper's client.
async fn start_proxy(front: SocketAddr) -> Result<SocketAddr, BoxError> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    // What cannot be followed is the caller's to see, as from a proxy that follows nothing.
    let upstream = FollowRedirectLayer::new().on_refusal(OnRefusal::Return).layer(client);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let upstream = upstream.clone();
            let service = service_fn(move |request| forward(upstream.clone(), front, request));
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                // An error is a caller that has gone.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(address)
}

/// Sends a request on to the front, and from there wherever it is redirected.
async fn forward(
    upstream: Upstream,
    front: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    println!("proxy:   {} {path}", request.method());
    let Ok(uri) = format!("http://{front}{path}").parse() else {
        return Ok(bad_gateway("the request is about no resource"));
    };
    *request.uri_mut() = uri;
    // What was about the connection to the proxy: its version, its name, its options.
    *request.version_mut() = Version::HTTP_11;
    request.headers_mut().remove(header::HOST);
    fields::drop_hop_fields(request.headers_mut());

    Ok(match upstream.oneshot(request).await {
        Ok(response) => {
            for hop in History::of(&response).map_or(&[][..], History::hops) {
                println!("proxy:   followed {} from {}", hop.status(), hop.uri());
            }
            response.map(Body::new)
        }
        Err(error) => bad_gateway(&error.to_string()),
    })
}

fn bad_gateway(reason: &str) -> Response<Body> {
    println!("proxy:   502, {reason}");
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}
