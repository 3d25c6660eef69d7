//! A server by somebody else, which verifies every signature: s3s, with files in a temporary folder.

use std::net::SocketAddr;

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt, service_fn, util::BoxCloneService};
use tower_follow_redirect::{
    FollowRedirectLayer, ReplayBody,
    policy::{self, Decision, s3::SigningRegion},
};
use tower_follow_redirect_sigv4::{HomeRegionLayer, S3Layer, SigV4Layer, hash_payload};
use tower_layer::Layer;

use crate::support::{ACCESS_KEY, SECRET_KEY, credentials};

type HttpClient<B> = Client<HttpConnector, ReplayBody<B>>;
type Upload = ReplayBody<Full<Bytes>>;
type Download = Either<Full<Bytes>, Incoming>;

/// A server on loopback, with the bucket `quotes`.
struct Server {
    address: SocketAddr,
    _folder: TempDir,
}

impl Server {
    async fn start() -> Result<Self, BoxError> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("quotes"))?;
        let files = FileSystem::new(folder.path()).map_err(|error| format!("{error:?}"))?;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let io = TokioIo::new(stream);
                tokio::spawn(http1::Builder::new().serve_connection(io, service.clone()));
            }
        });
        Ok(Self { address, _folder: folder })
    }

    fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn http_client<B>() -> HttpClient<B>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    Client::builder(TokioExecutor::new()).build_http()
}

/// Sends a request whose content is in memory, and returns status and content of the response.
async fn send(
    stack: &S3Layer,
    request: http::request::Builder,
    content: &'static str,
) -> Result<(StatusCode, Bytes), BoxError> {
    let client =
        ServiceBuilder::new().map_request(hash_payload).layer(stack.clone()).service(http_client());
    let response = client.oneshot(request.body(Full::<Bytes>::from(content))?).await?;
    Ok((response.status(), response.into_body().collect().await?.to_bytes()))
}

#[tokio::test]
async fn it_takes_keys_of_every_kind() -> Result<(), BoxError> {
    let server = Server::start().await?;
    let stack = S3Layer::new(credentials(), "us-east-1");
    for key in [
        "nelson.txt",
        "a%20b",
        "it's(1)!*",
        "a+b@c:d;e=f,g$h&i~j",
        "%E2%82%AC",
        "%e2%82%ac",
        "folder/file",
        "folder%2Fencoded",
        "100%25",
    ] {
        let uri = server.uri(&format!("/quotes/{key}"));
        let put = Request::put(&uri)
            .header("content-type", "text/plain")
            .header("content-md5", "osjWuHIFQpOv1BBh6TvCiQ==")
            .header("x-amz-meta-author", "nelson   muntz");
        let (status, content) = send(&stack, put, "ha ha\n").await?;
        assert_eq!(status, 200, "{key}: {content:?}");
        let (status, content) = send(&stack, Request::get(&uri), "").await?;
        assert_eq!((status, &content[..]), (StatusCode::OK, &b"ha ha\n"[..]), "{key}");
    }
    let (status, list) =
        send(&stack, Request::get(server.uri("/quotes?prefix=a+b&list-type=2")), "").await?;
    assert_eq!(status, 200, "{list:?}");
    Ok(())
}

#[tokio::test]
async fn it_takes_content_without_a_hash_where_that_is_allowed() -> Result<(), BoxError> {
    let server = Server::start().await?;
    let chunks = ["ha ", "ha\n"].map(|chunk| Ok::<_, BoxError>(Frame::data(Bytes::from(chunk))));
    let body = StreamBody::new(futures_util::stream::iter(chunks));
    let put =
        Request::put(server.uri("/quotes/nelson.txt")).header("content-length", 6).body(body)?;
    let stack =
        S3Layer::new(credentials(), "us-east-1").signer(|signer| signer.allow_unsigned_over_http());
    let response = stack.layer(http_client()).oneshot(put).await?;
    assert_eq!(response.status(), 200);
    Ok(())
}

#[tokio::test]
async fn it_refuses_another_secret_key_and_other_content() -> Result<(), BoxError> {
    let server = Server::start().await?;
    let uri = server.uri("/quotes/nelson.txt");
    let wrong = Credentials::new(ACCESS_KEY, "wrong", None, None, "test");
    let (status, content) =
        send(&S3Layer::new(wrong, "us-east-1"), Request::put(&uri), "ha ha\n").await?;
    assert_eq!(status, 403, "{content:?}");

    let other = hash_payload(Request::put(&uri).body(Full::<Bytes>::from("other"))?);
    let put =
        Request::put(&uri).header("x-amz-content-sha256", &other.headers()["x-amz-content-sha256"]);
    let stack = S3Layer::new(credentials(), "us-east-1");
    let (status, content) = send(&stack, put, "ha ha\n").await?;
    // s3s does not say that it is the client's fault.
    assert!(!status.is_success(), "{status}: {content:?}");
    Ok(())
}

/// Is S3's global endpoint, and leads to the server.
fn moved_to(server: &Server) -> BoxCloneService<Request<Upload>, Response<Download>, BoxError> {
    let location = server.uri("/quotes/nelson.txt?rk=8d47490b");
    let http = http_client();
    BoxCloneService::new(service_fn(move |request: Request<Upload>| {
        let (location, mut http) = (location.clone(), http.clone());
        async move {
            if request.uri().host() == Some("quotes.s3.amazonaws.com") {
                assert!(request.headers().contains_key("authorization"));
                let moved = Response::builder().status(307).header("location", location);
                return Ok(moved.body(Either::Left(Full::default()))?);
            }
            let response = http.ready().await?.call(request).await?;
            Ok(response.map(Either::Right))
        }
    }))
}

fn upload() -> Result<Request<Full<Bytes>>, BoxError> {
    let put = Request::put("http://quotes.s3.amazonaws.com/nelson.txt");
    Ok(hash_payload(put.body(Full::from("ha ha\n"))?))
}

#[tokio::test]
async fn it_takes_a_redirected_upload_since_that_is_signed_anew() -> Result<(), BoxError> {
    let server = Server::start().await?;
    let policy = policy::redirect_fn(|attempt| {
        attempt.next_extensions().insert(SigningRegion::new("eu-central-1"));
        Decision::Follow
    });
    let stack =
        S3Layer::new(credentials(), "us-east-1").redirects(|layer| layer.with_policy(policy));
    let response = stack.layer(moved_to(&server)).oneshot(upload()?).await?;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["etag"], "\"a2c8d6b872054293afd41061e93bc289\"");
    Ok(())
}

/// Why the signer goes inside.
#[tokio::test]
async fn it_refuses_a_redirected_upload_that_was_signed_once() -> Result<(), BoxError> {
    let server = Server::start().await?;
    let policy = policy::redirect_fn(|_| Decision::FollowWithCredentials);
    let client = ServiceBuilder::new()
        .layer(HomeRegionLayer::new("us-east-1"))
        .layer(SigV4Layer::new(credentials()))
        .layer(FollowRedirectLayer::new().with_policy(policy))
        .service(moved_to(&server));
    assert_eq!(client.oneshot(upload()?).await?.status(), 403);
    Ok(())
}
