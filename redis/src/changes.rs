//! What other processes change.

use std::{fmt, time::Duration};

use tokio::time::{Instant, timeout, timeout_at};
use tower_follow_redirect::policy::permanent::shared::{Change, Changes};

use crate::{RedisStoreError, message::Sender, server::Messages};

/// After how long a silence the server is asked for a sign of life.
const SILENCE: Duration = Duration::from_secs(5);
/// And for how long that is waited for.
const PONG: Duration = Duration::from_secs(5);

/// What other processes change, as [`RedisStore::listen`] returns it.
///
/// A server that says nothing for 5 seconds gets a PING, and is given up after another 5 seconds without an
/// answer: a connection to a machine that vanished is otherwise listened to for ever.
///
/// [`RedisStore::listen`]: tower_follow_redirect::policy::permanent::shared::SharedStore::listen
pub struct RedisChanges {
    messages: Messages,
    listener: Sender,
    ping_at: Instant,
}

impl RedisChanges {
    pub(crate) fn new(messages: Messages, listener: Sender) -> Self {
        Self { messages, listener, ping_at: Instant::now() + SILENCE }
    }

    async fn ping(&mut self) -> Result<(), RedisStoreError> {
        timeout(PONG, self.messages.ping())
            .await
            .unwrap_or(Err(RedisStoreError::Silent(SILENCE + PONG)))
    }
}

impl Changes for RedisChanges {
    type Error = RedisStoreError;

    async fn next(&mut self) -> Result<Change, RedisStoreError> {
        loop {
            match timeout_at(self.ping_at, self.messages.next()).await {
                Ok(Some(message)) => {
                    self.ping_at = Instant::now() + SILENCE;
                    if let Some(change) = self.listener.hear(&message) {
                        return Ok(change);
                    }
                }
                Ok(None) => return Err(RedisStoreError::Lost),
                Err(_) => {
                    self.ping().await?;
                    self.ping_at = Instant::now() + SILENCE;
                }
            }
        }
    }
}

impl fmt::Debug for RedisChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisChanges").finish_non_exhaustive()
    }
}
