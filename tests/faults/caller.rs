//! What a caller does with a call, and how it ends.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use http::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::Notify;
use tower_follow_redirect::{Error, Refusal, RefusalKind, ResponseBody};

/// What no trial comes near, unless something hangs.
pub const LONG: Duration = Duration::from_secs(20);

/// What the caller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Reads the response to its end.
    Stays,
    /// Drops the call, or its response, after a while.
    LeavesAfter(Duration),
    /// Drops the call, or its response, so long after a server or a policy gave the signal.
    LeavesAfterSignal(Duration),
    /// Drops the call when it was polled so often.
    LeavesAtPoll(usize),
    /// Drops the response after so many frames, and a moment in which nothing happens.
    LeavesAtFrame(usize),
}

/// How a call ended.
#[derive(Debug)]
pub enum End {
    /// With a response, whose content is its length or what became of it.
    Answered { status: u16, content: Result<usize, String> },
    /// With an error that owned the response.
    Refused { kind: RefusalKind, content: Result<usize, String> },
    /// With an error of the transport.
    Failed(Error<Incoming>),
    /// The caller dropped it.
    Left,
}

impl Caller {
    /// Drives a call as far as this caller does.
    pub async fn call(
        self,
        call: impl Future<Output = Result<Response<ResponseBody<Incoming>>, Error<Incoming>>>,
        signal: &Notify,
    ) -> End {
        match self {
            Self::Stays => staying(call, usize::MAX).await,
            Self::LeavesAtFrame(frames) => staying(call, frames).await,
            Self::LeavesAfter(time) => {
                let staying = staying(call, usize::MAX);
                tokio::time::timeout(time, staying).await.unwrap_or(End::Left)
            }
            Self::LeavesAfterSignal(time) => tokio::select! {
                () = async { signal.notified().await; tokio::time::sleep(time).await } => End::Left,
                end = staying(call, usize::MAX) => end,
            },
            Self::LeavesAtPoll(left) => match (Polls { call: Some(Box::pin(call)), left }).await {
                Some(result) => finished(result, usize::MAX).await,
                None => End::Left,
            },
        }
    }

    /// How long a call may take because of this caller.
    pub fn patience(self) -> Duration {
        match self {
            Self::LeavesAfter(time) | Self::LeavesAfterSignal(time) => time,
            Self::Stays | Self::LeavesAtPoll(_) | Self::LeavesAtFrame(_) => Duration::ZERO,
        }
    }
}

/// Nobody here waits for ever.
async fn staying(
    call: impl Future<Output = Result<Response<ResponseBody<Incoming>>, Error<Incoming>>>,
    frames: usize,
) -> End {
    let staying = async { finished(call.await, frames).await };
    tokio::time::timeout(LONG, staying).await.expect("the call hangs")
}

/// Reads so many frames of what a call has ended with.
async fn finished(
    result: Result<Response<ResponseBody<Incoming>>, Error<Incoming>>,
    frames: usize,
) -> End {
    match result {
        Ok(response) => {
            let refusal = Refusal::of(&response).map(Refusal::kind);
            let status = response.status();
            assert_eq!(refusal.is_some(), status.is_redirection(), "{status} and {refusal:?}");
            let content = read(response, frames).await;
            End::Answered { status: status.as_u16(), content }
        }
        Err(error) => match error.refusal().map(Refusal::kind) {
            Some(kind) => {
                let response = error.into_response().expect("it owns the response");
                assert_eq!(Refusal::of(&response).map(Refusal::kind), Some(kind));
                End::Refused { kind, content: read(response, frames).await }
            }
            None => End::Failed(error),
        },
    }
}

/// Reads so many frames of a response, and drops it.
async fn read(response: Response<ResponseBody<Incoming>>, frames: usize) -> Result<usize, String> {
    let mut body = response.into_body();
    let mut length = 0;
    for _ in 0..frames {
        match body.frame().await {
            Some(Ok(frame)) => length += frame.data_ref().map_or(0, |data| data.len()),
            Some(Err(error)) => return Err(error.to_string()),
            None => return Ok(length),
        }
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    Ok(length)
}

/// Drops a future when it was polled so often.
struct Polls<F> {
    call: Option<Pin<Box<F>>>,
    left: usize,
}

impl<F: Future> Future for Polls<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(left) = self.left.checked_sub(1) else {
            self.call = None;
            return Poll::Ready(None);
        };
        self.left = left;
        let call = self.call.as_mut().expect("it is polled until it is dropped");
        let polled = call.as_mut().poll(cx);
        if polled.is_pending() && left == 0 {
            self.call = None;
            return Poll::Ready(None);
        }
        Poll::Ready(Some(ready!(polled)))
    }
}
