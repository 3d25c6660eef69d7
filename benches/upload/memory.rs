//! Peak memory of an upload that waits for `100 Continue`, and its bytes on the wire: straight to the
//! target without the layer, and with it through a front that redirects it before it has read it.
//!
//! Every upload has a process of its own, whose peak the kernel tells. The servers are here.

use std::{
    env, fs,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http::Request;
use tokio::{process::Command, runtime::Runtime};
use tower::{BoxError, Layer};
use tower_follow_redirect::FollowRedirectLayer;

use crate::{
    FRAME, GIB, MIB, Scale,
    body::{Length, OneShot, is_part},
    by_hand::ByHand,
    client_runtime, hyper_client,
    raw::{OK, Server, field, redirect},
    upload,
};

/// The first argument of a process that makes one upload.
pub const CHILD: &str = "--child";

/// By how much peaks may differ, in KiB: with the layer or without, and from size to size.
const BOUND: u64 = 4 * 1024;

const FULL: [(u64, Length); 4] = [
    (64 * MIB, Length::Known),
    (GIB, Length::Known),
    (4 * GIB, Length::Known),
    (GIB, Length::Unknown),
];

const SMOKE: [(u64, Length); 3] =
    [(2 * MIB, Length::Known), (16 * MIB, Length::Known), (2 * MIB, Length::Unknown)];

/// One upload, as it was measured.
struct Measured {
    /// In KiB.
    peak: u64,
    took: Duration,
    /// Bytes of content that came there.
    front: u64,
    target: u64,
}

/// Measures uploads of several sizes, prints them, and says what is not as it should be.
pub fn measure(servers: &Runtime, scale: Scale) -> Result<Vec<String>, BoxError> {
    if peak().is_none() {
        println!("memory: this system does not tell a process's peak");
        return Ok(Vec::new());
    }
    let uploads = match scale {
        Scale::Full => &FULL[..],
        Scale::Smoke => &SMOKE[..],
    };
    println!("memory: one-shot uploads, without the layer, and with it through an early 307");
    println!(
        "{:>17} {:>10} {:>10} {:>10} {:>8} {:>8} {:>9} {:>11} {:>9}",
        "", "peak", "layer", "more", "time", "layer", "at front", "at target", "wire/body"
    );
    let mut complaints = Vec::new();
    let (mut bare_peaks, mut layer_peaks) = (Vec::new(), Vec::new());
    for &(size, length) in uploads {
        let bare = servers.block_on(run("bare", size, length))?;
        let layer = servers.block_on(run("layer", size, length))?;
        let framing = if length == Length::Known { "" } else { ", chunked" };
        let name = format!("{} MiB{framing}", size / MIB);
        println!(
            "{name:>17} {:>6} KiB {:>6} KiB {:>6} KiB {:>6.2} s {:>6.2} s {:>9} {:>11} {:>9.2}",
            bare.peak,
            layer.peak,
            layer.peak as i64 - bare.peak as i64,
            bare.took.as_secs_f64(),
            layer.took.as_secs_f64(),
            layer.front,
            layer.target,
            (layer.front + layer.target) as f64 / size as f64,
        );
        if layer.peak > bare.peak + BOUND {
            complaints.push(format!("{name}: the layer needs more than {BOUND} KiB"));
        }
        for upload in [&bare, &layer] {
            if (upload.front, upload.target) != (0, size) {
                complaints.push(format!("{name}: other bytes on the wire than the body's"));
            }
        }
        bare_peaks.push(bare.peak);
        layer_peaks.push(layer.peak);
    }
    for (who, peaks) in [("without the layer", bare_peaks), ("with the layer", layer_peaks)] {
        let spread = peaks.iter().max().unwrap() - peaks.iter().min().unwrap();
        println!("  from size to size, {who}: {spread} KiB");
        if spread > BOUND {
            complaints.push(format!("the peak {who} grows with the size, by {spread} KiB"));
        }
    }
    Ok(complaints)
}

/// Makes one upload in a process of its own.
async fn run(client: &str, size: u64, length: Length) -> Result<Measured, BoxError> {
    let (front_count, target_count) = (Arc::default(), Arc::default());
    let target = target(Arc::clone(&target_count)).await;
    let front = front(&target.url("/object"), Arc::clone(&front_count)).await;
    let url = if client == "bare" { target.url("/object") } else { front.url("/object") };
    let length = format!("{length:?}");
    let child = Command::new(env::current_exe()?)
        .args([CHILD, client, &size.to_string(), &length, &url])
        .stderr(Stdio::inherit())
        .output()
        .await?;
    if !child.status.success() {
        return Err(format!("the upload of {size} bytes failed: {}", child.status).into());
    }
    let said = String::from_utf8(child.stdout)?;
    let (peak, took) = said.trim().split_once(' ').ok_or("the process said nothing")?;
    Ok(Measured {
        peak: peak.parse()?,
        took: Duration::from_micros(took.parse()?),
        front: front_count.load(Ordering::SeqCst),
        target: target_count.load(Ordering::SeqCst),
    })
}

/// Makes the upload that the arguments say, and prints the peak and the time.
pub fn child(args: &[&str]) -> Result<(), BoxError> {
    let &[client, size, length, url] = args else { return Err("no such upload".into()) };
    let length = if length == "Known" { Length::Known } else { Length::Unknown };
    let (body, _) = OneShot::new(size.parse()?, FRAME, length);
    let began = Instant::now();
    let request = Request::put(url).body(body)?;
    client_runtime()?.block_on(async {
        if client == "bare" {
            upload(hyper_client(), ByHand::wait(request)).await
        } else {
            upload(FollowRedirectLayer::new().layer(hyper_client()), request).await
        }
    })?;
    let took = began.elapsed().as_micros();
    println!("{} {took}", peak().ok_or("no peak is told")?);
    Ok(())
}

/// Returns the most memory that this process has had, in KiB.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Starts the target, which counts content and looks at every byte of it.
async fn target(count: Arc<AtomicU64>) -> Server {
    Server::start(move |mut connection, _| {
        let count = Arc::clone(&count);
        async move {
            let head = connection.head().await.expect("a request comes");
            assert_eq!(field(&head, "expect"), Some("100-continue"));
            connection.say("HTTP/1.1 100 Continue\r\n\r\n").await;
            let check = |part: &[u8], position| {
                assert!(is_part(part, position), "other bytes after {position}");
                count.fetch_add(part.len() as u64, Ordering::SeqCst);
            };
            if let Some(length) = field(&head, "content-length") {
                connection.show(length.parse().expect("a length"), check).await;
            } else {
                let mut position = 0;
                while let Some(chunk) = connection.chunk().await {
                    check(&chunk, position);
                    position += chunk.len() as u64;
                }
            }
            connection.say(OK).await;
            connection.read_to_end().await;
        }
    })
    .await
}

/// Starts the front, which redirects as soon as it has a head, and counts what comes nevertheless.
async fn front(location: &str, count: Arc<AtomicU64>) -> Server {
    let answer = redirect(307, location);
    Server::start(move |mut connection, _| {
        let (answer, count) = (answer.clone(), Arc::clone(&count));
        async move {
            connection.head().await.expect("a request comes");
            connection.say(answer).await;
            let add = |part: &[u8], _| {
                count.fetch_add(part.len() as u64, Ordering::SeqCst);
            };
            connection.show(u64::MAX, add).await;
        }
    })
    .await
}
