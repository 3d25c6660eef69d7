//! One connection for all, made when it is first needed, and made anew when it is no good.

use std::{
    future::Future,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    RedisStoreError,
    server::{Connection, Server},
    task::in_task,
};
use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};

/// How many times in a row nobody may wait for an answer any longer, until another connection is tried. A
/// server that vanishes closes no connection, and TCP takes a quarter of an hour to notice.
const GIVEN_UP: u32 = 2;

type Connecting = Shared<BoxFuture<'static, Result<Connection, RedisStoreError>>>;

#[derive(Debug)]
pub(crate) struct Line {
    server: Server,
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    /// The connection, made or in the making.
    connection: Option<Connecting>,
    /// Which one it is.
    number: u64,
    /// How many times its answer was no longer waited for, since its last answer.
    given_up: u32,
}

/// Someone waits for an answer of a connection. Dropped, it has been given up.
struct Waiting<'a> {
    line: &'a Line,
    number: u64,
}

impl Line {
    pub(crate) fn new(server: Server) -> Self {
        Self { server, current: Mutex::default() }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Runs `operation` on the connection. One that has failed is not used again, whatever the reason: a
    /// server that has become a replica says so in an answer.
    pub(crate) async fn run<T, F>(
        &self,
        operation: impl FnOnce(Connection) -> F,
    ) -> Result<T, RedisStoreError>
    where
        F: Future<Output = Result<T, RedisStoreError>>,
    {
        let (number, connecting) = self.connection();
        let result = match connecting.await {
            Ok(connection) => {
                let waiting = Waiting { line: self, number };
                let result = operation(connection).await;
                mem::forget(waiting);
                result
            }
            Err(error) => Err(error),
        };
        match result {
            Ok(_) => self.answered(number),
            Err(_) => self.give_away(number),
        }
        result
    }

    fn connection(&self) -> (u64, Connecting) {
        let mut current = self.current();
        // Perhaps nobody was there any longer to hear that it came to nothing.
        let outcome =
            current.connection.as_ref().and_then(|connection| connection.clone().now_or_never());
        if matches!(outcome, Some(Err(_))) {
            current.replace();
        }
        let number = current.number;
        let connection = current.connection.get_or_insert_with(|| connecting(self.server.clone()));
        (number, connection.clone())
    }

    fn answered(&self, number: u64) {
        let mut current = self.current();
        if current.number == number {
            current.given_up = 0;
        }
    }

    fn given_up(&self, number: u64) {
        let mut current = self.current();
        if current.number != number {
            return;
        }
        current.given_up += 1;
        if current.given_up >= GIVEN_UP {
            current.replace();
        }
    }

    fn give_away(&self, number: u64) {
        let mut current = self.current();
        if current.number == number {
            current.replace();
        }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    /// Who uses it still, may.
    fn replace(&mut self) {
        *self = Self { connection: None, number: self.number.wrapping_add(1), given_up: 0 };
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.line.given_up(self.number);
    }
}

/// Connects in a task, which goes on when nobody waits for it any longer: where connecting takes longer
/// than anybody waits, there would never be a connection. It ends with the last clone.
fn connecting(server: Server) -> Connecting {
    in_task(async move { server.connect().await }).boxed().shared()
}
