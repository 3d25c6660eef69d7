#![doc = include_str!("../README.md")]

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use reqwest::{Client, ClientBuilder, RequestBuilder, ResponseBuilderExt, redirect};
use tower::{BoxError, Layer, Service, ServiceExt};
use tower_follow_redirect::{
    FollowRedirect, FollowRedirectLayer, Policy, ReplayBody, policy::Standard,
};

/// reqwest's client with the layer around it: a drop-in for reqwest's own redirects.
///
/// It takes what reqwest's builders build, and returns reqwest's responses. Of those, `extensions` has the
/// [`History`](tower_follow_redirect::History) or the [`Refusal`](tower_follow_redirect::Refusal).
#[derive(Clone, Debug)]
pub struct Redirected<P = Standard> {
    service: FollowRedirect<Reqwest, P>,
}

impl<P: Policy> Redirected<P> {
    /// Builds the client, in place of [`ClientBuilder::build`].
    ///
    /// # Errors
    ///
    /// Fails where [`ClientBuilder::build`] does.
    pub fn new(builder: ClientBuilder, layer: &FollowRedirectLayer<P>) -> reqwest::Result<Self> {
        Ok(Self { service: layer.layer(Reqwest::new(builder)?) })
    }

    /// Returns the client, to build requests with. What it sends itself is not redirected.
    pub fn client(&self) -> &Client {
        self.service.get_ref().client()
    }

    /// Sends a request, in place of [`RequestBuilder::send`].
    ///
    /// # Errors
    ///
    /// Fails with a [`reqwest::Error`] if the request cannot be built, and else with an
    /// [`Error`](tower_follow_redirect::Error) of the layer, whose source may be reqwest's.
    pub async fn send(&self, request: RequestBuilder) -> Result<reqwest::Response, BoxError> {
        let request = Request::<reqwest::Body>::try_from(request.build()?)?;
        let response = self.service.clone().oneshot(request).await?;
        Ok(response.map(reqwest::Body::wrap).into())
    }
}

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
