//! What servers have seen of a chain.

use std::time::Duration;

use http::{HeaderMap, Method, Request, Uri};
use http_body::Body;
use tower_follow_redirect::ReplayBody;

use super::{
    content::OneShot,
    line::Reader,
    server::{Answer, Visit},
};

/// A promise that was broken: its name, and how.
#[derive(Clone, Debug)]
pub struct Broken {
    pub promise: &'static str,
    pub how: String,
}

/// All requests of one call, in order.
#[derive(Debug, Default)]
pub struct Journal {
    pub sent: Vec<Sent>,
    /// Whether the caller has got the response.
    pub handed_over: bool,
    /// What was found broken while it happened.
    pub broken: Option<Broken>,
}

/// One request, and what came of it.
#[derive(Debug)]
pub struct Sent {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub marks: Marks,
    /// Whether it came with content, and how much of it was announced.
    pub content: Option<Announced>,
    pub visit: Visit,
    pub received: Received,
    /// Whether the answer was given.
    pub answered: bool,
    /// What became of the response body.
    pub reader: Reader,
    pub at: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announced {
    Length(u64),
    Unknown,
}

/// The caller's extensions that a request has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    pub secret: bool,
    pub kept: bool,
}

/// An extension that must stay with its origin.
#[derive(Clone, Debug)]
pub struct Secret;

/// One that may go along, where the layer is set so.
#[derive(Clone, Debug)]
pub struct Kept;

/// The content that came, which is right as far as it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    pub bytes: usize,
    pub trailers: bool,
    pub end: Option<Ending>,
    /// When the server has said `100 Continue`.
    pub continued: Option<Duration>,
    /// Whether it has lost patience before anything came.
    pub starved: bool,
    /// Whether something came when the response, a redirect, had been read to its end.
    pub outlives: bool,
    /// When the first byte came.
    pub first: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Complete,
    /// The content failed at the caller's.
    Failed,
    /// The layer has ended it.
    Cancelled,
    /// The connection was closed before.
    Closed,
}

impl Journal {
    /// Notes a request, and returns its number.
    pub fn note(
        &mut self,
        request: &Request<ReplayBody<OneShot>>,
        visit: &Visit,
        at: Duration,
    ) -> usize {
        let body = request.body();
        let announced = || match body.size_hint().exact() {
            Some(length) => Announced::Length(length),
            None => Announced::Unknown,
        };
        let extensions = request.extensions();
        self.sent.push(Sent {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            marks: Marks {
                secret: extensions.get::<Secret>().is_some(),
                kept: extensions.get::<Kept>().is_some(),
            },
            content: (!body.is_end_stream()).then(announced),
            visit: visit.clone(),
            received: Received::default(),
            answered: false,
            reader: Reader::Waits,
            at,
        });
        self.sent.len() - 1
    }

    /// Notes that a promise was broken; the first counts.
    pub fn breaks(&mut self, promise: &'static str, how: impl Into<String>) {
        self.broken.get_or_insert_with(|| Broken { promise, how: how.into() });
    }
}

impl Sent {
    /// Returns the status of the answer, if there was a response.
    pub fn status(&self) -> Option<u16> {
        match &self.visit.answer {
            Answer::Response(reply) if self.answered => Some(reply.status),
            _ => None,
        }
    }

    pub fn expects_continue(&self) -> bool {
        self.headers.get(http::header::EXPECT).is_some_and(|value| value == "100-continue")
    }
}
