//! A server for all URIs that answers by choice.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use tokio::task::JoinHandle;
use tower_follow_redirect::ReplayBody;

use super::{
    choices::Choices,
    content::{Arrived, Upload},
    promises::Promises,
};

/// What answers are and were.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) world: Arc<Mutex<World>>,
}

pub(super) struct World {
    pub(super) choices: Choices,
    /// Of the call that is under way.
    pub(super) promises: Option<Promises>,
    pub(super) readers: Vec<JoinHandle<()>>,
    /// The body of the last answer.
    pub(super) last_body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Reset;

impl std::fmt::Display for Reset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection was reset")
    }
}

impl std::error::Error for Reset {}

/// What a server does with the body of a request before it answers.
#[derive(Clone, Copy)]
enum Reading {
    Nothing,
    Some,
    All,
    /// It begins, and goes on for as long as there is anything.
    Beside,
}

#[rustfmt::skip]
const LOCATIONS: [&str; 26] = [
    "/b", "/c?q", "/a", "d", "?r", "#f", "https://a.test/b", "https://b.test/b", "https://b.test/a", "//b.test/x",
    "http://a.test/b", "http://b.test/", "https://a.test:8443/b", "https://u:p@b.test/b", "https://A.TEST/b",
    "https://quotes.s3.us-west-2.amazonaws.com/a", "https://quotes.s3.us-west-2.amazonaws.com.evil.test/a",
    "https://evil.s3.us-west-2.amazonaws.com/a", "ftp://b.test/", "javascript:x", "", "http:///x", "\\\\b.test\\",
    "https://1.2.3.256/", "//", "https://b.test/b#f",
];

const STATUSES: [u16; 24] = [
    301, 302, 303, 307, 308, 308, 308, 301, 302, 303, 307, 308, 200, 200, 200, 204, 300, 304, 305,
    399, 400, 404, 417, 503,
];

impl Server {
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn answer(
        self,
        request: Request<ReplayBody<Upload>>,
    ) -> Result<Response<Full<Bytes>>, Reset> {
        let (parts, mut body) = request.into_parts();
        let (reading, delay) = {
            let mut world = self.lock();
            world.promises().sent(&parts);
            let reading = world.choices.one(&[
                Reading::All,
                Reading::Nothing,
                Reading::Some,
                Reading::Beside,
            ]);
            (reading, world.choices.one(&[0_u64, 0, 1, 1500]))
        };
        let mut arrived = Arrived::default();
        match reading {
            Reading::Nothing => drop(body),
            Reading::Some => drop(arrived.read(&mut body).await),
            Reading::All => while arrived.read(&mut body).await {},
            Reading::Beside => {
                let reader = self.clone().read_on(parts.method, body);
                self.lock().readers.push(reader);
            }
        }
        self.lock().promises().arrived(&arrived);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        self.lock().answer()
    }

    /// Reads all while the answer is under way. It ends, one way or the other.
    fn read_on(self, method: Method, mut body: ReplayBody<Upload>) -> JoinHandle<()> {
        let mut arrived = Arrived::default();
        tokio::spawn(async move {
            while arrived.read(&mut body).await {}
            self.lock().promises().arrived_beside(&method, &arrived);
        })
    }
}

impl World {
    pub(super) fn promises(&mut self) -> &mut Promises {
        self.promises.as_mut().expect("a call is under way")
    }

    fn answer(&mut self) -> Result<Response<Full<Bytes>>, Reset> {
        if self.choices.below(12) == 11 {
            return Err(Reset);
        }
        let status = StatusCode::from_u16(self.choices.one(&STATUSES)).expect("a status");
        let mut response = Response::builder().status(status);
        if status.is_redirection() && self.choices.below(10) != 9 {
            response = response.header(header::LOCATION, self.choices.one(&LOCATIONS));
        }
        match self.choices.below(6) {
            1 => response = response.header(header::CACHE_CONTROL, "max-age=600"),
            2 => response = response.header(header::CACHE_CONTROL, "no-store"),
            3 => response = response.header(header::SET_COOKIE, "a=b"),
            4 => response = response.header("clear-site-data", "\"cache\""),
            _ => {}
        }
        self.promises().answered(status);
        self.last_body = Bytes::from(vec![b'r'; self.choices.one(&[0, 1, 100, 70_000])]);
        Ok(response.body(Full::new(self.last_body.clone())).expect("a response"))
    }
}
