//! Every order in which a transport, the next hop's transport, the server's signals and the chain
//! can act upon one upload, also while a poll has the caller's body.

use std::{
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use http_body::{Body, Frame};

use super::{
    BodyFactory, Capacity, Ends, Patience, Prepared, ReplayBody, Resend, Successor, Upload,
    upload::{CancelUpload, Control},
};
use crate::{BoxError, rules::method::Content};

/// Plays one order after the other: each decision is the next number of a path.
#[derive(Default)]
struct Path {
    taken: Vec<(usize, usize)>,
    at: usize,
}

impl Path {
    fn choose(&mut self, options: usize) -> usize {
        if self.at == self.taken.len() {
            self.taken.push((0, options));
        }
        let (choice, among) = self.taken[self.at];
        assert_eq!(among, options, "the world is deterministic");
        self.at += 1;
        choice
    }

    /// Goes on to the next path; says whether there is one.
    fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some((choice, options)) = self.taken.pop() {
            if choice + 1 < options {
                self.taken.push((choice + 1, options));
                return true;
            }
        }
        false
    }
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The transport of one hop.
struct Transport {
    body: Option<ReplayBody<Source>>,
    woken: Arc<Flag>,
    content: String,
    end: Option<Result<(), String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Follow,
    HandOver,
    Forbid,
}

#[derive(Clone, Copy, Debug)]
struct Setting {
    fate: Fate,
    parked: bool,
    /// What `100 Continue` says.
    successor: Successor,
    factory: bool,
    limit: u64,
    fails: bool,
    /// How often the source is not ready at first.
    pending: usize,
}

struct World {
    setting: Setting,
    path: Mutex<Path>,
    upload: Mutex<Option<Upload<Source>>>,
    control: Mutex<Option<Arc<dyn Control>>>,
    cancel: Mutex<Option<CancelUpload>>,
    transports: [Mutex<Transport>; 2],
    polling: [AtomicBool; 2],
    /// 0: sent, 1: held, 2: decided.
    stage: AtomicUsize,
    prepared: Mutex<Option<Prepared<Source>>>,
    refused: AtomicBool,
    signalled: AtomicBool,
    /// Whether the transport has dropped the callback that has heard the signal.
    answered: AtomicBool,
    sources: AtomicUsize,
    asleep: Mutex<Option<Waker>>,
    budget: AtomicUsize,
    log: Mutex<Vec<String>>,
}

/// The caller's body: two frames, while each of which anything may happen.
struct Source {
    world: Arc<World>,
    left: usize,
    pending: usize,
}

impl Source {
    fn new(world: &Arc<World>) -> Self {
        world.sources.fetch_add(1, Ordering::SeqCst);
        Self { world: Arc::clone(world), left: 2, pending: world.setting.pending }
    }
}

impl Body for Source {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let world = Arc::clone(&self.world);
        while world.act(true) {}
        if self.pending > 0 {
            self.pending -= 1;
            *world.asleep.lock().unwrap() = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if self.left == 0 {
            return Poll::Ready(world.setting.fails.then(|| Err("disk".into())));
        }
        self.left -= 1;
        let data = if self.left == 1 { "a" } else { "b" };
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(data.as_bytes())))))
    }
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Poll(usize),
    Ready,
    Signal,
    /// The transport has the final response, and has told nobody else yet.
    Answered,
    Chain,
}

impl World {
    fn new(setting: Setting, path: Path) -> Arc<Self> {
        let transport = || {
            let woken = Arc::new(Flag::default());
            Mutex::new(Transport { body: None, woken, content: String::new(), end: None })
        };
        let world = Arc::new(Self {
            setting,
            path: Mutex::new(path),
            upload: Mutex::default(),
            control: Mutex::default(),
            cancel: Mutex::default(),
            transports: [transport(), transport()],
            polling: Default::default(),
            stage: AtomicUsize::new(0),
            prepared: Mutex::default(),
            refused: AtomicBool::new(false),
            signalled: AtomicBool::new(!setting.parked),
            answered: AtomicBool::new(!setting.parked),
            sources: AtomicUsize::new(0),
            asleep: Mutex::default(),
            budget: AtomicUsize::new(40),
            log: Mutex::default(),
        });
        let weak = Arc::clone(&world);
        let factory = setting.factory.then(|| BodyFactory::new(move || Source::new(&weak)));
        let upload = Upload::new(Source::new(&world), Capacity::memory(setting.limit), factory);
        let patience = setting.parked.then_some(Patience::UntilAnswered);
        world.begin(0, upload.body(0, patience));
        *world.control.lock().unwrap() = upload.control();
        *world.upload.lock().unwrap() = Some(upload);
        world
    }

    fn begin(&self, hop: usize, body: ReplayBody<Source>) {
        let mut transport = self.transports[hop].lock().unwrap();
        transport.body = Some(body);
        transport.woken.0.store(true, Ordering::SeqCst);
    }

    fn possible(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for hop in 0..2 {
            if self.polling[hop].load(Ordering::SeqCst) {
                continue;
            }
            let transport = self.transports[hop].lock().unwrap();
            if transport.body.is_some() && transport.woken.0.load(Ordering::SeqCst) {
                actions.push(Action::Poll(hop));
            }
        }
        if self.asleep.lock().unwrap().is_some() {
            actions.push(Action::Ready);
        }
        if !self.signalled.load(Ordering::SeqCst) {
            actions.push(Action::Signal);
        } else if !self.answered.load(Ordering::SeqCst) && self.stage.load(Ordering::SeqCst) == 0 {
            // Before the chain has the response: the transport has it first.
            actions.push(Action::Answered);
        }
        if self.stage.load(Ordering::SeqCst) < 3 {
            actions.push(Action::Chain);
        }
        actions
    }

    /// Lets one thing happen that can, or nothing where `may_rest`. Says whether anything did.
    fn act(self: &Arc<Self>, may_rest: bool) -> bool {
        let actions = self.possible();
        if actions.is_empty() || self.budget.load(Ordering::SeqCst) == 0 {
            return false;
        }
        let choice = self.path.lock().unwrap().choose(actions.len() + usize::from(may_rest));
        let Some(action) = actions.get(choice.wrapping_sub(usize::from(may_rest))) else {
            return false;
        };
        self.budget.fetch_sub(1, Ordering::SeqCst);
        self.log.lock().unwrap().push(format!("{action:?}"));
        match *action {
            Action::Poll(hop) => self.poll(hop),
            Action::Ready => {
                let waker = self.asleep.lock().unwrap().take();
                waker.unwrap().wake();
            }
            Action::Signal => {
                self.signalled.store(true, Ordering::SeqCst);
                let control = self.control.lock().unwrap().clone();
                if let Some(control) = control {
                    control.proceed(0, self.setting.successor);
                }
            }
            Action::Answered => {
                self.answered.store(true, Ordering::SeqCst);
                let control = self.control.lock().unwrap().clone();
                if let Some(control) = control {
                    control.answered(0);
                }
            }
            Action::Chain => self.chain(),
        }
        true
    }

    fn poll(self: &Arc<Self>, hop: usize) {
        let (mut body, woken) = {
            let mut transport = self.transports[hop].lock().unwrap();
            (transport.body.take().unwrap(), Arc::clone(&transport.woken))
        };
        woken.0.store(false, Ordering::SeqCst);
        self.polling[hop].store(true, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&woken));
        let polled = pin!(&mut body).poll_frame(&mut Context::from_waker(&waker));
        self.polling[hop].store(false, Ordering::SeqCst);
        self.log.lock().unwrap().push(format!("hop {hop} got {polled:?}"));
        let mut transport = self.transports[hop].lock().unwrap();
        match polled {
            Poll::Pending => transport.body = Some(body),
            Poll::Ready(Some(Ok(frame))) => {
                let data = frame.into_data().unwrap();
                transport.content.push_str(std::str::from_utf8(&data).unwrap());
                if body.is_end_stream() {
                    transport.end = Some(Ok(()));
                } else {
                    transport.body = Some(body);
                    woken.0.store(true, Ordering::SeqCst);
                }
            }
            Poll::Ready(Some(Err(error))) => transport.end = Some(Err(error.to_string())),
            Poll::Ready(None) => transport.end = Some(Ok(())),
        }
    }

    /// A response arrives; it is decided; the call goes on, or the caller has read the response.
    fn chain(self: &Arc<Self>) {
        let stage = self.stage.fetch_add(1, Ordering::SeqCst);
        let mut upload = self.upload.lock().unwrap().take().unwrap();
        if stage < 2 && !self.polling[0].load(Ordering::SeqCst) {
            let taken = self.transports[0].lock().unwrap().content.len();
            assert_eq!(upload.sent(), taken as u64, "{:#?}", self.log.lock().unwrap());
        }
        match (stage, self.setting.fate) {
            (0, _) => upload.hold(),
            (1, Fate::Follow) => match upload.resend() {
                Resend::Impossible => self.refused.store(true, Ordering::SeqCst),
                _ => {
                    let prepared = upload.prepare(Content::Keep).unwrap();
                    *self.prepared.lock().unwrap() = Some(prepared);
                }
            },
            (2, Fate::Follow) if !self.refused.load(Ordering::SeqCst) => {
                let prepared = self.prepared.lock().unwrap().take().unwrap();
                let hop = upload.advance(prepared);
                self.begin(1, upload.body(hop, None));
            }
            (1, fate) => {
                let ends = if fate == Fate::Forbid { Ends::WithResponse } else { Ends::ByItself };
                let cancel = upload.hand_over(ends);
                *self.cancel.lock().unwrap() = cancel;
            }
            _ => {
                let cancel = self.cancel.lock().unwrap().take();
                drop(cancel);
                drop(upload);
                return;
            }
        }
        *self.upload.lock().unwrap() = Some(upload);
    }

    /// Nothing can happen any more: has it all come to its end?
    fn check(&self) {
        let context = || format!("{:?}\n{:#?}", self.setting, self.log.lock().unwrap());
        assert_ne!(self.budget.load(Ordering::SeqCst), 0, "it ends: {}", context());
        let [first, second] = [0, 1].map(|hop| {
            let transport = self.transports[hop].lock().unwrap();
            (transport.body.is_some(), transport.content.clone(), transport.end.clone())
        });
        assert!(!first.0, "the first hop hangs: {}", context());
        let refused = self.refused.load(Ordering::SeqCst);
        match self.setting.fate {
            Fate::Follow if !refused => {
                assert!(!second.0, "the second hop hangs: {}", context());
                assert!("ab".starts_with(&first.1), "{}", context());
                let complete = match &second.2 {
                    Some(Ok(())) => !self.setting.fails && second.1 == "ab",
                    Some(Err(error)) => self.setting.fails && !error.contains("cancelled"),
                    None => false,
                };
                assert!(complete, "{second:?} {}", context());
            }
            Fate::HandOver if !self.setting.parked => {
                let expected = if self.setting.fails { Err("disk".to_owned()) } else { Ok(()) };
                assert_eq!((first.1, first.2), ("ab".into(), Some(expected)), "{}", context());
            }
            _ => {
                assert!("ab".starts_with(&first.1), "{}", context());
                let whole = first.2 == Some(Ok(()));
                assert!(!whole || first.1 == "ab" && !self.setting.fails, "{}", context());
            }
        }
    }
}

#[test]
fn no_order_of_events_loses_a_byte_or_a_wake_up() {
    let mut count = 0_u64;
    for fate in [Fate::Follow, Fate::HandOver, Fate::Forbid] {
        for bits in 0..64 {
            let [parked, factory, small, fails, slow, last] =
                [0, 1, 2, 3, 4, 5].map(|n| bits >> n & 1 == 1);
            let successor = match (parked, last) {
                (_, false) => Successor::Possible,
                (true, true) => Successor::Excluded,
                // Nobody says it.
                (false, true) => continue,
            };
            let limit = if small { 0 } else { 100 };
            let pending = usize::from(slow);
            let setting = Setting { fate, parked, successor, factory, limit, fails, pending };
            let mut path = Path::default();
            loop {
                let world = World::new(setting, path);
                while world.act(false) {}
                world.check();
                count += 1;
                path = std::mem::take(&mut *world.path.lock().unwrap());
                // The factory and the world know each other.
                drop(world.upload.lock().unwrap().take());
                if !path.advance() {
                    break;
                }
            }
        }
    }
    println!("{count} orders");
}
