//! Throughput of an upload that is recorded until it passes the replay limit, beside the same upload
//! without the layer.
//!
//! Both go over loopback to a server that only counts, from bodies that cost nothing: so all that is
//! left beside the layer is hyper and the kernel.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use tokio::runtime::Runtime;
use tower::{BoxError, Layer};
use tower_follow_redirect::{ExpectContinue, FollowRedirectLayer};

use crate::{
    FRAME, MIB, Scale, client_runtime, hyper_client,
    raw::{OK, Server, field},
    upload,
};

/// The throughput with the layer must be so much of that without it.
const BOUND: f64 = 0.97;

/// Measures in rounds, prints the ratio, and says so if it is too low.
pub fn measure(servers: &Runtime, scale: Scale) -> Result<Vec<String>, BoxError> {
    // Two connections over loopback seldom run alike: only many rounds tell.
    let (rounds, size) = match scale {
        Scale::Full => (301, 64 * MIB),
        Scale::Smoke => (2, 4 * MIB),
    };
    let sink = servers.block_on(sink());
    let rounds = client_runtime()?.block_on(measure_rounds(&sink.url("/object"), rounds, size))?;
    let bare = Spread::of(rounds.iter().map(|round| round.bare));
    let layer = Spread::of(rounds.iter().map(|round| round.layer));
    let ratio = Spread::of(rounds.iter().map(|round| round.layer / round.bare));
    println!(
        "throughput: {} rounds of {} MiB in frames of {} KiB, recorded beyond the limit",
        rounds.len(),
        size / MIB,
        FRAME / 1024
    );
    println!("{:>17} {:>9} {:>9} {:>9}", "", "least", "median", "most");
    for (name, Spread { least, median, most }) in [("MiB/s", bare), ("MiB/s with layer", layer)] {
        println!("{name:>17} {least:>9.0} {median:>9.0} {most:>9.0}");
    }
    println!("{:>17} {:>9.3} {:>9.3} {:>9.3}", "ratio", ratio.least, ratio.median, ratio.most);
    let low = scale == Scale::Full && ratio.median < BOUND;
    Ok(low.then(|| format!("the ratio {:.3} is below {BOUND}", ratio.median)).into_iter().collect())
}

/// Two uploads one after the other, in MiB/s.
struct Round {
    bare: f64,
    layer: f64,
}

async fn measure_rounds(url: &str, rounds: usize, size: u64) -> Result<Vec<Round>, BoxError> {
    // The server waits for all: nothing is held back, and only the recording differs.
    let layer = FollowRedirectLayer::new().expect_continue(ExpectContinue::off());
    // Every upload has its own connection: one that turns out slow must not count for all rounds.
    let bare = || timed(size, upload(hyper_client(), put(url, size)));
    let layered = || timed(size, upload(layer.layer(hyper_client()), put(url, size)));
    // Warms up.
    let mut measured = vec![Round { bare: bare().await?, layer: layered().await? }];
    for round in 0..rounds {
        // Who is first takes turns.
        measured.push(if round % 2 == 0 {
            let bare = bare().await?;
            Round { bare, layer: layered().await? }
        } else {
            let layer = layered().await?;
            Round { bare: bare().await?, layer }
        });
    }
    Ok(measured.split_off(1))
}

fn put(url: &str, size: u64) -> Request<Repeat> {
    Request::put(url).body(Repeat::new(size)).expect("a request")
}

async fn timed(
    size: u64,
    upload: impl Future<Output = Result<(), BoxError>>,
) -> Result<f64, BoxError> {
    let began = Instant::now();
    upload.await?;
    Ok((size / MIB) as f64 / began.elapsed().as_secs_f64())
}

struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<_> = values.collect();
        values.sort_unstable_by(f64::total_cmp);
        Self { least: values[0], median: values[values.len() / 2], most: values[values.len() - 1] }
    }
}

/// A body that gives the same frame again and again.
struct Repeat {
    frame: Bytes,
    left: u64,
}

impl Repeat {
    fn new(size: u64) -> Self {
        assert_eq!(size % FRAME, 0, "all frames are whole");
        Self { frame: vec![b'x'; FRAME as usize].into(), left: size }
    }
}

impl Body for Repeat {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= FRAME;
        Poll::Ready(Some(Ok(Frame::data(self.frame.clone()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Starts a server that reads all, and looks at nothing.
async fn sink() -> Server {
    Server::start(|mut connection, _| async move {
        while let Some(head) = connection.head().await {
            let length = field(&head, "content-length").expect("the length is known");
            connection.show(length.parse().expect("a length"), |_, _| ()).await;
            connection.say(OK).await;
        }
    })
    .await
}
