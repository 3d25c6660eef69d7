//! The transport of one hop.

use std::{
    mem,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Weak},
    task::{Poll, Wake, Waker, ready},
};

use loom::{
    sync::Notify,
    thread::{self, JoinHandle},
};

use crate::{
    handover::{Handover, Progress, Standing, Successor, Turn},
    lock::Lock,
    tape::{Tape, TapePanicked},
};

/// Sends one hop's items, as `ReplayBody` gives them.
pub(crate) struct Transport {
    handover: Arc<Handover<Tape>>,
    hop: u32,
    position: usize,
    patience: Patience,
    wakers: Wakers,
    task: Task,
    told: Option<Arc<Lock<Told>>>,
    signal: Arc<Signal>,
}

/// What the chain has done to the current hop, as it tells when it has done it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Nothing,
    Held,
    Over,
}

/// The task that polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Stays,
    /// Another task polls as soon as one has to wait.
    Changes,
}

/// How long `100 Continue` is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    Endless,
    /// The time is up at the first poll.
    None,
}

/// What the wakers of a transport do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wakers {
    Wake,
    /// They look at the hand-over when they are called, and when they are dropped.
    Watch,
}

/// What became of a hop.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) items: Vec<usize>,
    pub(crate) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All is sent.
    Whole,
    /// A later hop has taken over, or all is over.
    Over,
    Panicked,
}

impl Sent {
    pub(crate) fn all(length: usize) -> Self {
        Self { items: (0..length).collect(), end: End::Whole }
    }

    /// Panics unless the items are the first ones, each once and in order.
    pub(crate) fn assert_prefix(&self) {
        assert!(self.items.iter().copied().eq(0..self.items.len()), "{self:?}");
    }
}

impl Transport {
    pub(crate) fn new(handover: &Arc<Handover<Tape>>, hop: u32) -> Self {
        Self {
            handover: Arc::clone(handover),
            hop,
            position: 0,
            patience: Patience::Endless,
            wakers: Wakers::Wake,
            task: Task::Stays,
            told: None,
            signal: Arc::new(Signal(Notify::new())),
        }
    }

    pub(crate) fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    pub(crate) fn watches(mut self) -> Self {
        self.wakers = Wakers::Watch;
        self
    }

    pub(crate) fn changes_its_task(mut self) -> Self {
        self.task = Task::Changes;
        self
    }

    /// Checks each poll against what was told before it gave the value back.
    pub(crate) fn told(mut self, told: &Arc<Lock<Told>>) -> Self {
        self.told = Some(Arc::clone(told));
        self
    }

    pub(crate) fn spawn(self) -> JoinHandle<Sent> {
        thread::spawn(move || self.run())
    }

    pub(crate) fn run(mut self) -> Sent {
        let mut items = Vec::new();
        let end = loop {
            match panic::catch_unwind(AssertUnwindSafe(|| self.poll())) {
                Ok(Poll::Pending) => match mem::replace(&mut self.task, Task::Stays) {
                    Task::Stays => self.signal.0.wait(),
                    // Nobody listens to the waker of the first any more.
                    Task::Changes => self.signal = Arc::new(Signal(Notify::new())),
                },
                Ok(Poll::Ready(Step::Item(item))) => items.push(item),
                Ok(Poll::Ready(Step::Last(item))) => {
                    items.extend(item);
                    break End::Whole;
                }
                Ok(Poll::Ready(Step::Over)) => break End::Over,
                Err(panic) if panic.is::<TapePanicked>() => break End::Panicked,
                // An assertion of ours, or of loom.
                Err(panic) => panic::resume_unwind(panic),
            }
        };
        if end == End::Over {
            let again = self.handover.take(self.hop, &self.waker());
            assert!(matches!(again, Turn::Over), "what is over stays so");
        }
        Sent { items, end }
    }

    /// Does what `ReplayBody::poll_frame` does.
    fn poll(&mut self) -> Poll<Step> {
        let waker = self.waker();
        let mut loan = loop {
            match self.handover.take(self.hop, &waker) {
                Turn::Yours(loan) => break loan,
                Turn::Wait => return Poll::Pending,
                Turn::Parked => match self.patience {
                    Patience::Endless => return Poll::Pending,
                    Patience::None => self.handover.open(self.hop, Successor::Possible),
                },
                Turn::Over => return Poll::Ready(Step::Over),
            }
        };
        let successor = loan.successor();
        let tape = loan.value();
        if successor == Successor::Excluded {
            tape.stop();
        }
        let polled = tape.poll_next(self.position, &waker);
        let sent = self.position + usize::from(polled.is_ready());
        let last = tape.is_all(sent);
        let over = tape.is_over(sent);
        let progress = tape.progress();
        let told = self.told.as_ref().map_or(Told::Nothing, |told| *told.lock());
        let standing = loan.give_back(progress, sent as u64);
        match told {
            Told::Nothing => {}
            Told::Held => assert_ne!(standing, Standing::Open, "it was held"),
            Told::Over => assert_eq!(standing, Standing::Over, "it was over"),
        }
        match standing {
            Standing::Over if polled.is_ready() => return Poll::Ready(Step::Over),
            Standing::Held if progress == Progress::Kept => return Poll::Pending,
            Standing::Open | Standing::Held | Standing::Over => {}
        }
        if over {
            let _ = self.handover.update(self.hop, Progress::Gone, Tape::forget);
        }
        let item = ready!(polled);
        self.position += 1;
        Poll::Ready(match item {
            Some(item) if !last => Step::Item(item),
            item => Step::Last(item),
        })
    }

    fn waker(&self) -> Waker {
        match self.wakers {
            Wakers::Wake => Waker::from(Arc::clone(&self.signal)),
            Wakers::Watch => Waker::from(Arc::new(Watching {
                signal: Arc::clone(&self.signal),
                handover: Arc::downgrade(&self.handover),
            })),
        }
    }
}

/// What a poll gives.
enum Step {
    Item(usize),
    /// The end, with the last item or after it.
    Last(Option<usize>),
    Over,
}

/// Rouses a transport's thread.
struct Signal(Notify);

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

/// A waker that is somebody else's code: it must never run under the lock, which it takes itself.
struct Watching {
    signal: Arc<Signal>,
    handover: Weak<Handover<Tape>>,
}

impl Watching {
    fn watch(&self) {
        if let Some(handover) = self.handover.upgrade() {
            handover.is_lent();
        }
    }
}

impl Wake for Watching {
    fn wake(self: Arc<Self>) {
        self.watch();
        self.signal.0.notify();
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.watch();
    }
}
