//! Reads values: one, or as many as a process that starts has use for.

use std::{collections::HashSet, time::Duration};

use futures_util::future::try_join_all;
use redis::{RedisError, cmd};
use tokio::time::Instant;

use crate::{LONGEST, RedisStoreError, keys::Prefix, scan::Scan, server::Connection};

/// How many values are read at once.
const BATCH: usize = 100;
/// When no more is read. A database with much else in it takes long to look through.
const TIME: Duration = Duration::from_secs(3);
/// How many bytes are enough.
const BYTES: usize = 32 << 20;

/// What was read so far, and how much more may be.
struct Loaded<'a> {
    prefix: &'a Prefix,
    limit: usize,
    until: Instant,
    values: Vec<(String, Vec<u8>)>,
    bytes: usize,
    /// SCAN may find a key twice.
    seen: HashSet<Vec<u8>>,
}

/// Reads up to `limit` keys with their values.
pub(crate) async fn load(
    connection: Connection,
    prefix: &Prefix,
    limit: usize,
) -> Result<Vec<(String, Vec<u8>)>, RedisStoreError> {
    let mut loaded = Loaded::new(prefix, limit);
    let pattern = prefix.pattern();
    for node in connection.nodes().await? {
        let mut scan = Scan::new(&connection, node, &pattern);
        while !loaded.is_enough() {
            let Some(names) = scan.next().await? else {
                break;
            };
            loaded.read(&connection, names).await?;
        }
    }
    Ok(loaded.values)
}

/// Reads no more than may be kept, whatever somebody has put there.
pub(crate) async fn read(
    connection: &Connection,
    name: &[u8],
) -> Result<Option<Vec<u8>>, RedisStoreError> {
    let read = cmd("GETRANGE").arg(name).arg(0).arg(LONGEST).take();
    let value: Vec<u8> = match read.query_async(&mut connection.clone()).await {
        Ok(value) => value,
        Err(error) if is_of_another_type(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // GETRANGE counts from zero, and includes the last: one byte too many shows that it is too long.
    Ok(Some(value).filter(|value| (1..=LONGEST).contains(&value.len())))
}

fn is_of_another_type(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE")
}

impl<'a> Loaded<'a> {
    fn new(prefix: &'a Prefix, limit: usize) -> Self {
        let until = Instant::now() + TIME;
        Self { prefix, limit, until, values: Vec::new(), bytes: 0, seen: HashSet::new() }
    }

    fn is_enough(&self) -> bool {
        self.values.len() >= self.limit || self.bytes >= BYTES || Instant::now() >= self.until
    }

    async fn read(
        &mut self,
        connection: &Connection,
        mut names: Vec<Vec<u8>>,
    ) -> Result<(), RedisStoreError> {
        names.retain(|name| self.seen.insert(name.clone()));
        for batch in names.chunks(BATCH) {
            if self.is_enough() {
                break;
            }
            let values = try_join_all(batch.iter().map(|name| read(connection, name))).await?;
            for (name, value) in batch.iter().zip(values) {
                self.add(name, value);
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &[u8], value: Option<Vec<u8>>) {
        let (Some(key), Some(value)) = (self.prefix.key(name), value) else {
            return;
        };
        if self.values.len() < self.limit {
            self.bytes += key.len() + value.len();
            self.values.push((key, value));
        }
    }
}
