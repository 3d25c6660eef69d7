#![doc = include_str!("../README.md")]

mod error;

use std::{error::Error, fmt};

use async_trait::async_trait;
use bytes::Bytes;
use http::Response;
use http_body::Body;
use http_body_util::BodyExt;
use object_store::{
    ClientOptions, Result,
    client::{
        HttpClient, HttpConnector, HttpError, HttpRequest, HttpRequestBody, HttpResponse,
        HttpResponseBody, HttpService,
    },
};
use tower::{Service, ServiceExt};
use tower_follow_redirect::BodyFactory;

type BoxError = Box<dyn Error + Send + Sync>;

/// A Tower service as the client of a store, for `with_http_connector`.
///
/// The store's `ClientOptions` (timeouts, proxies, certificates) are those of its own client, and mean
/// nothing here: what they would set belongs into the service.
#[derive(Clone)]
pub struct Connector<S> {
    service: S,
}

impl<S> Connector<S> {
    /// Makes the connector of a service, which every request of the store goes through.
    pub fn new(service: S) -> Self {
        Self { service }
    }
}

/// A service need not be `Debug`.
impl<S> fmt::Debug for Connector<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl<S, R> HttpConnector for Connector<S>
where
    S: Service<HttpRequest, Response = Response<R>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    R: Body<Data = Bytes, Error: Into<BoxError>> + Send + Sync + 'static,
{
    fn connect(&self, _: &ClientOptions) -> Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl<S, R> HttpService for Connector<S>
where
    S: Service<HttpRequest, Response = Response<R>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    R: Body<Data = Bytes, Error: Into<BoxError>> + Send + Sync + 'static,
{
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let content = request.body().clone();
        request.extensions_mut().insert(again(content));
        let response = self.service.clone().oneshot(request).await.map_err(error::classify)?;
        Ok(response.map(|body| HttpResponseBody::new(body.map_err(error::classify))))
    }
}

/// The content is in memory and cheap to clone: there is no need to record it while it is sent.
fn again(content: HttpRequestBody) -> BodyFactory<HttpRequestBody> {
    BodyFactory::new(move || content.clone())
}
