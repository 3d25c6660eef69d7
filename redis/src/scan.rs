//! Looks for the names of keys.

use redis::{RedisError, Value, cmd, from_redis_value};

use crate::{
    RedisStoreError,
    server::{Connection, Node},
};

/// How many keys the server looks at in one step.
const STEP: usize = 1000;

/// Looks through the keys of one server.
pub(crate) struct Scan<'a> {
    connection: Connection,
    node: Node,
    pattern: &'a str,
    /// Where the server goes on; at its end there is nowhere.
    cursor: Option<u64>,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(connection: &Connection, node: Node, pattern: &'a str) -> Self {
        Self { connection: connection.clone(), node, pattern, cursor: Some(0) }
    }

    /// Returns some names, which may be none, or the same again; and nothing at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Vec<u8>>>, RedisStoreError> {
        let Some(cursor) = self.cursor else {
            return Ok(None);
        };
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(self.pattern).arg("COUNT").arg(STEP);
        let answer: Value = self.connection.ask(&self.node, scan).await?;
        let (next, names) = from_redis_value(answer).map_err(RedisError::from)?;
        self.cursor = (next != 0).then_some(next);
        Ok(Some(names))
    }
}
