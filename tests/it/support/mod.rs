//! Servers, clients and bodies for the tests.

pub mod body;
pub mod raw;
pub mod step;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tower::BoxError;
use tower_follow_redirect::ReplayBody;

/// hyper-util's client, which the layer is put around.
pub type HyperClient<B> = Client<HttpConnector, ReplayBody<B>>;

pub fn hyper_client<B>() -> HyperClient<B>
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    Client::builder(TokioExecutor::new()).build_http()
}

/// Reads a whole body.
pub async fn text<B>(response: Response<B>) -> String
where
    B: Body,
    B::Error: std::fmt::Debug,
{
    let bytes: Bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.into()).unwrap()
}

pub fn get(uri: &str) -> Request<http_body_util::Empty<Bytes>> {
    Request::get(uri).body(http_body_util::Empty::new()).unwrap()
}

/// Waits until something has happened in another task.
pub async fn eventually(what: &str, happened: impl Fn() -> bool) {
    for _ in 0..1000 {
        if happened() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("it did not happen: {what}");
}
