//! What a caller asks for, what it makes of the answer, and when it has enough.

use std::{pin::pin, rc::Rc, sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::BodyExt;
use tower_follow_redirect::{
    Error, FollowRedirect, Fragment, History, Hop, OnInformational, Policy, Refusal, RefusalKind,
    ReplayLimit, ResponseBody, TooManyInformational, TotalTimeElapsed,
};
use tower_service::Service;

use super::{
    choices::Choices,
    connection::RESET,
    content::{Content, FAILED, OneShot},
    journal::{Kept, Secret},
    line::{CUT, Reply, start},
    pattern,
    server::{Mood, ORIGINS, uri},
    stage::Stage,
    transport::{NOT_READY, Transport},
};

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    pub at: (usize, usize),
    pub content: Arc<Content>,
    pub expects: bool,
    pub upgrades: bool,
    pub replay_limit: Option<u64>,
    pub hears: bool,
    pub reads: Reads,
    pub leaves: Leaves,
    /// How long it is until the next call.
    pub rests: Duration,
}

/// What is done with the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    All,
    Frames(usize),
    After(Duration),
}

/// When the caller drops all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    Never,
    AfterPolls(usize),
    At(Duration),
}

impl Call {
    pub fn choose(choices: &mut Choices<'_>, mood: Mood) -> Self {
        let methods = [Method::GET, Method::PUT, Method::POST, Method::HEAD, Method::DELETE];
        let method = match choices.below(40) {
            0..=9 => Method::GET,
            _ if mood == Mood::Permanent => Method::GET,
            39 => Method::CONNECT,
            _ => choices.pick(&methods),
        };
        Self {
            method,
            at: (mood.origin(choices), choices.below(if mood == Mood::Anything { 4 } else { 2 })),
            content: Arc::new(Content::choose(choices)),
            expects: choices.one_in(8),
            upgrades: choices.one_in(60),
            replay_limit: choices.maybe(10, |choices| choices.pick(&[0, 100, 100_000])),
            hears: choices.one_in(6),
            reads: match choices.below(5) {
                0..=2 => Reads::All,
                3 => Reads::Frames(choices.below(3)),
                _ => Reads::After(Duration::from_millis(choices.pick(&[1, 5000]))),
            },
            leaves: match choices.below(10) {
                _ if mood != Mood::Anything => Leaves::Never,
                0..=7 => Leaves::Never,
                8 => Leaves::AfterPolls(choices.below(12)),
                _ => Leaves::At(Duration::from_millis(choices.pick(&[0, 1, 60, 1000, 3000]))),
            },
            rests: Duration::from_secs(choices.pick(&[0, 0, 120])),
        }
    }

    /// Makes the request.
    pub fn request(&self, stage: &Stage) -> Request<OneShot> {
        let (body, factory) = self.content.body(&stage.clock, &stage.tokens);
        let (origin, page) = self.at;
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(uri(origin, page))
            .header(header::ACCEPT, "*/*")
            .header(header::HOST, ORIGINS[origin].split_once("//").map_or("", |(_, host)| host))
            .header("x-plain", "yes")
            .header(header::AUTHORIZATION, SECRET)
            .header(header::COOKIE, SECRET)
            .header("x-api-key", SECRET)
            .header("x-added", SECRET)
            .body(body)
            .expect("every part is valid");
        let headers = request.headers_mut();
        let mut marked = HeaderValue::from_static(SECRET);
        marked.set_sensitive(true);
        headers.insert("x-marked", marked);
        if !self.content.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        }
        if self.expects {
            headers.insert(header::EXPECT, HeaderValue::from_static("100-continue"));
        }
        if self.upgrades {
            headers.insert(header::UPGRADE, HeaderValue::from_static("other"));
        }
        let extensions = request.extensions_mut();
        extensions.insert(Secret);
        extensions.insert(Kept);
        extensions.insert(Fragment::new("here"));
        if let Some(factory) = factory {
            extensions.insert(factory);
        }
        if let Some(bytes) = self.replay_limit {
            extensions.insert(ReplayLimit::new(bytes));
        }
        if self.hears {
            extensions.insert(OnInformational::new(|_| {}));
        }
        request
    }
}

/// The value of all credentials.
pub const SECRET: &str = "a secret";

/// How a call has ended.
#[derive(Clone, Debug)]
pub struct End {
    pub how: How,
    /// The response that the caller got, with the error or without.
    pub response: Option<Got>,
    /// Whether the redirect that was refused was remembered.
    pub remembered: bool,
    /// The redirects that were followed: where they came from.
    pub hops: Vec<Source>,
    /// Until the layer's future was ready.
    pub took: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Server,
    Memory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Response,
    Refused(RefusalKind),
    NotReady,
    Reset,
    ContentFailed,
    TotalTime,
    TooManyInformational,
    OtherError,
    /// The caller had enough.
    Left,
    /// It waited for what never came.
    GaveUp,
}

/// What the caller got of a response.
#[derive(Clone, Debug)]
pub struct Got {
    pub status: u16,
    pub refusal: Option<RefusalKind>,
    pub effective: Option<String>,
    /// How many bytes were right, from the first on, and how it ended.
    pub bytes: usize,
    pub read: Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    Whole,
    Cut,
    Wrong,
    Dropped,
}

/// Makes a call, and reads what comes.
pub async fn make<P: Policy>(
    mut service: FollowRedirect<Transport, P>,
    request: impl FnOnce(&Stage) -> Request<OneShot>,
    reads: Reads,
    stage: Rc<Stage>,
) -> End {
    let began = stage.clock.now();
    if let Err(error) = std::future::poll_fn(|cx| service.poll_ready(cx)).await {
        return end_of(error, stage.clock.now() - began).0;
    }
    let request = request(&stage);
    let began = stage.clock.now();
    let result = service.call(request).await;
    let took = stage.clock.now() - began;
    let (mut end, response) = match result {
        Ok(response) => {
            let hops = hops(History::of(&response));
            let how = How::Response;
            (End { how, response: None, remembered: false, hops, took }, Some(response))
        }
        Err(error) => end_of(error, took),
    };
    drop(service);
    if let Some(response) = response {
        stage.journal.borrow_mut().handed_over = true;
        let place = start(stage.journal.borrow().sent.len().saturating_sub(1));
        end.response = Some(read(response, reads, place, &stage).await);
    }
    end
}

type LayerError = Error<Reply>;

fn end_of(error: LayerError, took: Duration) -> (End, Option<Response<ResponseBody<Reply>>>) {
    let how = match (error.refusal(), error.uri()) {
        (Some(refusal), _) => How::Refused(refusal.kind()),
        (None, None) => How::NotReady,
        (None, Some(_)) => of_source(std::error::Error::source(&error)),
    };
    let remembered = error.refusal().is_some_and(Refusal::is_from_cache);
    let hops = hops(error.history());
    (End { how, response: None, remembered, hops, took }, error.into_response())
}

fn of_source(source: Option<&(dyn std::error::Error + 'static)>) -> How {
    let Some(source) = source else { return How::OtherError };
    if source.is::<TotalTimeElapsed>() {
        return How::TotalTime;
    }
    if source.is::<TooManyInformational>() {
        return How::TooManyInformational;
    }
    match source.to_string().as_str() {
        RESET => How::Reset,
        NOT_READY => How::NotReady,
        // Where it had failed on the hop before.
        FAILED | "the content failed before its end" => How::ContentFailed,
        _ => How::OtherError,
    }
}

fn hops(history: Option<&History>) -> Vec<Source> {
    let hops = history.map_or(&[][..], History::hops);
    let source = |hop: &Hop| if hop.is_from_cache() { Source::Memory } else { Source::Server };
    hops.iter().map(source).collect()
}

async fn read(
    response: Response<ResponseBody<Reply>>,
    reads: Reads,
    place: usize,
    stage: &Stage,
) -> Got {
    let mut got = Got {
        status: response.status().as_u16(),
        refusal: Refusal::of(&response).map(Refusal::kind),
        effective: History::of(&response).map(|history| history.effective_uri().to_string()),
        bytes: 0,
        read: Read::Dropped,
    };
    let mut frames = match reads {
        Reads::All => usize::MAX,
        Reads::Frames(count) => count,
        Reads::After(time) => {
            stage.clock.sleep(time).await;
            usize::MAX
        }
    };
    let mut body = pin!(response.into_body());
    while frames > 0 {
        frames -= 1;
        match body.frame().await {
            None => {
                got.read = Read::Whole;
                break;
            }
            Some(Err(error)) => {
                got.read = if error.to_string() == CUT { Read::Cut } else { Read::Wrong };
                break;
            }
            Some(Ok(frame)) => {
                let data = frame.into_data().unwrap_or_default();
                if !pattern::is_part(&data, place + got.bytes) {
                    got.read = Read::Wrong;
                    break;
                }
                got.bytes += data.len();
            }
        }
    }
    got
}
