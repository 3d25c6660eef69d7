//! Opens connections: TCP, to public addresses only if that is asked for, and TLS on top for `https`.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use http::Uri;
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector, dns::GaiResolver},
    rt::TokioIo,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use tower::{BoxError, Service};
use tower_follow_redirect::{
    connect::{PublicConnector, PublicResolver},
    policy::DenyPrivateNetworks,
};

use crate::values::ConnectTo;

/// Connects to the server of a URI, or where `--connect-to` says.
#[derive(Clone)]
pub(crate) struct Connector {
    detours: Arc<[ConnectTo]>,
    public: Option<PublicConnector<HttpConnector<PublicResolver<GaiResolver>>>>,
    tls: TlsConnector,
    opened: Arc<AtomicU64>,
}

impl Connector {
    pub(crate) fn new(
        detours: &[ConnectTo],
        deny: Option<DenyPrivateNetworks>,
        tls: TlsConnector,
    ) -> Self {
        let public = deny.map(|deny| {
            let mut connector = deny.http_connector();
            // TLS is on top.
            connector.get_mut().enforce_http(false);
            connector
        });
        Self { detours: detours.into(), public, tls, opened: Arc::default() }
    }

    /// Returns a count of the connections that were opened.
    pub(crate) fn opened(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.opened)
    }

    async fn connect(mut self, uri: Uri) -> Result<TokioIo<Stream>, BoxError> {
        let is_https = uri.scheme_str() == Some("https");
        let host = uri.host().ok_or("the URI names no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let detour = self.detours.iter().find_map(|detour| detour.map(host, port));
        let tcp = match (&mut self.public, detour) {
            // Where --connect-to leads was said by the user.
            (Some(public), None) => public.call(uri.clone()).await?.into_inner(),
            (_, detour) => {
                let (host, port) = detour.unwrap_or_else(|| (host.into(), port));
                let tcp = TcpStream::connect((&*host, port)).await;
                tcp.map_err(|error| format!("cannot connect to {host}:{port}: {error}"))?
            }
        };
        tcp.set_nodelay(true)?;
        self.opened.fetch_add(1, Ordering::Relaxed);
        if !is_https {
            return Ok(TokioIo::new(Stream { io: Box::new(tcp), is_http2: false }));
        }
        let tls = self.tls.connect(ServerName::try_from(host.to_owned())?, tcp).await;
        let tls = tls.map_err(|error| format!("no TLS with {host}: {error}"))?;
        let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(TokioIo::new(Stream { io: Box::new(tls), is_http2 }))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// A connection, with or without TLS.
pub(crate) struct Stream {
    io: Box<dyn Io>,
    is_http2: bool,
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new();
        if self.is_http2 { connected.negotiated_h2() } else { connected }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
