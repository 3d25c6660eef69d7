//! Hands one value from the hop that has it to the next.
//!
//! A transport may still hold the body of the old hop, and poll it on another thread, while the
//! next hop already polls its own. The value (the caller's body and what was recorded of it) lies
//! here between polls and is lent to one poll at a time, so that no lock is held while it is used,
//! and nothing that was taken out of it can get lost. This file knows only its lock and [`Waker`].

use std::{mem, task::Waker};

use super::lock::{Guard, Lock};

/// One value, and whose turn it is to use it.
pub(crate) struct Handover<T> {
    state: Lock<State<T>>,
}

struct State<T> {
    /// The hop whose turn it is; those before it are over.
    hop: u32,
    flow: Flow,
    successor: Successor,
    /// Whether the current hop asked for the value at all.
    polled: bool,
    /// Whether its transport has let go of its body.
    left: bool,
    value: Value<T>,
    progress: Progress,
    /// How many bytes of it the current hop was given.
    sent: u64,
    /// Wakes the task that polls for the current hop.
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// Until the server says `100 Continue`.
    Parked,
    Open,
    /// A response arrived: nothing more leaves until it is decided what becomes of it.
    Held {
        parked: bool,
    },
    /// The response was handed over, and the hop goes on beside it: no signal of the transport stops it.
    Detached,
    /// No hop gets anything any more.
    Closed,
}

/// Whether another hop may follow the current one, and need the value again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Successor {
    Possible,
    Excluded,
}

enum Value<T> {
    Here(T),
    /// A poll of this hop has it.
    Lent(u32),
    /// A poll panicked while it had it.
    Lost,
}

/// How much of the value was used, and whether it can be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing was taken out of it.
    Unread,
    /// What was taken is kept.
    Kept,
    /// What was taken is gone.
    Gone,
}

/// What a hop finds when it asks for the value.
pub(crate) enum Turn<'a, T> {
    Yours(Loan<'a, T>),
    /// Nothing may leave before `100 Continue`.
    Parked,
    /// Another poll has the value, or a response arrived.
    Wait,
    /// A later hop has taken over, or all is over.
    Over,
}

/// What became of the turn while the value was lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Open,
    /// What was taken out must not be sent now; the value remembers it.
    Held,
    Over,
}

impl Standing {
    /// Returns whether what was taken out is sent now.
    pub(crate) fn lets_go(self, progress: Progress) -> bool {
        match self {
            Self::Open => true,
            Self::Held => progress != Progress::Kept,
            Self::Over => false,
        }
    }
}

impl<T> State<T> {
    /// Takes the value out, if nobody asks for it any more.
    fn give_up(&mut self) -> Option<T> {
        if !self.left || self.flow != Flow::Detached || !matches!(self.value, Value::Here(_)) {
            return None;
        }
        match mem::replace(&mut self.value, Value::Lost) {
            Value::Here(value) => Some(value),
            Value::Lent(_) | Value::Lost => None,
        }
    }

    fn hold(&mut self) {
        self.flow = match self.flow {
            Flow::Parked => Flow::Held { parked: true },
            Flow::Open => Flow::Held { parked: false },
            flow @ (Flow::Held { .. } | Flow::Detached | Flow::Closed) => flow,
        };
    }
}

impl<T> Handover<T> {
    pub(crate) fn new(value: T) -> Self {
        let state = State {
            hop: 0,
            flow: Flow::Open,
            successor: Successor::Possible,
            polled: false,
            left: false,
            value: Value::Here(value),
            progress: Progress::Unread,
            sent: 0,
            waker: None,
        };
        Self { state: Lock::new(state) }
    }

    /// Lends the value to `hop`, or keeps `waker` until there is something to do.
    pub(crate) fn take(&self, hop: u32, waker: &Waker) -> Turn<'_, T> {
        // Cloned and dropped outside the lock: a waker is somebody else's code.
        let mut waker = Some(waker.clone());
        let mut state = self.lock();
        if state.hop != hop || state.flow == Flow::Closed {
            return Turn::Over;
        }
        state.polled = true;
        mem::swap(&mut state.waker, &mut waker);
        let turn = match state.flow {
            Flow::Parked => Turn::Parked,
            Flow::Held { .. } => Turn::Wait,
            Flow::Closed => Turn::Over,
            Flow::Open | Flow::Detached => match mem::replace(&mut state.value, Value::Lent(hop)) {
                Value::Here(value) => {
                    let successor = state.successor;
                    if successor == Successor::Excluded {
                        // What is taken out now is not kept.
                        state.progress = Progress::Gone;
                    }
                    Turn::Yours(Loan { from: self, hop, successor, value: Some(value) })
                }
                other @ Value::Lent(_) => {
                    state.value = other;
                    Turn::Wait
                }
                Value::Lost => {
                    state.value = Value::Lost;
                    Turn::Over
                }
            },
        };
        drop(state);
        turn
    }

    /// Changes the value in place if it is here and `hop` may use it; says so by `Some`.
    pub(crate) fn update<R>(
        &self,
        hop: u32,
        progress: Progress,
        change: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let mut state = self.lock();
        if state.hop != hop || !matches!(state.flow, Flow::Open | Flow::Detached) {
            return None;
        }
        let Value::Here(value) = &mut state.value else { return None };
        let result = change(value);
        state.progress = progress;
        Some(result)
    }

    /// Parks the current hop until [`open`](Self::open).
    pub(crate) fn park(&self) {
        self.lock().flow = Flow::Parked;
    }

    /// Ends the parking of `hop`, and says whether another may follow it.
    pub(crate) fn open(&self, hop: u32, successor: Successor) {
        self.open_if(hop, successor, |_| true);
    }

    /// Ends the parking of `hop` if its transport has not asked for the value yet.
    #[cfg_attr(not(feature = "hyper"), allow(dead_code, reason = "nobody reports 1xx"))]
    pub(crate) fn open_unpolled(&self, hop: u32) {
        self.open_if(hop, Successor::Possible, |state| !state.polled);
    }

    fn open_if(&self, hop: u32, successor: Successor, condition: impl FnOnce(&State<T>) -> bool) {
        let waker = {
            let mut state = self.lock();
            if state.hop != hop || state.flow != Flow::Parked || !condition(&state) {
                return;
            }
            state.flow = Flow::Open;
            state.successor = successor;
            state.waker.take()
        };
        wake(waker);
    }

    /// Lets nothing more leave for now.
    ///
    /// From here on what is kept stays kept, even while a poll still has the value: what that poll
    /// takes out is remembered.
    pub(crate) fn hold(&self) {
        self.lock().hold();
    }

    /// Lets nothing more of `hop` leave for now, if it is still its turn and nothing has left: whoever waits
    /// inside for the end of the response may wait for an upload that has begun.
    #[cfg_attr(not(feature = "hyper"), allow(dead_code, reason = "nobody reports 1xx"))]
    pub(crate) fn hold_hop(&self, hop: u32) {
        let mut state = self.lock();
        if state.hop == hop && state.sent == 0 {
            state.hold();
        }
    }

    /// Takes back [`hold`](Self::hold), save where the hop was parked: a final response means that
    /// nothing of it is to be sent at all. Returns whether it stays held.
    pub(crate) fn settle(&self) -> bool {
        let (waker, value) = {
            let mut state = self.lock();
            match state.flow {
                Flow::Held { parked: true } | Flow::Parked => {
                    state.flow = Flow::Held { parked: true };
                    return true;
                }
                Flow::Held { parked: false } | Flow::Open => state.flow = Flow::Detached,
                Flow::Detached | Flow::Closed => return false,
            }
            // No other hop follows.
            state.successor = Successor::Excluded;
            (state.waker.take(), state.give_up())
        };
        drop(value);
        wake(waker);
        false
    }

    /// Notes that the transport of `hop` has let go of its body. If no other follows, nobody needs the value.
    pub(crate) fn leave(&self, hop: u32) {
        let value = {
            let mut state = self.lock();
            if state.hop != hop {
                return;
            }
            state.left = true;
            state.give_up()
        };
        drop(value);
    }

    /// Ends the current hop and begins the next, with another value if there is one.
    pub(crate) fn advance(&self, replacement: Option<T>) -> u32 {
        let (hop, waker, replaced) = {
            let mut state = self.lock();
            state.hop += 1;
            state.flow = Flow::Open;
            state.successor = Successor::Possible;
            state.polled = false;
            state.left = false;
            state.sent = 0;
            let replaced = replacement.map(|value| {
                state.progress = Progress::Unread;
                mem::replace(&mut state.value, Value::Here(value))
            });
            (state.hop, state.waker.take(), replaced)
        };
        drop(replaced);
        wake(waker);
        hop
    }

    /// Ends every hop.
    pub(crate) fn close(&self) {
        let (waker, value) = {
            let mut state = self.lock();
            state.flow = Flow::Closed;
            let value = match mem::replace(&mut state.value, Value::Lost) {
                Value::Here(value) => Some(value),
                Value::Lent(_) | Value::Lost => None,
            };
            (state.waker.take(), value)
        };
        drop(value);
        wake(waker);
    }

    /// Looks at the value, if it is here.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        match &self.lock().value {
            Value::Here(value) => Some(look(value)),
            Value::Lent(_) | Value::Lost => None,
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.lock().progress
    }

    /// Returns how many bytes the current hop was given, to send them.
    pub(crate) fn sent(&self) -> u64 {
        self.lock().sent
    }

    /// Returns whether a poll has the value: it may yet take something out of it.
    pub(crate) fn is_lent(&self) -> bool {
        matches!(self.lock().value, Value::Lent(_))
    }

    fn lock(&self) -> Guard<'_, State<T>> {
        self.state.lock()
    }

    fn give(&self, hop: u32, value: Option<T>, used: Option<(Progress, u64)>) -> Standing {
        let (standing, waker, surplus) = {
            let mut state = self.lock();
            let mine = matches!(state.value, Value::Lent(lent) if lent == hop);
            let mut surplus = None;
            match value {
                Some(value) if mine => state.value = Value::Here(value),
                // It was closed, or replaced by one that was opened anew.
                Some(value) => surplus = Some(value),
                None if mine => state.value = Value::Lost,
                None => {}
            }
            if let (true, Some((progress, _))) = (mine, used) {
                state.progress = progress;
            }
            let standing = match state.flow {
                _ if state.hop != hop => Standing::Over,
                Flow::Open | Flow::Detached => Standing::Open,
                Flow::Held { .. } | Flow::Parked => Standing::Held,
                Flow::Closed => Standing::Over,
            };
            if let Some((progress, sent)) = used {
                if standing.lets_go(progress) {
                    state.sent = sent;
                }
            }
            // The next hop may have asked for the value while it was lent.
            let waker = if state.hop == hop { None } else { state.waker.take() };
            (standing, waker, surplus)
        };
        drop(surplus);
        wake(waker);
        standing
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// The value, for the length of one poll.
pub(crate) struct Loan<'a, T> {
    from: &'a Handover<T>,
    hop: u32,
    successor: Successor,
    value: Option<T>,
}

impl<T> Loan<'_, T> {
    pub(crate) fn successor(&self) -> Successor {
        self.successor
    }

    pub(crate) fn value(&mut self) -> &mut T {
        self.value.as_mut().expect("the value is here until it is given back")
    }

    /// Gives the value back and says whether what was taken out of it may be sent; then the hop has sent
    /// so many bytes.
    pub(crate) fn give_back(mut self, progress: Progress, sent: u64) -> Standing {
        self.from.give(self.hop, self.value.take(), Some((progress, sent)))
    }
}

/// A poll that panics loses the value; whoever waits for it must learn that.
impl<T> Drop for Loan<'_, T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            drop(value);
            self.from.give(self.hop, None, None);
        }
    }
}
