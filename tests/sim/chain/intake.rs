//! What a connection reads of the content, checked as it comes.

use std::{
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use tower::BoxError;
use tower_follow_redirect::{ReplayBody, UploadCancelled};

use super::{
    content::{OneShot, TRAILER},
    journal::{Ending, Sent},
    line::{Line, Reader, wake},
    pattern,
    policies::is_redirect,
    stage::Stage,
};

pub struct Intake {
    body: Option<ReplayBody<OneShot>>,
    /// Whether the content can be asked for more.
    ready: Arc<Ready>,
    /// How often it was not asked, since it was not ready.
    skipped: u32,
    sent: usize,
    line: Line,
    stage: Rc<Stage>,
}

/// Wakes whoever reads the content, and nobody else: it is read by a task of its own in HTTP/2.
#[derive(Default)]
struct Ready {
    woken: AtomicBool,
    connection: Mutex<Option<Waker>>,
}

impl Ready {
    fn is_read_by(&self, cx: &Context<'_>) {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        *connection = Some(cx.waker().clone());
    }
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner).take();
        wake(connection);
    }
}

/// What came of reading the content.
pub enum Taken {
    Enough,
    /// It is over; the error is the caller's.
    Over(Option<BoxError>),
}

impl Intake {
    /// Prepares to read the content of a request of this number.
    pub fn new(body: ReplayBody<OneShot>, sent: usize, line: &Line, stage: &Rc<Stage>) -> Self {
        let ready = Ready { woken: AtomicBool::new(true), connection: Mutex::default() };
        Self {
            body: Some(body),
            ready: Arc::new(ready),
            skipped: 0,
            sent,
            line: Rc::clone(line),
            stage: Rc::clone(stage),
        }
    }

    /// Reads content until so many bytes have come, or all.
    pub fn poll(&mut self, goal: usize, cx: &mut Context<'_>) -> Poll<Taken> {
        let Some(mut body) = self.body.take() else { return Poll::Ready(Taken::Over(None)) };
        let taken = loop {
            if body.is_end_stream() {
                self.note(|sent| {
                    sent.received.end.get_or_insert(Ending::Complete);
                });
                break Poll::Ready(Taken::Over(None));
            }
            if self.received() >= goal {
                break Poll::Ready(Taken::Enough);
            }
            match self.poll_frame(&mut body, cx) {
                Poll::Pending => break Poll::Pending,
                Poll::Ready(None) => {
                    self.note(|sent| sent.received.end = Some(Ending::Complete));
                    break Poll::Ready(Taken::Over(None));
                }
                Poll::Ready(Some(Ok(frame))) => self.take(frame),
                Poll::Ready(Some(Err(error))) => break Poll::Ready(self.lose(error)),
            }
        };
        self.body = Some(body);
        taken
    }

    /// Polls the content, unless it is not ready and has not said that it is.
    ///
    /// Now and then it is polled all the same, by another task: the waker of the last is of no more use.
    fn poll_frame(
        &mut self,
        body: &mut ReplayBody<OneShot>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !self.ready.woken.swap(false, Ordering::SeqCst) {
            self.skipped += 1;
            if self.skipped % 3 != 0 {
                self.ready.is_read_by(cx);
                return Poll::Pending;
            }
            self.ready = Arc::default();
        }
        self.ready.is_read_by(cx);
        let waker = Waker::from(Arc::clone(&self.ready));
        let polled = Pin::new(body).poll_frame(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            self.ready.woken.store(true, Ordering::SeqCst);
        }
        polled
    }

    fn received(&self) -> usize {
        self.stage.journal.borrow().sent[self.sent].received.bytes
    }

    fn take(&mut self, frame: Frame<Bytes>) {
        let (now, reader) = (self.stage.clock.now(), self.line.borrow().reader);
        let mut journal = self.stage.journal.borrow_mut();
        let sent = &mut journal.sent[self.sent];
        let is_left = !sent.answered && reader == Reader::Gone;
        let is_over = sent.status().is_some_and(is_redirect) && reader == Reader::Done;
        let received = &mut sent.received;
        received.first.get_or_insert(now);
        received.outlives |= is_over;
        let place = received.bytes;
        match frame.into_data() {
            Ok(data) if pattern::is_part(&data, place) => received.bytes += data.len(),
            Ok(data) => {
                journal.breaks("content is exact", format!("{} bytes at {place}", data.len()));
            }
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                let is_right = |value| value == TRAILER.1;
                received.trailers =
                    trailers.len() == 1 && trailers.get(TRAILER.0).is_some_and(is_right);
            }
        }
        if is_left {
            journal.breaks("an upload ends with its call", format!("request {}", self.sent));
        }
    }

    /// Notes that there is no more content, since it has failed or was cancelled.
    fn lose(&mut self, error: BoxError) -> Taken {
        let reader = self.line.borrow().reader;
        let mut journal = self.stage.journal.borrow_mut();
        let sent = &mut journal.sent[self.sent];
        let answered = sent.answered;
        if !error.is::<UploadCancelled>() {
            sent.received.end = Some(Ending::Failed);
        } else {
            sent.received.end = Some(Ending::Cancelled);
            if reader == Reader::Waits {
                let how = format!("answered: {answered}, the reader: {reader:?}");
                journal.breaks("a response is read before its upload is cancelled", how);
            }
        }
        Taken::Over(Some(error))
    }

    /// Drops what is left of the content.
    pub fn close(&mut self, ending: Ending) {
        self.note(|sent| {
            sent.received.end.get_or_insert(ending);
        });
        self.body = None;
        self.ready = Arc::default();
    }

    fn note(&self, note: impl FnOnce(&mut Sent)) {
        note(&mut self.stage.journal.borrow_mut().sent[self.sent]);
    }
}
