//! One server or a cluster of them, and a connection to it.

use std::{fmt, time::Duration};

use futures_util::StreamExt;
use redis::{
    AsyncConnectionConfig, Client, Cmd, Pipeline, RedisFuture, Value,
    aio::{ConnectionLike, MultiplexedConnection, PubSubSink, PubSubStream},
};
use tokio::time::timeout;

use crate::RedisStoreError;
#[cfg(feature = "cluster")]
use crate::cluster;

/// For how long to wait until the server is listened to, which `redis` has no bound for.
const LISTEN: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub(crate) enum Server {
    One(Client, AsyncConnectionConfig),
    #[cfg(feature = "cluster")]
    Cluster(redis::cluster::ClusterClient),
}

/// Clones share one connection.
#[derive(Clone)]
pub(crate) enum Connection {
    One(MultiplexedConnection),
    #[cfg(feature = "cluster")]
    Cluster(redis::cluster_async::ClusterConnection),
}

/// One of the servers that the keys are on.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Only,
    #[cfg(feature = "cluster")]
    At(cluster::Address),
}

/// What is published on a channel.
pub(crate) enum Messages {
    One(PubSubSink, PubSubStream),
    #[cfg(feature = "cluster")]
    Cluster(cluster::Messages),
}

impl Server {
    pub(crate) async fn connect(&self) -> Result<Connection, RedisStoreError> {
        match self {
            Self::One(client, config) => {
                let connection =
                    client.get_multiplexed_async_connection_with_config(config).await?;
                Ok(Connection::One(connection))
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(client) => Ok(Connection::Cluster(client.get_async_connection().await?)),
        }
    }

    pub(crate) async fn listen(&self, channel: &str) -> Result<Messages, RedisStoreError> {
        let listen = async {
            match self {
                Self::One(client, _) => {
                    let (mut sink, stream) = client.get_async_pubsub().await?.split();
                    sink.subscribe(channel).await?;
                    Ok(Messages::One(sink, stream))
                }
                #[cfg(feature = "cluster")]
                Self::Cluster(client) => {
                    Ok(Messages::Cluster(cluster::Messages::listen(client, channel).await?))
                }
            }
        };
        timeout(LISTEN, listen).await.unwrap_or(Err(RedisStoreError::Silent(LISTEN)))
    }
}

impl Connection {
    /// Returns the servers that the keys are on.
    pub(crate) async fn nodes(&self) -> Result<Vec<Node>, RedisStoreError> {
        match self {
            Self::One(_) => Ok(vec![Node::Only]),
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => {
                let addresses = cluster::primaries(connection.clone()).await?;
                Ok(addresses.into_iter().map(Node::At).collect())
            }
        }
    }

    /// Puts `command` to one of the servers.
    pub(crate) async fn ask(&self, node: &Node, command: Cmd) -> Result<Value, RedisStoreError> {
        match (self, node) {
            #[cfg(feature = "cluster")]
            (Self::Cluster(connection), Node::At(address)) => {
                Ok(connection.clone().route_command(command, address.route()).await?)
            }
            _ => Ok(command.query_async(&mut self.clone()).await?),
        }
    }
}

impl Messages {
    /// Returns the next message; after that nothing more can come.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::One(_, stream) => {
                stream.next().await.map(|message| message.get_payload_bytes().to_vec())
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(messages) => messages.next().await,
        }
    }

    /// Waits for a sign of life.
    pub(crate) async fn ping(&mut self) -> Result<(), RedisStoreError> {
        match self {
            Self::One(sink, _) => {
                sink.ping::<Value>().await?;
                Ok(())
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(messages) => messages.ping().await,
        }
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(command),
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(commands, offset, count),
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => connection.req_packed_commands(commands, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

/// Shows no address and no password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One(..) => "One",
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => "Cluster",
        })
    }
}
