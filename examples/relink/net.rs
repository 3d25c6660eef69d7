//! Asks for a link, and follows.

use std::{error::Error, iter, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header, uri::PathAndQuery};
use http_body_util::Empty;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};
use tower::{BoxError, Layer, ServiceExt, service_fn};
use tower_follow_redirect::{FollowRedirectLayer, Fragment, ReplayBody, Target};

use crate::decision::Reason;

/// For all redirects of a link.
const MAX_TIME: Duration = Duration::from_secs(30);

const USER_AGENT: HeaderValue = HeaderValue::from_static("relink/0.1 (tower-follow-redirect)");

/// Where the servers are.
#[derive(Clone)]
pub(crate) enum Net {
    Internet(TlsConnector),
    Demo(Demo),
}

/// All hosts are at the same address, but for one that is down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demo {
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    pub(crate) down: SocketAddr,
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

impl Net {
    /// The certificates that browsers trust are trusted.
    pub(crate) fn internet() -> Result<Self, BoxError> {
        let roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self::Internet(TlsConnector::from(Arc::new(config))))
    }

    /// Returns the head of the response at the end of the chain.
    ///
    /// It is a GET, since that is what a reader of the link does. HEAD is cheaper, but there are
    /// servers that answer it otherwise, and not only with the 405 or 501 after which one would ask
    /// again: then a link would be changed, or not, for what no reader sees. A body that is dropped
    /// costs a connection and what was under way, and no download.
    pub(crate) async fn fetch(&self, asked: &Target) -> Result<Response<()>, Reason> {
        let mut request = Request::get(asked.uri()).header(header::USER_AGENT, USER_AGENT);
        if let Some(fragment) = asked.fragment() {
            request = request.extension(Fragment::new(fragment));
        }
        let request = request.body(Empty::new()).map_err(|error| failed(&error))?;
        let client = FollowRedirectLayer::new().layer(service_fn(|request| self.send(request)));
        match timeout(MAX_TIME, client.oneshot(request)).await {
            Ok(Ok(response)) => Ok(response.map(drop)),
            // A refusal says it all.
            Ok(Err(error)) => Err(match error.refusal() {
                Some(refusal) => failed(refusal),
                None => failed(&error),
            }),
            Err(_) => Err(Reason::Failed(format!("no answer within {MAX_TIME:?}"))),
        }
    }

    /// Sends one request on a connection of its own.
    async fn send(
        &self,
        mut request: Request<ReplayBody<Empty<Bytes>>>,
    ) -> Result<Response<Incoming>, BoxError> {
        let io = self.connect(request.uri()).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await?;
        // It ends with the body of the response, or when that is dropped.
        tokio::spawn(connection);
        let host = request.uri().authority().ok_or("the URI names no host")?;
        let host = HeaderValue::from_str(host.as_str())?;
        request.headers_mut().insert(header::HOST, host);
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.unwrap_or_else(|| PathAndQuery::from_static("/")).into();
        Ok(sender.send_request(request).await?)
    }

    async fn connect(&self, uri: &Uri) -> Result<Box<dyn Io>, BoxError> {
        let host = uri.host().ok_or("the URI names no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_https = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let cannot = |error| format!("cannot connect to {host}:{port}: {error}");
        Ok(match self {
            Self::Demo(demo) => {
                let address = match host {
                    "down.test" => demo.down,
                    _ if is_https => demo.https,
                    _ => demo.http,
                };
                // Without TLS, whatever the scheme: these hosts have no certificate.
                Box::new(TcpStream::connect(address).await.map_err(cannot)?)
            }
            Self::Internet(tls) => {
                let tcp = TcpStream::connect((host, port)).await.map_err(cannot)?;
                if !is_https {
                    return Ok(Box::new(tcp));
                }
                let name = ServerName::try_from(host.to_owned())?;
                let tls = tls.connect(name, tcp).await;
                Box::new(tls.map_err(|error| format!("no TLS with {host}: {error}"))?)
            }
        })
    }
}

/// An error and what caused it, in one line.
fn failed(error: &(dyn Error + 'static)) -> Reason {
    let causes = iter::successors(Some(error), |error| (*error).source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    Reason::Failed(texts.join(": "))
}
