//! A server that knows HTTP/2 only.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, thread};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http2::Builder, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// Redirects `/old` by 307; elsewhere says how much content came, and its `Expect`.
pub fn serve(tls: Option<Arc<ServerConfig>>) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(accept(listener, tls));
    });
    addr
}

async fn accept(listener: std::net::TcpListener, tls: Option<Arc<ServerConfig>>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let tls = tls.map(TlsAcceptor::from);
    while let Ok((stream, _)) = listener.accept().await {
        match &tls {
            Some(tls) => match tls.accept(stream).await {
                Ok(stream) => connection(stream),
                Err(_) => continue,
            },
            None => connection(stream),
        }
    }
}

fn connection(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let connection = Builder::new(TokioExecutor::new());
    tokio::spawn(connection.serve_connection(TokioIo::new(stream), service_fn(answer)));
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let expect = request.headers().get(header::EXPECT).cloned();
    if request.uri().path() == "/old" {
        let mut response = Response::new(Full::from("moved"));
        *response.status_mut() = http::StatusCode::TEMPORARY_REDIRECT;
        response.headers_mut().insert(header::LOCATION, "/new".parse().unwrap());
        return Ok(response);
    }
    let length = request.into_body().collect().await.unwrap().to_bytes().len();
    Ok(Response::new(Full::from(format!("{length} {expect:?}"))))
}
