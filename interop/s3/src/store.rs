//! The store: `s3s-fs`, which verifies signatures of version 2 and 4.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http::{HeaderMap, Method, Request, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use s3s::{
    auth::SimpleAuth,
    host::MultiDomain,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::AbortHandle};

use crate::{ACCESS_KEY, BUCKET, SECRET_KEY};

/// The endpoints whose bucket may be in the host.
const DOMAINS: [&str; 2] = ["s3.eu-central-1.amazonaws.com", "s3-4c25d83b.amazonaws.com"];

/// A store with one bucket, in a directory that goes with it.
pub struct Store {
    address: SocketAddr,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    accepts: AbortHandle,
    _root: TempDir,
}

/// A request as it came to the store, and how that answered.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub method: Method,
    pub host: String,
    /// Path and query, octet by octet.
    pub target: String,
    pub headers: HeaderMap,
    pub status: StatusCode,
}

impl Store {
    pub async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(root.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        builder.set_host(MultiDomain::new(DOMAINS).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let arrived = Arc::default();
        let accepts = tokio::spawn(accept(listener, builder.build(), Arc::clone(&arrived)));
        Self { address, arrived, accepts: accepts.abort_handle(), _root: root }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what has come, and was answered.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    /// Returns the only request that has come.
    pub fn only(&self) -> Arrived {
        let [only] = self.arrived().try_into().unwrap();
        only
    }
}

impl Arrived {
    /// Returns the value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.accepts.abort();
    }
}

async fn accept(listener: TcpListener, service: S3Service, arrived: Arc<Mutex<Vec<Arrived>>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (service, arrived) = (service.clone(), Arc::clone(&arrived));
        let answer = service_fn(move |request: Request<Incoming>| {
            let (service, arrived) = (service.clone(), Arc::clone(&arrived));
            async move {
                let (method, headers) = (request.method().clone(), request.headers().clone());
                let target = request.uri().to_string();
                let response = hyper::service::Service::call(&service, request).await?;
                let host = headers.get(header::HOST).map(|host| host.to_str().unwrap().to_owned());
                let host = host.unwrap_or_default();
                let status = response.status();
                arrived.lock().unwrap().push(Arrived { method, host, target, headers, status });
                Ok::<_, s3s::HttpError>(response)
            }
        });
        // A client may go away at any time.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}
