//! What the hops of one upload see, poll by poll.

use std::{
    collections::VecDeque,
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use super::{
    BodyFactory, Capacity, Ends, Patience, ReplayBody, Resend, Successor, Upload, UploadCancelled,
    upload::Prepared,
};
use crate::{
    BoxError,
    rules::method::Content,
    timer::{Deadline, Timer},
};

/// A body of given frames. While a frame is polled, the test can do something to the upload.
struct Script {
    frames: VecDeque<Frame<Bytes>>,
    size: u64,
    interference: Arc<Mutex<Option<Interference>>>,
    dropped: Arc<AtomicUsize>,
}

type Interference = Box<dyn FnMut(usize) + Send>;

impl Script {
    fn new(frames: &[&'static str]) -> Self {
        let data = |text: &&'static str| Frame::data(Bytes::from_static(text.as_bytes()));
        Self {
            frames: frames.iter().map(data).collect(),
            size: frames.iter().map(|frame| frame.len() as u64).sum(),
            interference: Arc::default(),
            dropped: Arc::default(),
        }
    }

    fn with_trailers(mut self) -> Self {
        self.frames.push_back(Frame::trailers(trailers()));
        self
    }
}

fn trailers() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", http::HeaderValue::from_static("1"));
    trailers
}

impl Body for Script {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let left = self.frames.len();
        if let Some(interfere) = &mut *self.interference.lock().unwrap() {
            interfere(left);
        }
        let frame = self.frames.pop_front();
        if let Some(data) = frame.as_ref().and_then(Frame::data_ref) {
            self.size -= data.len() as u64;
        }
        Poll::Ready(frame.map(Ok))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.size)
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

type FrameResult = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

fn poll_with<B>(body: &mut ReplayBody<B>, waker: &Waker) -> FrameResult
where
    B: Body<Error: Into<BoxError>>,
{
    pin!(body).poll_frame(&mut Context::from_waker(waker))
}

/// What a poll gives, in a word.
fn poll<B>(body: &mut ReplayBody<B>) -> String
where
    B: Body<Error: Into<BoxError>>,
{
    match poll_with(body, Waker::noop()) {
        Poll::Pending => "pending".into(),
        Poll::Ready(None) => "end".into(),
        Poll::Ready(Some(Err(error))) if error.is::<UploadCancelled>() => "cancelled".into(),
        Poll::Ready(Some(Err(error))) => format!("error: {error}"),
        Poll::Ready(Some(Ok(frame))) => match frame.data_ref() {
            Some(data) => String::from_utf8(data.to_vec()).unwrap(),
            None => "trailers".into(),
        },
    }
}

fn all<B>(body: &mut ReplayBody<B>) -> Vec<String>
where
    B: Body<Error: Into<BoxError>>,
{
    let mut found = Vec::new();
    loop {
        match poll(body) {
            end if end == "end" => return found,
            stuck if stuck == "pending" => panic!("pending after {found:?}"),
            frame => found.push(frame),
        }
    }
}

fn upload(body: Script, limit: u64) -> (Upload<Script>, ReplayBody<Script>) {
    let upload = Upload::new(body, Capacity::memory(limit), None);
    let first = upload.body(0, None);
    (upload, first)
}

fn next<B: Body>(upload: &mut Upload<B>) -> ReplayBody<B> {
    let prepared = upload.prepare(Content::Keep).unwrap();
    let hop = upload.advance(prepared);
    upload.body(hop, None)
}

#[test]
fn a_body_that_was_never_polled_moves_on_whole() {
    let (mut upload, mut first) = upload(Script::new(&["ab", "c"]), 0);
    assert_eq!(upload.resend(), Resend::Unsent);
    let mut second = next(&mut upload);
    assert_eq!(poll(&mut first), "cancelled");
    assert_eq!(poll(&mut first), "end");
    assert_eq!(all(&mut second), ["ab", "c"]);
}

#[test]
fn what_was_sent_is_sent_again_and_then_the_rest() {
    let (mut upload, mut first) = upload(Script::new(&["a", "b", "c"]).with_trailers(), 100);
    assert_eq!((poll(&mut first), poll(&mut first)), ("a".into(), "b".into()));
    assert_eq!(upload.resend(), Resend::Recorded);
    let mut second = next(&mut upload);
    assert_eq!(poll(&mut second), "a");
    let mut third = next(&mut upload);
    assert_eq!(all(&mut third), ["a", "b", "c", "trailers"]);
    let mut fourth = next(&mut upload);
    assert_eq!(all(&mut fourth), ["a", "b", "c", "trailers"]);
    assert_eq!((poll(&mut first), poll(&mut second)), ("cancelled".into(), "cancelled".into()));
}

#[test]
fn size_hints_are_exact_on_every_hop() {
    let (mut upload, mut first) = upload(Script::new(&["ab", "c"]), 100);
    let hint = |body: &ReplayBody<Script>| (body.size_hint().exact(), body.is_end_stream());
    assert_eq!(hint(&first), (Some(3), false));
    poll(&mut first);
    assert_eq!(hint(&first), (Some(1), false));
    let mut second = next(&mut upload);
    assert_eq!(hint(&second), (Some(3), false));
    assert_eq!(all(&mut second), ["ab", "c"]);
    assert_eq!(hint(&second), (Some(0), true));
}

#[test]
fn past_the_limit_it_is_gone() {
    let (upload, mut first) = upload(Script::new(&["abc", "d", "e"]), 3);
    assert_eq!(poll(&mut first), "abc");
    assert_eq!(upload.resend(), Resend::Recorded);
    assert_eq!(poll(&mut first), "d");
    assert_eq!(upload.resend(), Resend::Impossible);
    assert_eq!(all(&mut first), ["e"]);
}

#[test]
fn content_of_one_frame_knows_no_limit() {
    let (mut upload, mut first) = upload(Script::new(&["abcdef"]).with_trailers(), 0);
    assert_eq!(all(&mut first), ["abcdef", "trailers"]);
    assert_eq!(upload.resend(), Resend::Recorded);
    assert_eq!(all(&mut next(&mut upload)), ["abcdef", "trailers"]);
}

#[test]
fn trailers_survive_when_nothing_is_kept() {
    let (_upload, mut first) = upload(Script::new(&["a", "b"]).with_trailers(), 0);
    assert_eq!(all(&mut first), ["a", "b", "trailers"]);
}

#[test]
fn bytes_are_not_copied() {
    let content = Bytes::from(vec![7; 1 << 20]);
    let upload = Upload::new(Full::new(content.clone()), Capacity::memory(0), None);
    let mut first = upload.body(0, None);
    let Poll::Ready(Some(Ok(frame))) = poll_with(&mut first, Waker::noop()) else { panic!() };
    assert_eq!(frame.data_ref().unwrap().as_ptr(), content.as_ptr());
    assert!(first.is_end_stream());
}

#[test]
fn a_factory_makes_it_anew_only_if_it_must() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let factory = BodyFactory::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Script::new(&["ab", "c", "d"])
    });
    let mut upload =
        Upload::new(Script::new(&["ab", "c", "d"]), Capacity::memory(0), Some(factory));
    let _unread = upload.body(0, None);
    let mut second = next(&mut upload);
    assert_eq!(made.load(Ordering::SeqCst), 0);
    assert_eq!((poll(&mut second), poll(&mut second)), ("ab".into(), "c".into()));
    assert_eq!(upload.resend(), Resend::Recorded);
    assert_eq!(all(&mut next(&mut upload)), ["ab", "c", "d"]);
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

#[test]
fn a_factory_that_fails_says_so_before_anything_is_cancelled() {
    let factory = BodyFactory::fallible(|| Err::<Script, _>("the file is gone"));
    let upload = Upload::new(Script::new(&["a", "b"]), Capacity::memory(0), Some(factory));
    let mut first = upload.body(0, None);
    assert_eq!(poll(&mut first), "a");
    let error = upload.prepare(Content::Keep).err().unwrap();
    assert_eq!(error.to_string(), "the file is gone");
    assert_eq!(poll(&mut first), "b");
}

#[test]
fn dropped_content_leaves_an_empty_body() {
    let script = Script::new(&["a", "b"]);
    let dropped = Arc::clone(&script.dropped);
    let (mut upload, mut first) = upload(script, 100);
    let hop = upload.advance(upload.prepare(Content::Drop).unwrap());
    let mut second = upload.body(hop, None);
    assert!(second.is_end_stream());
    assert_eq!(second.size_hint().exact(), Some(0));
    assert_eq!((poll(&mut second), poll(&mut first)), ("end".into(), "cancelled".into()));
    assert_eq!(upload.resend(), Resend::NoContent);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[test]
fn a_parked_upload_sends_nothing_until_it_may() {
    let upload = Upload::new(Script::new(&["a"]), Capacity::memory(100), None);
    let patience = Patience::Until(Box::new(Deadline::new(&Timer::Tokio, Duration::from_secs(1))));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _guard = runtime.enter();
    let mut first = upload.body(0, Some(patience));
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    assert!(poll_with(&mut first, &waker).is_pending());
    assert_eq!(upload.resend(), Resend::Unsent);

    upload.control().unwrap().proceed(1, Successor::Possible);
    assert!(poll_with(&mut first, &waker).is_pending(), "that was about another hop");
    upload.control().unwrap().proceed(0, Successor::Possible);
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert_eq!(poll(&mut first), "a");
}

/// A piece of content that shows, by the count of its references, whether it is still held.
struct Piece(#[expect(dead_code, reason = "it is counted")] Arc<()>);

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        b"abc"
    }
}

#[test]
fn where_a_100_decides_what_is_sent_is_let_go() {
    for (successor, held, resend) in
        [(Successor::Possible, 3, Resend::Recorded), (Successor::Excluded, 0, Resend::Impossible)]
    {
        let pieces = Arc::new(());
        let mut script = Script::new(&[]);
        script.size = 9;
        let piece = || Frame::data(Bytes::from_owner(Piece(Arc::clone(&pieces))));
        script.frames = [piece(), piece(), piece()].into();
        let mut upload = Upload::new(script, Capacity::memory(100), None);
        // The first hop has recorded two.
        let mut first = upload.body(0, None);
        assert_eq!((poll(&mut first), poll(&mut first)), ("abc".into(), "abc".into()));
        let hop = upload.advance(upload.prepare(Content::Keep).unwrap());
        let mut second = upload.body(hop, Some(Patience::UntilAnswered));
        assert_eq!(poll(&mut second), "pending");
        upload.control().unwrap().proceed(hop, successor);
        assert_eq!(all(&mut second), ["abc", "abc", "abc"]);
        assert_eq!(Arc::strong_count(&pieces) - 1, held, "{successor:?}");
        assert_eq!(upload.resend(), resend);
    }
}

#[test]
fn what_a_100_decides_is_about_its_own_hop() {
    let mut upload = Upload::new(Script::new(&["a", "b"]), Capacity::memory(100), None);
    let first = upload.body(0, Some(Patience::UntilAnswered));
    upload.control().unwrap().proceed(0, Successor::Excluded);
    // The server redirects all the same, before anything was read.
    upload.hold();
    assert_eq!(upload.resend(), Resend::Unsent);
    let mut second = next(&mut upload);
    assert_eq!(poll(&mut second), "a");
    assert_eq!(upload.resend(), Resend::Recorded);
    assert_eq!(all(&mut next(&mut upload)), ["a", "b"]);
    drop(first);
}

#[test]
fn outside_a_runtime_nothing_is_waited_for() {
    let upload = Upload::new(Script::new(&["a"]), Capacity::memory(100), None);
    let patience = Patience::Until(Box::new(Deadline::new(&Timer::Tokio, Duration::from_secs(1))));
    let mut first = upload.body(0, Some(patience));
    assert_eq!(poll(&mut first), "a");
}

#[test]
fn a_transport_that_reports_nothing_is_not_waited_for_unless_it_has_begun() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _guard = runtime.enter();
    let patience =
        || Some(Patience::Until(Box::new(Deadline::new(&Timer::Tokio, Duration::from_secs(1)))));

    let before = Upload::new(Script::new(&["a"]), Capacity::memory(100), None);
    let mut first = before.body(0, patience());
    before.control().unwrap().unreported(0);
    assert_eq!(poll(&mut first), "a");

    let begun = Upload::new(Script::new(&["a"]), Capacity::memory(100), None);
    let mut first = begun.body(0, patience());
    assert_eq!(poll(&mut first), "pending");
    begun.control().unwrap().unreported(0);
    assert_eq!(poll(&mut first), "pending");
}

#[test]
fn the_waker_of_an_upload_that_ends_is_woken() {
    type End = fn(Upload<Script>);
    let ends: [(&str, End); 3] = [
        ("redirected", |mut upload| drop(next(&mut upload))),
        ("dropped", drop),
        ("its response dropped", |mut upload| drop(upload.hand_over(Ends::WithResponse))),
    ];
    for (name, end) in ends {
        let (upload, mut first) = upload(Script::new(&["a", "b"]), 100);
        assert_eq!(poll(&mut first), "a");
        upload.hold();
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        assert!(poll_with(&mut first, &waker).is_pending(), "{name}");
        end(upload);
        assert!(wakes.0.load(Ordering::SeqCst) >= 1, "{name}");
        assert_eq!(poll(&mut first), "cancelled", "{name}");
    }
}

#[test]
fn an_answer_lets_the_upload_go_on_and_a_redirect_ends_it() {
    for (ends, expected) in [(Ends::ByItself, "b"), (Ends::WithResponse, "b")] {
        let (mut upload, mut first) = upload(Script::new(&["a", "b", "c"]), 100);
        assert_eq!(poll(&mut first), "a");
        upload.hold();
        assert_eq!(poll(&mut first), "pending");
        let cancel = upload.hand_over(ends);
        assert_eq!(poll(&mut first), expected, "it goes on while the response is read");
        drop(upload);
        drop(cancel);
        let expected = if ends == Ends::ByItself { "c" } else { "cancelled" };
        assert_eq!(poll(&mut first), expected, "{ends:?}");
    }
}

/// Runs a hop whose source is interfered with while it is polled, as another thread would.
fn interfere(
    limit: u64,
    at: usize,
    action: impl Fn(&mut Upload<Script>) -> Option<ReplayBody<Script>> + Send + 'static,
) -> (Vec<String>, Option<Vec<String>>) {
    let script = Script::new(&["a", "b", "c"]);
    let interference = Arc::clone(&script.interference);
    let (upload, mut first) = upload(script, limit);
    let upload = Arc::new(Mutex::new(upload));
    let other = Arc::new(Mutex::new(None));
    let (shared, made) = (Arc::clone(&upload), Arc::clone(&other));
    *interference.lock().unwrap() = Some(Box::new(move |left| {
        if left == at {
            *made.lock().unwrap() = action(&mut shared.lock().unwrap());
        }
    }));
    let mut seen = Vec::new();
    loop {
        let found = poll(&mut first);
        let over = ["end", "pending", "cancelled"].contains(&found.as_str());
        seen.push(found);
        if over {
            break;
        }
    }
    *interference.lock().unwrap() = None;
    let other = other.lock().unwrap().take();
    let taken =
        if other.is_some() { 0 } else { seen.iter().filter(|found| found.len() == 1).count() };
    assert_eq!(upload.lock().unwrap().sent(), taken as u64, "{seen:?}");
    (seen, other.map(|mut other| all(&mut other)))
}

#[test]
fn a_hop_that_takes_over_during_a_poll_gets_every_byte_once() {
    for at in [3, 2, 1] {
        let (first, second) = interfere(100, at, |upload| Some(next(upload)));
        assert_eq!(first.last().unwrap(), "cancelled", "{first:?}");
        assert_eq!(second.unwrap(), ["a", "b", "c"], "with {at} frames left");
    }
}

#[test]
fn what_is_taken_while_a_response_arrives_is_remembered_past_the_limit() {
    // The second frame passes the limit; the redirect arrives while it is polled.
    let (first, second) = interfere(1, 2, |upload| {
        upload.hold();
        assert_eq!(upload.resend(), Resend::Recorded);
        Some(next(upload))
    });
    assert_eq!(first, ["a", "cancelled"]);
    assert_eq!(second.unwrap(), ["a", "b", "c"]);
}

#[test]
fn what_is_taken_while_it_is_held_is_sent_when_it_goes_on() {
    let (first, _) = interfere(100, 2, |upload| {
        upload.hold();
        None
    });
    assert_eq!(first, ["a", "pending"]);
}

/// A layer inside may keep what signals for as long as it likes.
#[test]
fn a_signal_that_comes_after_the_response_was_handed_over_stops_nothing() {
    let (mut upload, mut first) = upload(Script::new(&["a", "b"]), 100);
    let control = upload.control().unwrap();
    assert!(upload.hand_over(Ends::ByItself).is_none());
    control.answered(0);
    assert_eq!([poll(&mut first), poll(&mut first)], ["a", "b"]);
}

#[test]
fn a_body_that_panics_fails_the_next_hop_too() {
    let script = Script::new(&["a", "b"]);
    let dropped = Arc::clone(&script.dropped);
    *script.interference.lock().unwrap() = Some(Box::new(|_| panic!("of the test")));
    let (mut upload, mut first) = upload(script, 100);
    let panicked = catch_unwind(AssertUnwindSafe(|| poll(&mut first)));
    assert!(panicked.is_err());
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    assert_eq!(poll(&mut next(&mut upload)), "cancelled");
}

/// A body whose `Drop` looks at the upload it belongs to: it would hang under the lock.
struct Curious {
    upload: Arc<Mutex<Option<Arc<dyn super::Control>>>>,
}

impl Body for Curious {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }
}

impl Drop for Curious {
    fn drop(&mut self) {
        if let Some(control) = self.upload.lock().unwrap().take() {
            control.proceed(0, Successor::Possible);
        }
    }
}

#[test]
fn the_callers_body_is_dropped_outside_the_lock() {
    type End = fn(&mut Upload<Curious>, &mut ReplayBody<Curious>);
    let ends: [End; 4] = [
        |_, body| assert_eq!(poll(body), "end"),
        |upload, _| drop(upload.hand_over(Ends::WithResponse)),
        |upload, _| assert_eq!(upload.advance(Prepared::Without), 0),
        |upload, _| {
            let other = Curious { upload: Arc::default() };
            assert_eq!(upload.advance(Prepared::Again(other)), 1);
        },
    ];
    for end in ends {
        let control = Arc::new(Mutex::new(None));
        let mut upload =
            Upload::new(Curious { upload: Arc::clone(&control) }, Capacity::memory(100), None);
        let mut body = upload.body(0, None);
        *control.lock().unwrap() = upload.control();
        end(&mut upload, &mut body);
        assert!(control.lock().unwrap().is_none(), "it was not dropped");
    }
}

#[test]
fn a_body_that_is_only_send_becomes_send_sync_and_unpin() {
    fn check<T: Send + Sync + Unpin>() {}
    struct OnlySend(#[expect(dead_code)] std::cell::Cell<u8>, std::marker::PhantomPinned);
    check::<ReplayBody<OnlySend>>();
}
