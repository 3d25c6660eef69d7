//! Work in a task of its own.

use std::future::Future;

use tokio::task::JoinSet;

use crate::RedisStoreError;

/// Does `work` in a task, so that a panic of `redis` ends nothing else. Dropped, it ends.
pub(crate) async fn in_task<T: Send + 'static>(
    work: impl Future<Output = Result<T, RedisStoreError>> + Send + 'static,
) -> Result<T, RedisStoreError> {
    let mut task = JoinSet::new();
    task.spawn(work);
    match task.join_next().await {
        Some(Ok(result)) => result,
        _ => Err(RedisStoreError::NotConnected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let result = in_task::<()>(async { panic!("no cryptography") }).await;
        assert!(matches!(result, Err(RedisStoreError::NotConnected)));
    }
}
