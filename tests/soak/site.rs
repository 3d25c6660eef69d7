//! Two servers of hyper's that redirect as the path says, and count what comes.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    errand::{Reads, Step, Then, To, pattern},
    support::body::is_part,
};

/// What has come to both servers.
#[derive(Debug, Default)]
pub struct Arrived {
    pub requests: AtomicU64,
    /// Bytes of content at the end of its way, each at its place.
    pub stored: AtomicU64,
    /// Credentials that crossed an origin, or were lost within one.
    pub misplaced: AtomicU64,
}

/// Two servers: two origins.
pub struct Site {
    pub arrived: Arc<Arrived>,
    addrs: [SocketAddr; 2],
    accepting: Vec<JoinHandle<()>>,
}

impl Site {
    pub async fn start() -> Self {
        let arrived = Arc::new(Arrived::default());
        let listeners = [listen().await, listen().await];
        let addrs = listeners.each_ref().map(|listener| listener.local_addr().unwrap());
        let accepting = listeners.into_iter().enumerate().map(|(own, listener)| {
            let place = Place { own, addrs, arrived: Arc::clone(&arrived) };
            tokio::spawn(place.accept(listener))
        });
        Self { accepting: accepting.collect(), arrived, addrs }
    }

    /// Returns the origin where every errand begins.
    pub fn origin(&self) -> String {
        format!("http://{}", self.addrs[0])
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.accepting.iter().for_each(JoinHandle::abort);
    }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// What begins the path once an origin was crossed.
const CROSSED: &str = "/crossed";

#[derive(Clone)]
struct Place {
    own: usize,
    addrs: [SocketAddr; 2],
    arrived: Arc<Arrived>,
}

impl Place {
    async fn accept(self, listener: TcpListener) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let place = self.clone();
            let service = service_fn(move |request| {
                let place = place.clone();
                async move { Ok::<_, Infallible>(place.answer(request).await) }
            });
            tokio::spawn(async move {
                // A client may end its connection at any time.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        self.arrived.requests.fetch_add(1, Ordering::SeqCst);
        let path = request.uri().path().to_owned();
        let (crossed, way) = match path.strip_prefix(CROSSED) {
            Some(way) => (true, way),
            None => (false, &path[..]),
        };
        if request.headers().contains_key(header::AUTHORIZATION) == crossed {
            self.arrived.misplaced.fetch_add(1, Ordering::SeqCst);
        }
        let way = &way[1..];
        let (step, rest) = way.split_once('/').unwrap_or((way, ""));
        match step.strip_prefix("end-") {
            Some(size) => self.end(request, size.parse().unwrap()).await,
            None => self.redirect(request, step.parse().unwrap(), crossed, rest).await,
        }
    }

    async fn redirect(
        &self,
        request: Request<Incoming>,
        step: Step,
        crossed: bool,
        rest: &str,
    ) -> Response<Full<Bytes>> {
        let mut content = request.into_body();
        match step.reads {
            Reads::Nothing => {}
            Reads::Begins => {
                let _ = content.frame().await;
                tokio::spawn(async move { while let Some(Ok(_)) = content.frame().await {} });
            }
            Reads::All => {
                let _ = content.collect().await;
            }
        }
        let location = match (step.to, crossed) {
            (To::Here, false) => format!("/{rest}"),
            (To::Here, true) => format!("{CROSSED}/{rest}"),
            (To::ToTheOther, _) => format!("http://{}{CROSSED}/{rest}", self.addrs[1 - self.own]),
        };
        let mut response =
            Response::builder().status(step.status).header(header::LOCATION, location);
        if step.then == Then::Closes {
            response = response.header(header::CONNECTION, "close");
        }
        response.body(Full::new(pattern(step.body))).unwrap()
    }

    /// Stores the content, and answers with so many bytes.
    async fn end(&self, request: Request<Incoming>, size: usize) -> Response<Full<Bytes>> {
        let mut content = request.into_body();
        let mut right = 0;
        while let Some(Ok(frame)) = content.frame().await {
            let Ok(data) = frame.into_data() else { continue };
            if is_part(&data, right) {
                right += data.len() as u64;
            }
        }
        self.arrived.stored.fetch_add(right, Ordering::SeqCst);
        Response::new(Full::new(pattern(size)))
    }
}
