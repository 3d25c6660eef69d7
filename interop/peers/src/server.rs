//! A hyper server on loopback that redirects, and counts.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use crate::tls::Tls;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A server, and what it has seen.
#[derive(Clone, Debug)]
pub struct Server {
    address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    connections: AtomicU64,
    content: AtomicU64,
}

impl Server {
    /// Starts it in the current runtime.
    ///
    /// - `/hop/N/SIZE/LATE` redirects to `N - 1` with a body of so many bytes, so many milliseconds after
    ///   its head; 0 answers 200.
    /// - `/early?URL` redirects there before it has read anything, and then reads what comes, unless the
    ///   client waits for `100 Continue`.
    /// - `/sink` reads everything and answers 200.
    pub async fn start(tls: Option<&Tls>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let seen = Arc::<Seen>::default();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let server = Self { address, scheme, seen };
        let (serving, acceptor) =
            (server.clone(), tls.map(|tls| TlsAcceptor::from(Arc::clone(&tls.server))));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().accepted(stream, acceptor.clone()));
            }
        });
        server
    }

    /// Returns a URL on this server.
    pub fn url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.address.port())
    }

    /// Returns how many connections it has accepted.
    pub fn connections(&self) -> u64 {
        self.seen.connections.load(Ordering::Relaxed)
    }

    /// Returns how many bytes of content it has got.
    pub fn content(&self) -> u64 {
        self.seen.content.load(Ordering::Relaxed)
    }

    async fn accepted(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        self.seen.connections.fetch_add(1, Ordering::Relaxed);
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.serve(stream).await,
            Some(tls) => match tls.accept(stream).await {
                Ok(stream) => self.serve(stream).await,
                Err(error) => eprintln!("no TLS: {error}"),
            },
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let answer = service_fn(|request| {
            let server = self.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        let mut http = http1::Builder::new();
        // A client that is gone is none of our business.
        let _ = http.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        if path == "/sink" {
            self.read(request.into_body()).await;
            return Response::new(body(2, 0));
        }
        if path == "/early" {
            let target = request.uri().query().unwrap_or_default().to_owned();
            if !request.headers().contains_key(header::EXPECT) {
                let server = self.clone();
                tokio::spawn(async move { server.read(request.into_body()).await });
            }
            return redirect(&target, body(0, 0));
        }
        let mut numbers = path.split('/').skip(2).map(|number| number.parse::<u64>().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        let (hops, size, late) = (next(), next(), next());
        match hops.checked_sub(1) {
            Some(left) => redirect(&format!("/hop/{left}/{size}/{late}"), body(size, late)),
            None => Response::new(body(2, 0)),
        }
    }

    async fn read(&self, mut content: Incoming) {
        while let Some(Ok(frame)) = content.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            self.seen.content.fetch_add(length as u64, Ordering::Relaxed);
        }
    }
}

fn redirect(location: &str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let location = location.parse().expect("a URL is a value");
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// Makes a body of known length, which comes a while after the head.
fn body(size: u64, late: u64) -> Body {
    let bytes = Bytes::from(vec![b'x'; usize::try_from(size).expect("it fits")]);
    if late == 0 {
        return http_body_util::Full::new(bytes).boxed_unsync();
    }
    let frame = async move {
        tokio::time::sleep(Duration::from_millis(late)).await;
        Ok(Frame::data(bytes))
    };
    StreamBody::new(futures_util::stream::once(frame)).boxed_unsync()
}
