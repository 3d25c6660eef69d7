//! What is different with a cluster.

use redis::{
    PushInfo, PushKind, RedisError, Value,
    cluster::{ClusterClient, ClusterConfig},
    cluster_async::ClusterConnection,
    cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo, SingleNodeRoutingInfo},
    cmd,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Where one of the servers is.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    host: String,
    port: u16,
}

/// What is published on a channel, to whatever server.
pub(crate) struct Messages {
    connection: ClusterConnection,
    pushed: UnboundedReceiver<PushInfo>,
}

impl Address {
    pub(crate) fn route(&self) -> RoutingInfo {
        RoutingInfo::SingleNode(SingleNodeRoutingInfo::ByAddress {
            host: self.host.clone(),
            port: self.port,
        })
    }

    fn parse(address: &Value) -> Option<Self> {
        let Value::BulkString(address) = address else {
            return None;
        };
        let (host, port) = std::str::from_utf8(address).ok()?.rsplit_once(':')?;
        Some(Self { host: host.to_owned(), port: port.parse().ok()? })
    }
}

/// Returns the addresses of all primaries: `redis` sends a SCAN to any one of them.
pub(crate) async fn primaries(
    mut connection: ClusterConnection,
) -> Result<Vec<Address>, RedisError> {
    let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
    let Value::Map(answers) = connection.route_command(cmd("PING"), all).await? else {
        return Ok(Vec::new());
    };
    Ok(answers.iter().filter_map(|(address, _)| Address::parse(address)).collect())
}

impl Messages {
    pub(crate) async fn listen(client: &ClusterClient, channel: &str) -> Result<Self, RedisError> {
        let (push, pushed) = unbounded_channel();
        let config = ClusterConfig::new().set_push_sender(push);
        let mut connection = client.get_async_connection_with_config(config).await?;
        connection.subscribe(channel).await?;
        Ok(Self { connection, pushed })
    }

    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let PushInfo { kind, data } = self.pushed.recv().await?;
            match (kind, data.into_iter().nth(1)) {
                (PushKind::Message, Some(Value::BulkString(payload))) => return Some(payload),
                // `redis` connects and subscribes anew, but what was published meanwhile is lost.
                (PushKind::Disconnection, _) => return None,
                _ => {}
            }
        }
    }

    pub(crate) async fn ping(&mut self) -> Result<(), crate::RedisStoreError> {
        cmd("PING").exec_async(&mut self.connection).await?;
        Ok(())
    }
}
