//! Why the store failed.

use std::{error::Error, fmt, time::Duration};

use redis::RedisError;

/// Why the store failed.
///
/// A [`PermanentCache`](tower_follow_redirect::policy::permanent::PermanentCache) counts it, and goes on
/// without the store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RedisStoreError {
    /// The server cannot be reached, or refuses.
    Redis(RedisError),
    /// A key or a value is longer than 64 KiB.
    TooLong,
    /// The server, which was listened to, has not answered for that time.
    Silent(Duration),
    /// The connection on which the server was listened to is lost.
    Lost,
    /// There is no connection, since the runtime shuts down, or `redis` panicked, as it does where rustls
    /// has no cryptography.
    NotConnected,
}

impl From<RedisError> for RedisStoreError {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

impl fmt::Display for RedisStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis(_) => f.write_str("Redis cannot be reached, or refuses"),
            Self::TooLong => f.write_str("a key or a value is longer than 64 KiB, so it is not shared"),
            Self::Silent(time) => write!(f, "Redis has not answered for {time:?}: listen anew"),
            Self::Lost => f.write_str("the connection to Redis is lost: listen anew"),
            Self::NotConnected => f.write_str(
                "there is no connection to Redis: the runtime shuts down, or rustls has no cryptography",
            ),
        }
    }
}

impl Error for RedisStoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Redis(source) => Some(source),
            _ => None,
        }
    }
}
