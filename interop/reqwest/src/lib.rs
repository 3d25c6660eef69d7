#![doc = include_str!("../README.md")]

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use reqwest::{Client, ClientBuilder, ResponseBuilderExt, redirect};
use tower::{BoxError, Service};
use tower_follow_redirect::ReplayBody;

/// reqwest's client, as the service that the layer goes around.
///
/// It sends one request as it is, and returns every response, redirects too.
#[derive(Clone, Debug)]
pub struct Reqwest {
    client: Client,
}

impl Reqwest {
    /// Builds the client. Redirects are the layer's: whatever `builder` says of them is overridden.
    ///
    /// Give it no credentials by [`default_headers`](ClientBuilder::default_headers): reqwest adds
    /// those to every hop, and so to every origin, after the layer has removed the request's own.
    ///
    /// # Errors
    ///
    /// Fails where [`ClientBuilder::build`] does.
    pub fn new(builder: ClientBuilder) -> reqwest::Result<Self> {
        Ok(Self { client: builder.redirect(redirect::Policy::none()).build()? })
    }

    /// Returns the client, to build requests with. What it sends itself is not redirected.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl<B> Service<Request<ReplayBody<B>>> for Reqwest
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<reqwest::Body>;
    type Error = reqwest::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReplayBody<B>>) -> Self::Future {
        let sent = reqwest::Request::try_from(request.map(into_body))
            .map(|request| self.client.execute(request));
        Box::pin(async move {
            // The layer's error says which request it was, without what is secret in its URL.
            let response = sent?.await.map_err(reqwest::Error::without_url)?;
            Ok(into_http(response))
        })
    }
}

/// Without content it is a body that reqwest can clone, and so a request that it may retry.
fn into_body<B>(body: ReplayBody<B>) -> reqwest::Body
where
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
{
    if body.is_end_stream() { reqwest::Body::default() } else { reqwest::Body::wrap(body) }
}

/// Keeps the URL for whoever makes a [`reqwest::Response`] of it again.
fn into_http(response: reqwest::Response) -> Response<reqwest::Body> {
    let url = response.url().clone();
    let (url, ()) =
        http::response::Builder::new().url(url).body(()).expect("it is empty").into_parts();
    let mut response = Response::from(response);
    response.extensions_mut().extend(url.extensions);
    response
}
