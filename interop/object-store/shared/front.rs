//! Front ends of stores, which redirect every request and read nothing of it; and the node of a cluster.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Answers 307, as S3 does for a new bucket, or a cluster whose node has the object.
pub async fn temporary(to: &'static str) -> SocketAddr {
    start(move |uri| {
        let location = format!("http://{to}{}", uri.path_and_query().expect("it has a path"));
        Response::builder().status(307).header(header::LOCATION, location)
    })
    .await
}

/// Answers 301 without `Location`, as S3 does in another region than the bucket's.
pub async fn wrong_region(bucket_region: &'static str) -> SocketAddr {
    start(move |_| Response::builder().status(301).header("x-amz-bucket-region", bucket_region))
        .await
}

async fn start(
    answer: impl Fn(&Uri) -> http::response::Builder + Clone + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = answer.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let response = answer(request.uri()).body(Empty::<Bytes>::new()).unwrap();
                async { Ok::<_, Infallible>(response) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

/// A server that takes everything, and asks for no signature.
pub struct Node {
    pub address: SocketAddr,
    stored: Arc<Mutex<Vec<Request<Bytes>>>>,
}

impl Node {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let node = Self { address: listener.local_addr().unwrap(), stored: Arc::default() };
        let stored = Arc::clone(&node.stored);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stored = Arc::clone(&stored);
                let service = service_fn(move |request| store(request, Arc::clone(&stored)));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        node
    }

    /// Returns all requests so far, with their content.
    pub fn stored(&self) -> Vec<Request<Bytes>> {
        self.stored.lock().unwrap().clone()
    }
}

async fn store(
    request: Request<Incoming>,
    stored: Arc<Mutex<Vec<Request<Bytes>>>>,
) -> hyper::Result<Response<Empty<Bytes>>> {
    let (head, body) = request.into_parts();
    let content = body.collect().await?.to_bytes();
    stored.lock().unwrap().push(Request::from_parts(head, content));
    Ok(Response::builder().header("etag", "\"1\"").body(Empty::new()).unwrap())
}
