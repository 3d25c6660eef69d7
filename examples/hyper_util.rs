//! hyper-util's client over HTTP/1, HTTP/2 and TLS: an upload that is redirected through all three.
//!
//!     http://localhost:…     HTTP/1.1             307
//!     https://localhost:…    HTTP/1.1 over TLS    308
//!     https://localhost:…    HTTP/2 over TLS      200
//!
//! One client does it: its connector agrees with each server on what to speak (ALPN). Where 100 Continue
//! can be heard, which is over HTTP/1, the upload waits for it, and the redirects cost no byte of it.
//!
//!     cargo run --example hyper_util

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types::PrivateKeyDer},
};
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_follow_redirect::{FollowRedirectLayer, History};

const SIZE: usize = 4 << 20;

type Certificate = rcgen::CertifiedKey<rcgen::KeyPair>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    // Nobody but this program trusts it.
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let store = start(Some(tls(&certificate, b"h2")?), Role::Store).await?;
    let second = Role::Redirect(StatusCode::PERMANENT_REDIRECT, store.clone());
    let second = start(Some(tls(&certificate, b"http/1.1")?), second).await?;
    let first = Role::Redirect(StatusCode::TEMPORARY_REDIRECT, second.clone());
    let first = start(None, first).await?;

    let mut roots = RootCertStore::empty();
    roots.add(certificate.cert.der().clone())?;
    let trust = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(trust).https_or_http().enable_all_versions();
    let client = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .service(Client::builder(TokioExecutor::new()).build(connector.build()));

    let upload = Full::new(Bytes::from(vec![b'.'; SIZE]));
    let request =
        Request::put(&first).header(header::AUTHORIZATION, "Bearer secret").body(upload)?;
    let response = client.oneshot(request).await?;
    let history = History::of(&response).ok_or("it was not redirected")?;
    for hop in history.hops() {
        println!("client: {} {} was answered with {}", hop.method(), hop.uri(), hop.status());
    }
    assert_eq!(history.effective_uri(), &*store);
    assert_eq!(response.version(), Version::HTTP_2);
    let answer = response.into_body().collect().await?.to_bytes();
    println!("client: {}", String::from_utf8_lossy(&answer));
    assert_eq!(answer, format!("{SIZE} bytes over HTTP/2.0"));
    Ok(())
}

/// What a server does with a request.
#[derive(Clone)]
enum Role {
    /// Redirects it, and reads nothing of its content.
    Redirect(StatusCode, String),
    /// Counts its content.
    Store,
}

impl Role {
    async fn answer(self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let (expect, secret) =
            (head.headers.get(header::EXPECT), head.headers.contains_key(header::AUTHORIZATION));
        println!(
            "server: {:?} {}, Expect: {expect:?}, credentials: {secret}",
            head.version, head.method
        );
        match self {
            Self::Redirect(status, location) => {
                let response = Response::builder().status(status);
                response
                    .header(header::LOCATION, location)
                    .body(Full::default())
                    .expect("it is a URL")
            }
            Self::Store => {
                assert!(!secret, "a credential went to another origin");
                let content = body.collect().await.map_or(0, |body| body.to_bytes().len());
                Response::new(Full::from(format!("{content} bytes over {:?}", head.version)))
            }
        }
    }
}

/// Starts a server, and returns its URL.
async fn start(tls: Option<TlsAcceptor>, role: Role) -> Result<String, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://localhost:{}/upload", listener.local_addr()?.port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            match &tls {
                None => serve(stream, role.clone()),
                // An error is a client that has other ideas of TLS.
                Some(tls) => _ = tls.accept(stream).await.map(|stream| serve(stream, role.clone())),
            }
        }
    });
    Ok(url)
}

fn serve(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, role: Role) {
    let service = service_fn(move |request| {
        let role = role.clone();
        async move { Ok::<_, Infallible>(role.answer(request).await) }
    });
    tokio::spawn(async move {
        let server = auto::Builder::new(TokioExecutor::new());
        // An error is a client that has gone.
        let _ = server.serve_connection(TokioIo::new(stream), service).await;
    });
}

/// TLS with one protocol.
fn tls(certificate: &Certificate, protocol: &[u8]) -> Result<TlsAcceptor, BoxError> {
    let key = PrivateKeyDer::try_from(certificate.signing_key.serialize_der())?;
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(vec![certificate.cert.der().clone()], key)?;
    config.alpn_protocols = vec![protocol.to_owned()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
