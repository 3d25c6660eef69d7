//! Whatever happens to an upload, in any order: a hop gets the source's bytes, or an error.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use proptest::prelude::*;

use super::{
    BodyFactory, Capacity, Ends, Patience, ReplayBody, Resend, Successor, Upload, UploadCancelled,
};
use crate::{BoxError, rules::method::Content};

/// What the caller sends.
#[derive(Clone, Debug)]
struct Source {
    frames: Vec<Bytes>,
    end: End,
    at: usize,
    dropped: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Plain,
    Trailers,
    Failure,
}

impl Body for Source {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let at = self.at;
        self.at += 1;
        Poll::Ready(match (self.frames.get(at), self.end) {
            (Some(frame), _) => Some(Ok(Frame::data(frame.clone()))),
            (None, End::Trailers) if at == self.frames.len() => {
                Some(Ok(Frame::trailers(HeaderMap::new())))
            }
            (None, End::Failure) => Some(Err("disk".into())),
            (None, End::Plain | End::Trailers) => None,
        })
    }

    /// Knows its end in time, as most bodies do.
    fn is_end_stream(&self) -> bool {
        let frames = self.frames.len();
        match self.end {
            End::Plain => self.at >= frames,
            End::Trailers => self.at > frames,
            End::Failure => false,
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// The transport of the current hop asks for more, until it gets it.
    Read,
    /// It asks once, or that of a hop so many before it does.
    Poll(usize),
    /// A transport drops its body.
    Drop(usize),
    /// The server says `100 Continue`.
    Continue(Successor),
    /// A response arrives.
    Hold,
    /// It is a redirect, which is followed; the next hop is parked or not.
    Redirect { parked: bool },
    /// The call is dropped.
    Cancel,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        8 => Just(Event::Read),
        4 => Just(Event::Poll(0)),
        2 => (1..4_usize).prop_map(Event::Poll),
        1 => (0..4_usize).prop_map(Event::Drop),
        2 => Just(Event::Continue(Successor::Possible)),
        1 => Just(Event::Continue(Successor::Excluded)),
        1 => Just(Event::Hold),
        3 => any::<bool>().prop_map(|parked| Event::Redirect { parked }),
    ];
    let last = prop_oneof![3 => Just(None), 1 => Just(Some(Event::Cancel))];
    (prop::collection::vec(event, 0..40), last)
        .prop_map(|(events, last)| events.into_iter().chain(last).collect())
}

#[derive(Clone, Debug)]
struct Case {
    frames: Vec<Bytes>,
    end: End,
    memory: u64,
    spill: Option<u64>,
    factory: bool,
    parked: bool,
    events: Vec<Event>,
}

fn cases() -> impl Strategy<Value = Case> {
    let frames = prop::collection::vec("[a-z]{0,4}".prop_map(Bytes::from), 0..8);
    let end = prop_oneof![4 => Just(End::Plain), 2 => Just(End::Trailers), 1 => Just(End::Failure)];
    let memory = 0..12_u64;
    let spill = prop_oneof![1 => Just(None), 1 => (0..40_u64).prop_map(Some)];
    let switches = (prop::bool::weighted(0.2), any::<bool>());
    (frames, end, memory, spill, switches, events()).prop_map(
        |(frames, end, memory, spill, (factory, parked), events)| Case {
            frames,
            end,
            memory,
            spill,
            factory,
            parked,
            events,
        },
    )
}

/// What one hop's transport has seen.
struct Hop {
    body: Option<ReplayBody<Source>>,
    seen: Vec<u8>,
    trailers: usize,
    end: Option<Result<(), Failure>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    Cancelled,
    Source,
}

impl Hop {
    fn new(body: ReplayBody<Source>) -> Self {
        Self { body: Some(body), seen: Vec::new(), trailers: 0, end: None }
    }

    /// Polls once, or where it may not rest, until it has something.
    async fn poll(&mut self, may_rest: bool) {
        let Some(body) = &mut self.body else { return };
        let polled = poll_fn(|cx| match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Pending if may_rest => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
            Poll::Ready(frame) => Poll::Ready(Some(frame)),
        });
        let polled = tokio::time::timeout(Duration::from_secs(20), polled);
        match polled.await.expect("what may go on does") {
            None => {}
            Some(None) => self.finish(Ok(())),
            Some(Some(Ok(frame))) => {
                match frame.data_ref() {
                    Some(data) => self.seen.extend_from_slice(data),
                    None => self.trailers += 1,
                }
                if self.body.as_ref().is_some_and(ReplayBody::is_end_stream) {
                    self.finish(Ok(()));
                }
            }
            Some(Some(Err(error))) if error.is::<UploadCancelled>() => {
                self.finish(Err(Failure::Cancelled));
            }
            Some(Some(Err(_))) => self.finish(Err(Failure::Source)),
        }
    }

    /// Only the first end counts: after an error, a body has nothing more.
    fn finish(&mut self, end: Result<(), Failure>) {
        self.end = self.end.or(Some(end));
    }
}

/// Whether the current hop may be sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    Parked,
    Held,
}

/// Plays a case, and returns all hops, the last one read to its end.
async fn play(case: &Case, made: &Arc<AtomicUsize>, dropped: &Arc<AtomicUsize>) -> Vec<Hop> {
    let source = {
        let (case, made, dropped) = (case.clone(), Arc::clone(made), Arc::clone(dropped));
        move || {
            made.fetch_add(1, Ordering::SeqCst);
            let dropped = Arc::clone(&dropped);
            Source { frames: case.frames.clone(), end: case.end, at: 0, dropped }
        }
    };
    let factory = case.factory.then(|| BodyFactory::new(source.clone()));
    let capacity = Capacity {
        memory: case.memory,
        #[cfg(feature = "spill")]
        spill: case.spill.map(super::Spill::up_to),
    };
    let patience = |parked: bool| parked.then_some(Patience::UntilAnswered);
    let mut upload = Upload::new(source(), capacity, factory);
    let mut gate = if case.parked { Gate::Parked } else { Gate::Open };
    let mut number = 0;
    let mut hops = vec![Hop::new(upload.body(0, patience(case.parked)))];
    for &event in &case.events {
        let count = hops.len();
        match event {
            Event::Poll(back) | Event::Drop(back) if back >= count => {}
            Event::Read => hops[count - 1].poll(gate != Gate::Open).await,
            Event::Poll(back) => hops[count - 1 - back].poll(back == 0).await,
            Event::Drop(back) => hops[count - 1 - back].body = None,
            Event::Continue(successor) => {
                if let Some(control) = upload.control() {
                    control.proceed(number, successor);
                }
                if gate == Gate::Parked {
                    gate = Gate::Open;
                }
            }
            Event::Hold => {
                upload.hold();
                gate = Gate::Held;
            }
            Event::Redirect { parked } => {
                upload.hold();
                gate = Gate::Held;
                if upload.resend() != Resend::Impossible {
                    number = upload.advance(upload.prepare(Content::Keep).unwrap());
                    hops.push(Hop::new(upload.body(number, patience(parked))));
                    gate = if parked { Gate::Parked } else { Gate::Open };
                }
            }
            Event::Cancel => break,
        }
    }
    if matches!(case.events.last(), Some(Event::Cancel)) {
        drop(upload);
    } else {
        // A final response: what is parked is cancelled, all else is sent.
        let cancel = upload.hand_over(Ends::ByItself);
        drop((cancel, upload));
    }
    let last = hops.last_mut().unwrap();
    while last.body.is_some() && last.end.is_none() {
        last.poll(false).await;
    }
    hops
}

proptest! {
    #[test]
    fn any_order_of_events_gives_the_whole_content_or_an_error(case in cases()) {
        let content = case.frames.concat();
        let (made, dropped) = (Arc::default(), Arc::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let hops = runtime.block_on(play(&case, &made, &dropped));
        let last = hops.len() - 1;
        for (number, hop) in hops.iter().enumerate() {
            prop_assert!(content.starts_with(&hop.seen), "hop {number}: {:?}", hop.seen);
            match hop.end {
                Some(Ok(())) => {
                    prop_assert_eq!(&hop.seen, &content, "hop {} ended early", number);
                    let trailers = usize::from(case.end == End::Trailers);
                    prop_assert_eq!(hop.trailers, trailers, "hop {}", number);
                    prop_assert!(case.end != End::Failure, "hop {} hides the failure", number);
                }
                Some(Err(Failure::Source)) => prop_assert_eq!(case.end, End::Failure),
                Some(Err(Failure::Cancelled)) => {}
                None => prop_assert!(number < last || hop.body.is_none(), "the last hop hangs"),
            }
        }
        drop(hops);
        // What a thread for blocking work has is dropped with it.
        drop(runtime);
        prop_assert_eq!(made.load(Ordering::SeqCst), dropped.load(Ordering::SeqCst));
    }
}
