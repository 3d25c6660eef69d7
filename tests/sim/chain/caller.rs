//! Makes a call, and says how it has ended.

use std::{pin::pin, rc::Rc, time::Duration};

use http::{Request, Response};
use http_body_util::BodyExt;
use tower_follow_redirect::{
    Error, FollowRedirect, History, Hop, Policy, Refusal, RefusalKind, ResponseBody,
    TooManyInformational, TotalTimeElapsed,
};
use tower_service::Service;

use super::{
    call::Reads,
    connection::RESET,
    content::{FAILED, OneShot},
    line::{CUT, Reply, start},
    pattern,
    stage::Stage,
    transport::{NOT_READY, Transport},
};

/// How a call has ended.
#[derive(Clone, Debug)]
pub struct End {
    pub how: How,
    /// The response that the caller got, with the error or without.
    pub response: Option<Got>,
    /// Whether the redirect that was refused was remembered.
    pub remembered: bool,
    /// The URI that the error or the refusal is about.
    pub about: Option<String>,
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
            let about = Refusal::of(&response).map(|refusal| refusal.uri().to_string());
            (End { how, response: None, remembered: false, about, hops, took }, Some(response))
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
    let about = error.uri().map(ToString::to_string);
    (End { how, response: None, remembered, about, hops, took }, error.into_response())
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
