//! Makes the calls that a vector describes, and notes all that can be seen of them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::{sleep, timeout};
use tower::{BoxError, Service as _, ServiceExt};
use tower_follow_redirect::{Refusal, Resend};

use super::{
    body::{Logged, Source},
    client::{Service, Watch, bare, client, request},
    server::Server,
    stage::{PROBE, Playing, Stage, State},
    vectors::{Config, Content, Kind, Outcome, Vector},
};
use crate::{url::Url, words::describe};

/// How long a caller waits who has not said how long, while the server has something to say.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long that caller waits when it has not.
const SILENCE: Duration = Duration::from_secs(5);

/// How long things may take to come to their end once a call has.
const AFTERMATH: Duration = Duration::from_secs(5);

/// How long it takes to connect once a call has ended: a client whose connection can be used again
/// has it back by then.
const RECONNECT: Duration = Duration::from_millis(500);

/// What came of a vector's calls.
pub struct Found {
    /// Of the last call.
    pub answer: Answer,
    /// When the first call had its response.
    pub answered_at: Option<Instant>,
    /// What the caller heard of 1xx responses.
    pub informational: Vec<u16>,
    /// Whether the content could have been sent again, when the first redirect or the response came.
    pub replayable: bool,
    /// How many requests the first call has made: the others are further calls.
    pub own_requests: usize,
    /// When everything has ended.
    pub server: State,
    pub body: Logged,
    /// How many bodies of the caller were gone while the client still lived, of how many.
    pub dropped: (usize, usize),
    /// What the probe has failed with.
    pub probe: Result<(), String>,
    /// Tasks of the client that panicked, and that have outlived it.
    pub panicked: usize,
    pub alive: usize,
}

/// What a call gives to its caller.
pub struct Answer {
    pub outcome: Outcome,
    pub status: Option<StatusCode>,
    pub fields: HeaderMap,
    pub content: Bytes,
    pub refusal: Option<String>,
    /// The text of an error, or what became of the response's body.
    pub error: Option<String>,
}

/// Makes the calls.
///
/// # Errors
///
/// Fails if a request cannot be expressed, or the loopback network fails.
pub async fn call(vector: &Vector) -> Result<Found, String> {
    let Vector { request: described, config, .. } = vector;
    let server = Server::start(vector).await.map_err(|error| format!("server: {error}"))?;
    let watch = Watch::default();
    watch.connect_after(Duration::from_millis(config.head_write_delay_ms.unwrap_or(0)));
    let mut client = client(described.version, config, &server.stage.network, &watch);
    let first = request(described, config, &watch).map_err(|error| format!("request: {error}"))?;
    let mut answer = first_call(&mut client, first, config, &server.stage, &watch).await;
    settle(&server.stage).await;

    watch.connect_after(RECONNECT);
    let own_requests = server.stage.see(|state| state.requests.len());
    for step in vector.further_calls() {
        let url = step.url.as_ref().unwrap_or(&described.url);
        answer =
            further_call(&mut client, step.method.as_deref().unwrap_or("GET"), url, &watch).await;
        settle(&server.stage).await;
    }
    let probe = probe(&mut client, &described.url, &watch).await;
    let made = watch.body.read().made;
    until(|| watch.body.read().dropped == made).await;
    let dropped = (watch.body.read().dropped, made);

    drop(client);
    until(|| watch.tasks.alive() == 0).await;
    server.stage.until_or(AFTERMATH, |state| state.ended == state.connections).await;
    let resend = watch.told.resend.lock().unwrap().first().copied();
    let answered = *watch.told.answered.lock().unwrap();
    let informational = watch.told.informational.lock().unwrap().clone();
    Ok(Found {
        answer,
        answered_at: answered.map(|(at, _)| at),
        informational,
        replayable: match (resend, answered) {
            (Some(resend), _) => resend != Resend::Impossible,
            (None, Some((_, polls))) => polls == 0,
            (None, None) => watch.body.read().polls == 0,
        },
        own_requests,
        server: server.stage.state(),
        body: watch.body.read(),
        dropped,
        probe,
        panicked: watch.tasks.panicked(),
        alive: watch.tasks.alive(),
    })
}

/// Makes the call that a vector is about, until the caller gives up.
async fn first_call(
    client: &mut Service,
    request: Request<Source>,
    config: &Config,
    stage: &Stage,
    watch: &Watch,
) -> Answer {
    let gives_up = async {
        match config.caller_patience() {
            Some(patience) => {
                stage.until(|state| !state.requests.is_empty()).await;
                sleep(patience).await;
            }
            None => std::future::pending().await,
        }
    };
    let nothing_comes = async {
        stage.until_or(PATIENCE, |state| state.playing == Playing::Done).await;
        sleep(SILENCE).await;
    };
    tokio::select! {
        answer = answer(client, request, || {
            let polls = watch.body.read().polls;
            watch.told.answered.lock().unwrap().get_or_insert((Instant::now(), polls));
        }) => answer,
        () = gives_up => Answer::none(Outcome::Error, "the caller has given up"),
        () = nothing_comes => Answer::none(Outcome::Hangs, "nothing comes"),
    }
}

async fn further_call(client: &mut Service, method: &str, url: &str, watch: &Watch) -> Answer {
    let content = Content { kind: Kind::None, length: 0 };
    let request = match bare(method, url, content, watch) {
        Ok(request) => request,
        Err(error) => return Answer::none(Outcome::Error, &describe(&error)),
    };
    match timeout(PATIENCE, answer(client, request, || {})).await {
        Ok(answer) => answer,
        Err(_) => Answer::none(Outcome::Hangs, "nothing comes"),
    }
}

/// Makes a request that every server answers which can make sense of what comes on its connection.
async fn probe(client: &mut Service, url: &str, watch: &Watch) -> Result<(), String> {
    let url = Url::parse(url).0.origin.url(PROBE).to_string();
    let answer = further_call(client, "GET", &url, watch).await;
    match (answer.error, answer.status) {
        (None, Some(StatusCode::OK)) => Ok(()),
        (error, status) => Err(format!("{status:?} {error:?}")),
    }
}

async fn answer(client: &mut Service, request: Request<Source>, on_head: impl FnOnce()) -> Answer {
    let result = async { client.ready().await?.call(request).await }.await;
    on_head();
    match result {
        Ok(response) => Answer::of(response).await,
        Err(error) => {
            let text = describe(&error);
            let response = match error.into_response() {
                Some(response) => Answer::of(response).await,
                None => Answer::none(Outcome::Error, ""),
            };
            Answer { outcome: Outcome::Error, error: Some(text), ..response }
        }
    }
}

impl Answer {
    fn none(outcome: Outcome, why: &str) -> Self {
        Self {
            outcome,
            status: None,
            fields: HeaderMap::new(),
            content: Bytes::new(),
            refusal: None,
            error: Some(why.to_owned()),
        }
    }

    /// Reads a response to its end.
    async fn of<B>(response: Response<B>) -> Self
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let (head, body) = response.into_parts();
        let (content, error) = match body.collect().await {
            Ok(content) => (content.to_bytes(), None),
            Err(error) => (Bytes::new(), Some(describe(&*error.into()))),
        };
        let redirects = head.status.is_redirection();
        Self {
            outcome: if redirects { Outcome::Stop } else { Outcome::Response },
            status: Some(head.status),
            refusal: head.extensions.get().map(Refusal::to_string),
            fields: head.headers,
            content,
            error,
        }
    }
}

/// Waits until the server has said what it says unasked.
async fn settle(stage: &Stage) {
    stage.until_or(AFTERMATH, |state| state.playing != Playing::Acting).await;
}

/// Waits until something is so, but not for ever: whoever asks then sees that it is not.
async fn until(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() && begun.elapsed() < AFTERMATH {
        sleep(Duration::from_millis(5)).await;
    }
}
