//! A server that is every host at once: it answers with a script, and then 200.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

use super::vectors::Response;
use crate::network::Network;

pub struct Server {
    stage: Arc<Stage>,
    accepting: JoinHandle<()>,
}

struct Stage {
    network: Network,
    script: Mutex<VecDeque<Response>>,
    received: Mutex<Vec<Received>>,
}

/// A request as it came over the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    pub method: Method,
    pub url: String,
    pub headers: HeaderMap,
    /// `None` if it was not asked for.
    pub content: Option<Bytes>,
}

impl Server {
    pub async fn start(script: impl IntoIterator<Item = Response>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let stage = Arc::new(Stage {
            network: Network::new(listener.local_addr()?),
            script: Mutex::new(script.into_iter().collect()),
            received: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&stage)));
        Ok(Self { stage, accepting })
    }

    pub fn network(&self) -> Network {
        self.stage.network.clone()
    }

    pub fn received(&self) -> Vec<Received> {
        self.stage.received.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, stage: Arc<Stage>) {
    while let Ok((stream, peer)) = listener.accept().await {
        let stage = Arc::clone(&stage);
        let serve = service_fn(move |request| answer(Arc::clone(&stage), peer.port(), request));
        // A connection that breaks is the client's decision.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), serve));
    }
}

async fn answer(
    stage: Arc<Stage>,
    port: u16,
    request: Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let origin = stage.network.origin(port).expect("the network connected it");
    let scripted = stage.script.lock().unwrap().pop_front();
    // As S3: a redirect comes before the content is asked for.
    let waits = head.headers.contains_key(header::EXPECT) && scripted.is_some();
    let content = if waits { None } else { body.collect().await.ok().map(|c| c.to_bytes()) };
    stage.received.lock().unwrap().push(Received {
        method: head.method,
        url: origin.url(&head.uri.to_string()).to_string(),
        headers: head.headers,
        content,
    });
    Ok(scripted.map_or_else(http::Response::default, |scripted| response(&scripted)))
}

fn response(scripted: &Response) -> http::Response<Full<Bytes>> {
    let body = scripted.body.clone().unwrap_or_default();
    let mut response = http::Response::new(Full::from(body));
    *response.status_mut() = StatusCode::from_u16(scripted.status).expect("a status");
    for (name, value) in &scripted.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
        response.headers_mut().append(name, value);
    }
    response
}
