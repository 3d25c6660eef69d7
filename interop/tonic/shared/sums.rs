//! A service that adds numbers, and servers on loopback: one that answers, and one that only redirects.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
};

use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::Empty;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio_stream::{Stream, StreamExt, wrappers::TcpListenerStream};
use tonic::{Code, Status, Streaming, body::Body, metadata::MetadataMap, transport};
use tower::util::MapRequestLayer;

mod generated {
    #![allow(missing_docs, unused_qualifications, elided_lifetimes_in_paths, unreachable_pub)]
    #![allow(clippy::use_self, clippy::missing_errors_doc)]
    include!(concat!(env!("OUT_DIR"), "/test.Sums.rs"));
}

pub use self::generated::sums_client::SumsClient;
use self::generated::sums_server;

/// The message, as `protoc` would write it.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Number {
    #[prost(int64, tag = "1")]
    pub value: i64,
}

/// A server, and the requests that have come to it.
pub struct Node {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<(Method, HeaderMap)>>>,
}

impl Node {
    /// Starts a server of tonic.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let node = Self { address: listener.local_addr().unwrap(), seen: Arc::default() };
        let seen = Arc::clone(&node.seen);
        let look = MapRequestLayer::new(move |request: Request<Body>| {
            seen.lock().unwrap().push((request.method().clone(), request.headers().clone()));
            request
        });
        let service = sums_server::SumsServer::new(Sums);
        let server = transport::Server::builder().layer(look).add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        node
    }

    /// Starts a server that answers every request with a redirect of this status to another server.
    pub async fn redirecting(status: u16, to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let node = Self { address: listener.local_addr().unwrap(), seen: Arc::default() };
        let seen = Arc::clone(&node.seen);
        let service = service_fn(move |request: Request<Incoming>| {
            seen.lock().unwrap().push((request.method().clone(), request.headers().clone()));
            let response = Response::builder()
                .status(status)
                .header(header::LOCATION, format!("http://{to}{}", request.uri().path()))
                .body(Empty::<Bytes>::new())
                .unwrap();
            async { Ok::<_, Infallible>(response) }
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = http2::Builder::new(TokioExecutor::new());
                tokio::spawn(server.serve_connection(TokioIo::new(stream), service.clone()));
            }
        });
        node
    }

    pub fn origin(&self) -> http::Uri {
        format!("http://{}", self.address).parse().unwrap()
    }

    /// Returns method and fields of every request so far.
    pub fn seen(&self) -> Vec<(Method, HeaderMap)> {
        self.seen.lock().unwrap().clone()
    }
}

/// Negative numbers are refused.
struct Sums;

#[tonic::async_trait]
impl sums_server::Sums for Sums {
    async fn square(
        &self,
        request: tonic::Request<Number>,
    ) -> Result<tonic::Response<Number>, Status> {
        let value = check(*request.get_ref())?;
        let mut response = tonic::Response::new(Number { value: value * value });
        response.metadata_mut().insert("x-answered-by", "sums".parse().unwrap());
        Ok(response)
    }

    async fn sum(
        &self,
        request: tonic::Request<Streaming<Number>>,
    ) -> Result<tonic::Response<Number>, Status> {
        let mut numbers = request.into_inner();
        let mut sum = 0;
        while let Some(number) = numbers.try_next().await? {
            sum += check(number)?;
        }
        Ok(tonic::Response::new(Number { value: sum }))
    }

    type RunningStream = Pin<Box<dyn Stream<Item = Result<Number, Status>> + Send>>;

    async fn running(
        &self,
        request: tonic::Request<Streaming<Number>>,
    ) -> Result<tonic::Response<Self::RunningStream>, Status> {
        let mut sum = 0;
        let sums = request.into_inner().map(move |number| {
            sum += check(number?)?;
            Ok(Number { value: sum })
        });
        Ok(tonic::Response::new(Box::pin(sums)))
    }
}

fn check(number: Number) -> Result<i64, Status> {
    if number.value >= 0 {
        return Ok(number.value);
    }
    let mut metadata = MetadataMap::new();
    metadata.insert("x-least", "0".parse().unwrap());
    Err(Status::with_metadata(Code::OutOfRange, "it is negative", metadata))
}
