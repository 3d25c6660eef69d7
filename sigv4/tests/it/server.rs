//! A server by somebody else, which verifies every signature: s3s, with a bucket in a temporary folder.

use std::{net::SocketAddr, path::Path};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
use tower_follow_redirect::{
    FollowRedirectLayer, ReplayBody,
    policy::{self, Decision, s3::SigningRegion},
};
use tower_follow_redirect_sigv4::{S3Layer, hash_payload};

use crate::support::{ACCESS_KEY, SECRET_KEY, credentials};

/// Serves the folder on loopback, to who knows the secret key.
async fn serve(folder: &Path) -> Result<SocketAddr, BoxError> {
    let files = FileSystem::new(folder).map_err(|error| format!("{error:?}"))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    let service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service.clone());
            tokio::spawn(connection);
        }
    });
    Ok(address)
}
