//! What all connections of a server share: what came, and what was answered.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::line::Line;
use crate::{network::Network, url::Url};

pub struct Stage {
    pub network: Network,
    state: watch::Sender<State>,
}

/// What the server knows.
#[derive(Clone, Default)]
pub struct State {
    /// In the order in which their heads came; the probe is not among them.
    pub requests: Vec<Received>,
    /// The connection on which the probe came.
    pub probe: Option<usize>,
    pub answers: Vec<Answer>,
    /// What is not as the script says.
    pub complaints: Vec<String>,
    pub playing: Playing,
    /// How many connections were made, and how many of them the client has ended.
    pub connections: usize,
    pub ended: usize,
}

/// What the script is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Playing {
    /// It waits for the client.
    #[default]
    Listening,
    Acting,
    Done,
}

/// A request, as far as it has come.
#[derive(Clone)]
pub struct Received {
    pub connection: usize,
    pub method: String,
    pub url: Url,
    pub fields: Vec<(String, String)>,
    pub head_at: Instant,
    pub content_at: Option<Instant>,
    pub content: Vec<u8>,
    pub trailers: Vec<(String, String)>,
    pub end: End,
    pub line: Line,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// More was announced than came.
    Open,
    /// All that was announced is there.
    Complete,
}

impl Received {
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(found, _)| found.eq_ignore_ascii_case(name))
    }

    /// Returns the values of a field.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_name = self.fields.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_str())
    }
}

/// A final response that the script has sent.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    /// Unless it was written as raw bytes.
    pub content: Option<String>,
}

/// The target of a request that only asks whether the client still works.
pub const PROBE: &str = "/is-all-well";

impl Stage {
    pub fn new(network: Network) -> Self {
        Self { network, state: watch::Sender::default() }
    }

    pub fn state(&self) -> State {
        self.see(State::clone)
    }

    pub fn see<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.state.borrow())
    }

    /// Notes a request whose head has come, and returns its number; `None` for a probe.
    pub fn arrived(&self, request: Received) -> Option<usize> {
        if request.url.target() == PROBE {
            self.change(|state| state.probe = Some(request.connection));
            return None;
        }
        let mut number = 0;
        self.change(|state| {
            number = state.requests.len();
            state.requests.push(request);
        });
        Some(number)
    }

    /// Notes content of a request; of a probe there is none that matters.
    pub fn content(&self, number: Option<usize>, bytes: &[u8]) {
        let Some(number) = number.filter(|_| !bytes.is_empty()) else { return };
        self.change(|state| {
            let request = &mut state.requests[number];
            request.content_at.get_or_insert_with(Instant::now);
            request.content.extend_from_slice(bytes);
        });
    }

    /// Notes that all announced content of a request is there.
    pub fn complete(&self, number: Option<usize>, trailers: Vec<(String, String)>) {
        let Some(number) = number else { return };
        self.change(|state| {
            let request = &mut state.requests[number];
            request.end = End::Complete;
            request.trailers = trailers;
        });
    }

    pub fn change(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(change);
    }

    /// Waits until something is so.
    pub async fn until(&self, is_so: impl FnMut(&State) -> bool) {
        let mut state = self.state.subscribe();
        state.wait_for(is_so).await.expect("the stage has the sender");
    }

    /// Waits until something is so, or for so long.
    pub async fn until_or(&self, limit: Duration, is_so: impl FnMut(&State) -> bool) {
        // Whoever asks sees in the state whether it is.
        let _ = tokio::time::timeout(limit, self.until(is_so)).await;
    }
}
