//! Calls whose messages are a stream, which can be read once.

use std::time::Duration;

use tokio::{sync::mpsc, time::timeout};
use tokio_stream::{StreamExt, wrappers::UnboundedReceiverStream};
use tower_follow_redirect::{RefusalKind, TotalTimeElapsed};
use tower_follow_redirect_tonic::layer;

use crate::{cause, client, client_of, number, refused, sums::Node};

/// Longer than any test may take: what waits for it has failed.
const A_MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_stream_of_the_client_arrives_whole() {
    for status in [307, 308] {
        let node = Node::start().await;
        let front = Node::redirecting(status, node.address).await;
        let numbers = tokio_stream::iter((1..=1000).map(number));
        let sum = client(&front).sum(numbers).await.unwrap();
        assert_eq!(sum.into_inner(), number(500_500), "{status}");
        assert_eq!((front.seen().len(), node.seen().len()), (1, 1), "{status}");
    }
}

/// The call is redirected while its stream is open: what was said before, and what is said after.
#[tokio::test]
async fn a_stream_goes_on_where_it_was_redirected_to() {
    let node = Node::start().await;
    let front = Node::redirecting(307, node.address).await;
    let (say, numbers) = mpsc::unbounded_channel();
    say.send(number(1)).unwrap();
    let call =
        tokio::spawn(
            async move { client(&front).sum(UnboundedReceiverStream::new(numbers)).await },
        );
    let arrived = async {
        while node.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(A_MINUTE, arrived).await.expect("the call is redirected");
    say.send(number(2)).unwrap();
    drop(say);
    assert_eq!(call.await.unwrap().unwrap().into_inner(), number(3));
}

/// A conversation: each number is said when the sum of those before it has come.
#[tokio::test]
async fn both_sides_talk_through_a_redirect() {
    let node = Node::start().await;
    let front = Node::redirecting(307, node.address).await;
    let (say, numbers) = mpsc::unbounded_channel();
    let mut client = client(&front);
    let call = client.running(UnboundedReceiverStream::new(numbers));
    let mut sums = timeout(A_MINUTE, call).await.expect("the head comes").unwrap().into_inner();
    for (value, sum) in [(1, 1), (2, 3), (3, 6)] {
        say.send(number(value)).unwrap();
        let next = timeout(A_MINUTE, sums.next()).await.expect("the sum comes");
        assert_eq!(next.unwrap().unwrap(), number(sum));
    }
    drop(say);
    assert!(sums.next().await.is_none());
}

/// More than the record holds was sent when the redirect came.
#[tokio::test]
async fn a_stream_that_was_sent_too_far_is_not_cut_short() {
    let node = Node::start().await;
    let front = Node::redirecting(307, node.address).await;
    let numbers = || tokio_stream::iter((1..=5000).map(number));
    let error = client_of(&layer().replay_limit(100), &front).sum(numbers()).await.unwrap_err();
    assert_eq!(refused(&error), Some(RefusalKind::BodyNotReplayable), "{error:?}");
    assert_eq!(node.seen(), []);
    let sum = client_of(&layer().replay_limit(1 << 20), &front).sum(numbers()).await.unwrap();
    assert_eq!(sum.into_inner(), number(12_502_500));
}

/// `grpc-timeout` tells the server only, and each server anew. The call's end is the layer's to keep.
#[tokio::test]
async fn the_whole_call_has_a_time() {
    let node = Node::start().await;
    let front = Node::redirecting(307, node.address).await;
    let numbers = tokio_stream::once(number(1)).chain(tokio_stream::once(number(2)));
    let endless = numbers.chain(tokio_stream::pending());
    let layer = layer().total_time(Duration::from_millis(300));
    let mut client = client_of(&layer, &front);
    let error = timeout(A_MINUTE, client.sum(endless)).await.expect("it ends").unwrap_err();
    assert!(cause::<TotalTimeElapsed>(&error).is_some(), "{error:?}");
    assert_eq!(node.seen().len(), 1);
}
