//! Plays the tasks of one call: the caller's, and one for each connection, in any order.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    time::Duration,
};

use super::{
    call::Leaves,
    caller::{End, How},
    choices::Choices,
    clock::Sleep,
    connection::Connection,
    stage::Stage,
};

/// More than any chain needs, save one that runs in circles.
const POLLS: usize = 50_000;

/// More time than any chain needs.
const TIME: Duration = Duration::from_secs(3600);

/// Wakes one task.
#[derive(Default)]
struct Flag {
    woken: AtomicBool,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
    }
}

/// A task, and what wakes it.
struct Task<T> {
    work: T,
    flag: Arc<Flag>,
}

impl<T> Task<T> {
    fn new(work: T) -> Self {
        let flag = Arc::new(Flag { woken: AtomicBool::new(true) });
        Self { work, flag }
    }

    fn is_woken(&self) -> bool {
        self.flag.woken.load(Ordering::SeqCst)
    }

    /// Makes the waker of the next poll, sometimes another one: then the last is of no more use.
    fn waker(&mut self, choices: &mut Choices<'_>) -> Waker {
        if choices.one_in(8) {
            self.flag = Arc::default();
        }
        self.flag.woken.store(false, Ordering::SeqCst);
        Waker::from(Arc::clone(&self.flag))
    }
}

/// Who can be polled.
#[derive(Clone, Copy)]
enum Turn {
    Caller,
    Connection(usize),
}

/// The tasks of one call.
pub struct Tasks<'a, F> {
    stage: &'a Rc<Stage>,
    caller: Option<Task<Pin<Box<F>>>>,
    connections: Vec<Task<Connection>>,
    leaves: Leaves,
    /// So that time stops there.
    leave: Option<Pin<Box<Sleep>>>,
    began: Duration,
    polls: usize,
    caller_polls: usize,
    end: Option<End>,
}

impl<'a, F: Future<Output = End>> Tasks<'a, F> {
    pub fn new(stage: &'a Rc<Stage>, caller: F, leaves: Leaves) -> Self {
        let mut leave = match leaves {
            Leaves::At(time) => Some(Box::pin(stage.clock.sleep(time))),
            Leaves::Never | Leaves::AfterPolls(_) => None,
        };
        if let Some(leave) = &mut leave {
            let _ = leave.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
        Self {
            stage,
            caller: Some(Task::new(Box::pin(caller))),
            connections: Vec::new(),
            leaves,
            leave,
            began: stage.clock.now(),
            polls: 0,
            caller_polls: 0,
            end: None,
        }
    }

    /// Plays until nothing is left to do, and returns how the call has ended.
    pub fn play(mut self, choices: &mut Choices<'_>) -> End {
        loop {
            self.connections.extend(self.stage.opened.take().into_iter().map(Task::new));
            if self.caller.is_some() && self.has_enough() {
                self.leave(How::Left);
                continue;
            }
            let Some(turn) = self.choose(choices) else {
                if self.caller.is_none() && self.connections.is_empty() {
                    break;
                }
                if self.is_stuck() { break } else { continue }
            };
            self.polls += 1;
            if self.polls > POLLS || self.stage.clock.now() - self.began > TIME {
                self.stage.breaks("a chain has an end", format!("{} polls", self.polls));
                break;
            }
            self.take(turn, choices);
        }
        self.caller = None;
        self.connections.clear();
        self.end.take().unwrap_or_else(|| ended(How::GaveUp))
    }

    fn has_enough(&self) -> bool {
        match self.leaves {
            Leaves::Never => false,
            Leaves::AfterPolls(polls) => self.caller_polls >= polls,
            Leaves::At(time) => self.stage.clock.now() - self.began >= time,
        }
    }

    fn leave(&mut self, how: How) {
        self.caller = None;
        self.end = Some(ended(how));
        self.leave = None;
    }

    /// Chooses one of those that are woken, or rarely one that is not.
    fn choose(&self, choices: &mut Choices<'_>) -> Option<Turn> {
        let caller = self.caller.as_ref().map(|task| (Turn::Caller, task.is_woken()));
        let connections = self.connections.iter().enumerate();
        let connections = connections.map(|(at, task)| (Turn::Connection(at), task.is_woken()));
        let all = caller.into_iter().chain(connections);
        let woken: Vec<_> = all.clone().filter(|(_, woken)| *woken).collect();
        if woken.is_empty() {
            return None;
        }
        if choices.one_in(16) {
            let all: Vec<_> = all.collect();
            return Some(choices.pick(&all).0);
        }
        Some(woken[if woken.len() > 1 { choices.below(woken.len()) } else { 0 }].0)
    }

    /// Lets time pass, where nobody has anything to do. Says whether nothing ever will.
    fn is_stuck(&mut self) -> bool {
        if self.stage.clock.advance() {
            return false;
        }
        if self.caller.is_none() {
            let how = format!("{} connections", self.connections.len());
            self.stage.breaks("no connection outlives its call", how);
            return true;
        }
        if self.stage.is_silent() {
            self.leave(How::GaveUp);
            return false;
        }
        self.stage.breaks("nothing hangs", "nobody is woken, and no time is waited for");
        true
    }

    fn take(&mut self, turn: Turn, choices: &mut Choices<'_>) {
        match turn {
            Turn::Caller => {
                let Some(task) = &mut self.caller else { return };
                self.caller_polls += 1;
                let waker = task.waker(choices);
                let polled = task.work.as_mut().poll(&mut Context::from_waker(&waker));
                if let std::task::Poll::Ready(end) = polled {
                    self.end = Some(end);
                    self.caller = None;
                    self.leave = None;
                }
            }
            Turn::Connection(at) => {
                let task = &mut self.connections[at];
                let waker = task.waker(choices);
                if task.work.poll(&mut Context::from_waker(&waker)).is_ready() {
                    self.connections.swap_remove(at);
                }
            }
        }
    }
}

fn ended(how: How) -> End {
    End {
        how,
        response: None,
        remembered: false,
        about: None,
        hops: Vec::new(),
        took: Duration::ZERO,
    }
}
