//! Waiting, within bounds.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use crate::timer::{Deadline, Timer};

/// Waits for a future, so long.
pub(super) async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut deadline = Deadline::new(&Timer::default(), time);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => deadline.poll(cx).map(|()| None),
    })
    .await
}

pub(super) async fn sleep(time: Duration) {
    let mut deadline = Deadline::new(&Timer::default(), time);
    poll_fn(|cx| deadline.poll(cx)).await;
}
