//! The content of a call, and what is seen of it on its way to the transport.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::vectors::{Content, Kind};

/// The trailer of [`Kind::UnknownWithTrailers`].
pub const TRAILER: (HeaderName, &str) = (HeaderName::from_static("x-checksum"), "42");

/// How much of a stream comes at a time.
const CHUNK: usize = 16 * 1024;

/// After what came, a stream fails so much later: a transport has sent it by then.
const BEFORE_FAILURE: Duration = Duration::from_millis(100);

/// Makes content of so many bytes, of which no part looks like the next.
pub fn content(length: usize) -> Bytes {
    const PERIOD: u8 = 251;
    // A period at a time: byte by byte it would hold up other vectors, whose time is measured.
    let period: Vec<u8> = (0..PERIOD).collect();
    let mut content = period.repeat(length / period.len() + 1);
    content.truncate(length);
    content.into()
}

/// What became of the caller's body, and of each hop's.
#[derive(Default)]
pub struct Log {
    state: Mutex<Logged>,
}

#[derive(Clone, Default)]
pub struct Logged {
    /// How many bodies the caller has made, and how often they were polled.
    pub made: usize,
    pub polls: usize,
    pub dropped: usize,
    pub hops: Vec<Asked>,
}

/// When the transport of one hop asked for content, and when it got some.
#[derive(Clone, Copy, Default)]
pub struct Asked {
    pub first: Option<Instant>,
    pub answered: Option<Instant>,
}

impl Log {
    pub fn read(&self) -> Logged {
        self.state.lock().unwrap().clone()
    }

    fn write<R>(&self, write: impl FnOnce(&mut Logged) -> R) -> R {
        write(&mut self.state.lock().unwrap())
    }
}

/// The caller's body. It cannot be cloned.
pub struct Source {
    frames: VecDeque<Frame<Bytes>>,
    left: SizeHint,
    end: End,
    log: Arc<Log>,
}

enum End {
    Ends,
    Fails(Pin<Box<Sleep>>),
}

impl Source {
    pub fn new(described: Content, log: &Arc<Log>) -> Self {
        log.write(|log| log.made += 1);
        let content = content(described.length);
        let mut frames = VecDeque::new();
        let mut end = End::Ends;
        let mut left = SizeHint::new();
        match described.kind {
            Kind::None => left = SizeHint::with_exact(0),
            Kind::Known => {
                left = SizeHint::with_exact(content.len() as u64);
                frames.extend((!content.is_empty()).then(|| Frame::data(content)));
            }
            Kind::OneShot => {
                left = SizeHint::with_exact(content.len() as u64);
                frames = in_chunks(content);
            }
            Kind::Unknown => frames = in_chunks(content),
            Kind::UnknownWithTrailers => {
                frames = in_chunks(content);
                let (name, value) = TRAILER;
                let trailers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
                frames.push_back(Frame::trailers(trailers));
            }
            // Of unknown length: only then could what was cut off look complete.
            Kind::Failing => {
                frames = in_chunks(content.slice(..content.len() / 2));
                end = End::Fails(Box::pin(sleep(BEFORE_FAILURE)));
            }
        }
        Self { frames, left, end, log: Arc::clone(log) }
    }
}

fn in_chunks(mut content: Bytes) -> VecDeque<Frame<Bytes>> {
    let mut frames = VecDeque::new();
    while !content.is_empty() {
        frames.push_back(Frame::data(content.split_to(CHUNK.min(content.len()))));
    }
    frames
}

impl Body for Source {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.log.write(|log| log.polls += 1);
        if let Some(frame) = self.frames.pop_front() {
            if let (Some(left), Some(data)) = (self.left.exact(), frame.data_ref()) {
                self.left = SizeHint::with_exact(left - data.len() as u64);
            }
            if let End::Fails(sleep) = &mut self.end {
                sleep.as_mut().reset(tokio::time::Instant::now() + BEFORE_FAILURE);
            }
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut self.end {
            End::Ends => Poll::Ready(None),
            End::Fails(sleep) => {
                ready!(sleep.as_mut().poll(cx));
                Poll::Ready(Some(Err(io::Error::other("the disk is gone"))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.log.write(|log| log.dropped += 1);
    }
}

/// The body of one hop, as the transport gets it.
///
/// The server's clock starts when it notices the head, which on a busy machine is late. How long
/// content was held back at least is measured here, where it is held back.
pub struct Measured<B> {
    body: B,
    hop: usize,
    log: Arc<Log>,
}

impl<B> Measured<B> {
    pub fn new(body: B, log: &Arc<Log>) -> Self {
        let hop = log.write(|log| {
            log.hops.push(Asked::default());
            log.hops.len() - 1
        });
        Self { body, hop, log: Arc::clone(log) }
    }

    fn note(&self, note: impl FnOnce(&mut Asked)) {
        self.log.write(|log| note(&mut log.hops[self.hop]));
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Measured<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.note(|asked| {
            asked.first.get_or_insert_with(Instant::now);
        });
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if matches!(&frame, Some(Ok(frame)) if frame.is_data()) {
            self.note(|asked| {
                asked.answered.get_or_insert_with(Instant::now);
            });
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
