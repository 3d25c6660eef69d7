//! The network: a service that answers as the vector says, and notes what came.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use tower::BoxError;
use tower_follow_redirect::ReplayBody;

use super::{
    clock::Clock,
    vectors::{Exchange, Failure, FieldValue, Fields},
};

/// Answers the requests of one call, one after the other. Clones are one script.
#[derive(Clone)]
pub struct Script {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

struct State {
    exchanges: VecDeque<Exchange>,
    received: Vec<Received>,
}

/// A request that has come.
#[derive(Clone)]
pub struct Received {
    pub method: String,
    /// As it was written.
    pub uri: String,
    pub headers: HeaderMap,
    pub content: Bytes,
}

impl Script {
    pub fn new(exchanges: &[Exchange], clock: &Clock) -> Self {
        let exchanges = exchanges.iter().cloned().collect();
        let state = State { exchanges, received: Vec::new() };
        Self { clock: clock.clone(), state: Arc::new(Mutex::new(state)) }
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// Answers a request.
    ///
    /// # Errors
    ///
    /// Fails if the script says so, or has an end, or another request should have come: whoever
    /// compares the requests sees which.
    pub async fn answer(
        self,
        request: Request<ReplayBody<Full<Bytes>>>,
    ) -> Result<Response<Empty<Bytes>>, BoxError> {
        let (head, body) = request.into_parts();
        let content = body.collect().await?.to_bytes();
        let (method, uri) = (head.method.to_string(), head.uri.to_string());
        let mut state = self.state.lock().unwrap();
        state.received.push(Received { method, uri: uri.clone(), headers: head.headers, content });
        let Some(exchange) = state.exchanges.pop_front().filter(|next| next.uri == uri) else {
            state.exchanges.clear();
            return Err(format!("{uri} was not to be requested").into());
        };
        match exchange.error {
            Some(Failure::Connect) => Err(io::Error::from(io::ErrorKind::ConnectionRefused).into()),
            None => self.respond(&exchange),
        }
    }

    fn respond(&self, exchange: &Exchange) -> Result<Response<Empty<Bytes>>, BoxError> {
        let status = exchange.status.ok_or("neither a status nor an error")?;
        let mut response = Response::builder().status(status).body(Empty::new())?;
        *response.headers_mut() = fields(&exchange.headers, &self.clock)?;
        Ok(response)
    }
}

/// Makes header fields, with dates as they are now.
///
/// # Errors
///
/// Fails if one cannot be made.
pub fn fields(written: &Fields, clock: &Clock) -> Result<HeaderMap, BoxError> {
    let mut fields = HeaderMap::new();
    for (name, value) in written {
        let value = match value {
            FieldValue::Date(seconds) => clock.date(*seconds).into_bytes(),
            FieldValue::Text(text) => bytes(text)?,
        };
        fields.append(HeaderName::try_from(name)?, HeaderValue::from_bytes(&value)?);
    }
    Ok(fields)
}

/// Reads a byte string whose code points are its bytes.
fn bytes(text: &str) -> Result<Vec<u8>, BoxError> {
    text.chars().map(|byte| Ok(u8::try_from(byte)?)).collect()
}
