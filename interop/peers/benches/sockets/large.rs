//! 1 GiB through an early 307, with `100 Continue`: time and peak memory, beside the same upload straight
//! to the target. Each upload has a process of its own, whose peak the kernel tells.

use std::{
    env, fs,
    process::{Command, Stdio},
};

use tokio::runtime::Builder;
use tower::BoxError;
use tower_follow_redirect_peers::{
    client::{Client, timed},
    server::Server,
    tls,
};

use crate::{
    Scale, Stage,
    table::{Spread, ms},
};

/// The first argument of a process that makes one upload.
pub(crate) const CHILD: &str = "--child";

/// How much more memory than the upload straight to the target ours may need, in KiB.
const MORE: f64 = 4.0 * 1024.0;

pub(crate) fn measure(stage: &mut Stage) -> Result<(), BoxError> {
    if peak().is_none() {
        println!("\nthis system does not tell a process's peak");
        return Ok(());
    }
    let size = match stage.scale {
        Scale::Full => 1 << 30,
        Scale::Quick => 8 << 20,
    };
    for with_tls in [false, true] {
        upload(stage, with_tls, size)?;
    }
    Ok(())
}

fn upload(stage: &mut Stage, with_tls: bool, size: u64) -> Result<(), BoxError> {
    let with = if with_tls { ", with TLS" } else { "" };
    println!(
        "\na streamed PUT of {} MiB{with}: bytes on the wire / body, s, time / bare, KiB",
        size >> 20
    );
    let start = || stage.servers.block_on(Server::start(with_tls.then_some(&stage.tls)));
    let (front, target) = (start(), start());
    let direct = target.url("/sink");
    let early = front.url(&format!("/early?{direct}"));
    let pem = tempfile::NamedTempFile::new()?;
    fs::write(pem.path(), &stage.tls.pem)?;
    let mut runs = [("bare", &direct), ("ours", &early)].map(|(name, url)| Runs::new(name, url));
    for _ in 0..stage.scale.rounds() {
        for runs in &mut runs {
            let before = front.content() + target.content();
            let child = Command::new(env::current_exe()?)
                .args([CHILD, runs.name, runs.url, &size.to_string()])
                .arg(pem.path())
                .stderr(Stdio::inherit())
                .output()?;
            let said = String::from_utf8(child.stdout)?;
            let (time, peak) = said.trim().split_once(' ').ok_or("the upload failed")?;
            runs.seconds.push(time.parse::<f64>()? / 1e3);
            runs.kib.push(peak.parse()?);
            runs.bytes += front.content() + target.content() - before;
        }
    }
    for Runs { name, seconds, kib, bytes, .. } in &runs {
        let wire = *bytes as f64 / (size * stage.scale.rounds() as u64) as f64;
        let (time, peak) = (Spread::of(seconds.clone()), Spread::of(kib.clone()));
        println!(
            "{name:>18}  wire {wire:.2}  {:>20}  {}  {:.0} ({:.0}–{:.0})",
            time.to_string(),
            Spread::of_ratios(seconds, &runs[0].seconds),
            peak.median,
            peak.least,
            peak.most
        );
        stage.complain(wire > 1.0, || format!("{name}{with}: {wire} × the body on the wire"));
    }
    let [bare, ours] = runs.map(|runs| Spread::of(runs.kib).median);
    let more = ours - bare;
    stage.complain(more > MORE, || format!("1 GiB{with}: {more} KiB more than without the layer"));
    Ok(())
}

/// What the uploads of one client have cost, one of each round.
struct Runs<'a> {
    name: &'static str,
    url: &'a str,
    seconds: Vec<f64>,
    kib: Vec<f64>,
    bytes: u64,
}

impl<'a> Runs<'a> {
    fn new(name: &'static str, url: &'a str) -> Self {
        Self { name, url, seconds: Vec::new(), kib: Vec::new(), bytes: 0 }
    }
}

/// Makes the upload that the arguments say, and prints how long it took, in milliseconds, and the peak, in KiB.
pub(crate) fn child(arguments: &[String]) -> Result<(), BoxError> {
    let [client, url, size, pem] = arguments else { return Err("no such upload".into()) };
    let trust = tls::trusting_pem(&fs::read_to_string(pem)?);
    let client = if client == "bare" { Client::bare(&trust) } else { Client::ours(&trust) };
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let time = runtime.block_on(timed(client.put(url, size.parse()?)))?;
    println!("{} {}", ms(time), peak().ok_or("no peak is told")?);
    Ok(())
}

/// Returns the most memory that this process has had, in KiB.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
