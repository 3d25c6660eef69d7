//! The store itself.

use std::{sync::Arc, time::Duration};

use futures_util::future::try_join;
use redis::{AsyncConnectionConfig, Client, Cmd, cmd};
use tower_follow_redirect::policy::permanent::shared::SharedStore;

use crate::{
    LONGEST, RedisChanges, RedisStoreError,
    keys::Prefix,
    line::Line,
    load::{load, read},
    message::Sender,
    scan::Scan,
    server::{Connection, Server},
    task::in_task,
};

/// The longest time that a value is kept for. Redis adds it to the time now, which must not overflow.
const LONGEST_TTL: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Keeps remembered redirects in Redis or Valkey, for a
/// [`SharedCache`](tower_follow_redirect::policy::permanent::shared::SharedCache).
///
/// It connects when it is first used, so it is made without a server at hand. Clones share one connection.
/// It must be used within a tokio runtime.
///
/// ```
/// use tower_follow_redirect_redis::{RedisStore, redis};
///
/// let client = redis::Client::open("redis://127.0.0.1/")?;
/// let store = RedisStore::new(client).prefix("shop:redirects:");
/// # Ok::<(), redis::RedisError>(())
/// ```
///
/// Every value expires in Redis when the redirect does. Keys and values are at most 64 KiB long: longer ones
/// are not put, and those that others have put there are not read. An empty value is none.
#[derive(Clone, Debug)]
pub struct RedisStore {
    line: Arc<Line>,
    prefix: Prefix,
    sender: Sender,
}

impl RedisStore {
    /// Makes a store of one server. Credentials, database, TLS and unix sockets are the `client`'s.
    ///
    /// `redis` allows one second to connect, and half a second for an answer.
    pub fn new(client: Client) -> Self {
        Self::with_config(client, AsyncConnectionConfig::new())
    }

    /// Makes a store of one server, with other timeouts, credentials that change, and what else
    /// `redis` can configure.
    pub fn with_config(client: Client, config: AsyncConnectionConfig) -> Self {
        Self::of(Server::One(client, config))
    }

    /// Makes a store of a cluster. The client must use RESP3, or else nothing can be
    /// [listened to](SharedStore::listen):
    ///
    /// ```
    /// use tower_follow_redirect_redis::{RedisStore, redis::cluster::ClusterClient};
    ///
    /// let client = ClusterClient::new(["redis://127.0.0.1:7000/?protocol=resp3"])?;
    /// let store = RedisStore::cluster(client);
    /// # Ok::<(), tower_follow_redirect_redis::redis::RedisError>(())
    /// ```
    #[cfg(feature = "cluster")]
    pub fn cluster(client: redis::cluster::ClusterClient) -> Self {
        Self::of(Server::Cluster(client))
    }

    fn of(server: Server) -> Self {
        Self {
            line: Arc::new(Line::new(server)),
            prefix: Prefix::default(),
            sender: Sender::random(),
        }
    }

    /// Sets what every key begins with; by default `fr:1:`. The channel is called that and `changes`.
    ///
    /// Channels know no database: fleets that share a server, and not their redirects, need prefixes of
    /// their own. None may begin as another does: to clear `shop:` clears `shop:eu:` too, and to clear what has
    /// no prefix clears the database.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Prefix::new(prefix.into());
        self
    }

    /// Sends what changes the store and tells others.
    ///
    /// Both go out together, and without MULTI: a message has the value in it, so nobody looks for it in
    /// between. In a cluster they may go to different servers, where there is no MULTI.
    async fn change(&self, change: Cmd, message: Vec<u8>) -> Result<(), RedisStoreError> {
        let publish = self.publish(message);
        let send = |connection: Connection| async move {
            let [mut one, mut other] = [connection.clone(), connection];
            try_join(change.exec_async(&mut one), publish.exec_async(&mut other)).await?;
            Ok(())
        };
        self.line.run(send).await
    }

    fn publish(&self, message: Vec<u8>) -> Cmd {
        cmd("PUBLISH").arg(self.prefix.channel()).arg(message).take()
    }
}

impl SharedStore for RedisStore {
    type Error = RedisStoreError;
    type Changes = RedisChanges;

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, RedisStoreError> {
        let name = self.prefix.name(key);
        self.line.run(|connection| async move { read(&connection, name.as_bytes()).await }).await
    }

    async fn put(&self, key: &str, value: Vec<u8>, ttl: Duration) -> Result<(), RedisStoreError> {
        if key.len() > LONGEST || value.len() > LONGEST {
            return Err(RedisStoreError::TooLong);
        }
        let message = self.sender.put(key, &value);
        let name = self.prefix.name(key);
        let set = cmd("SET").arg(name).arg(value).arg("PX").arg(millis(ttl)).take();
        self.change(set, message).await
    }

    async fn remove(&self, key: &str) -> Result<(), RedisStoreError> {
        if key.len() > LONGEST {
            return Err(RedisStoreError::TooLong);
        }
        let unlink = cmd("UNLINK").arg(self.prefix.name(key)).take();
        self.change(unlink, self.sender.removed(key)).await
    }

    async fn clear(&self) -> Result<(), RedisStoreError> {
        let publish = self.publish(self.sender.cleared());
        let pattern = self.prefix.pattern();
        let clear = |mut connection: Connection| async move {
            for node in connection.nodes().await? {
                let mut scan = Scan::new(&connection, node, &pattern);
                while let Some(names) = scan.next().await? {
                    unlink(&mut connection, names).await?;
                }
            }
            // Last, so that nobody hears of it and then finds something.
            Ok(publish.exec_async(&mut connection).await?)
        };
        self.line.run(clear).await
    }

    /// Looks with SCAN, so that the server serves others meanwhile; ends after 3 seconds or 32 MiB, with
    /// what it has found.
    async fn load(&self, limit: usize) -> Result<Vec<(String, Vec<u8>)>, RedisStoreError> {
        self.line.run(|connection| load(connection, &self.prefix, limit)).await
    }

    async fn listen(&self) -> Result<RedisChanges, RedisStoreError> {
        let (server, channel) = (self.line.server().clone(), self.prefix.channel());
        let messages = in_task(async move { server.listen(&channel).await }).await?;
        Ok(RedisChanges::new(messages, self.sender))
    }
}

async fn unlink(connection: &mut Connection, names: Vec<Vec<u8>>) -> Result<(), RedisStoreError> {
    if names.is_empty() {
        return Ok(());
    }
    Ok(cmd("UNLINK").arg(names).exec_async(connection).await?)
}

/// Redis takes no time of zero.
fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.min(LONGEST_TTL).as_millis()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_takes_every_time_to_live() {
        for (ttl, wanted) in [
            (Duration::ZERO, 1),
            (Duration::from_nanos(1), 1),
            (Duration::from_millis(1500), 1500),
            (Duration::MAX, 3_153_600_000_000),
        ] {
            assert_eq!(millis(ttl), wanted, "{ttl:?}");
        }
    }
}
