//! What all parts of a chain share: its clock, its journal, its connections.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    task::Waker,
};

use http::Uri;

use super::{
    clock::Clock,
    connection::Connection,
    journal::Journal,
    line::wake,
    server::{Site, Visit},
    tokens::Tokens,
    transport::Readiness,
};

pub struct Stage {
    pub clock: Clock,
    pub tokens: Tokens,
    pub site: Site,
    /// How long the service takes to be ready, each time.
    pub readiness: Vec<Readiness>,
    pub journal: RefCell<Journal>,
    /// Connections that have just begun.
    pub opened: RefCell<Vec<Connection>>,
    /// How often each URI was requested.
    visits: RefCell<HashMap<Uri, usize>>,
    asked: Cell<usize>,
    hops: Cell<usize>,
    silent: Cell<isize>,
    /// Wait until no hop is under way.
    waiting: RefCell<Vec<Waker>>,
}

impl Stage {
    pub fn new(clock: Clock, site: Site, readiness: Vec<Readiness>) -> Rc<Self> {
        Rc::new(Self {
            clock,
            tokens: Tokens::default(),
            site,
            readiness,
            journal: RefCell::default(),
            opened: RefCell::default(),
            visits: RefCell::default(),
            asked: Cell::default(),
            hops: Cell::default(),
            silent: Cell::default(),
            waiting: RefCell::default(),
        })
    }

    /// Returns what is done with a request for `uri`.
    pub fn visit(&self, uri: &Uri) -> Visit {
        let mut visits = self.visits.borrow_mut();
        let before = visits.entry(uri.clone()).or_default();
        *before += 1;
        self.site.visit(uri, *before - 1).clone()
    }

    pub fn breaks(&self, promise: &'static str, how: impl Into<String>) {
        self.journal.borrow_mut().breaks(promise, how);
    }

    /// Returns how the service gets ready the next time.
    pub fn next_readiness(&self) -> Readiness {
        let asked = self.asked.replace(self.asked.get() + 1);
        self.readiness[asked % self.readiness.len()]
    }

    pub fn begin_hop(&self) {
        self.hops.set(self.hops.get() + 1);
    }

    pub fn end_of_hop(&self) {
        self.hops.set(self.hops.get() - 1);
        let waiting = self.waiting.take();
        waiting.into_iter().for_each(|waker| wake(Some(waker)));
    }

    /// Returns whether no hop is under way; else `waker` learns of it.
    pub fn is_free(&self, waker: &Waker) -> bool {
        let free = self.hops.get() == 0;
        if !free {
            self.waiting.borrow_mut().push(waker.clone());
        }
        free
    }

    /// Notes how many more wait for what never comes.
    pub fn silence(&self, more: isize) {
        self.silent.set(self.silent.get() + more);
    }

    pub fn is_silent(&self) -> bool {
        self.silent.get() > 0
    }
}
