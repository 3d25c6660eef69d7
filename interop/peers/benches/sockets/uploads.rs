//! An upload that meets an early 307: bytes on the wire, and time, beside an upload straight to the target.

use tower::BoxError;
use tower_follow_redirect_peers::{
    client::{Client, curl, timed},
    server::Server,
};

use crate::{
    Scale, Stage,
    table::{Spread, ms},
};

const MIB: u64 = 1024 * 1024;

/// How much longer than the upload straight to the target ours may take.
const SLOWEST: f64 = 1.05;

pub(crate) fn measure(stage: &mut Stage) -> Result<(), BoxError> {
    let size = match stage.scale {
        Scale::Full => 32 * MIB,
        Scale::Quick => 2 * MIB,
    };
    for tls in [false, true] {
        upload(stage, tls, size)?;
    }
    Ok(())
}

fn upload(stage: &mut Stage, tls: bool, size: u64) -> Result<(), BoxError> {
    let with = if tls { ", with TLS" } else { "" };
    println!(
        "\na PUT of {} MiB{with}: bytes on the wire / body, ms, and time / direct",
        size / MIB
    );
    let start = |stage: &Stage| stage.servers.block_on(Server::start(tls.then_some(&stage.tls)));
    let (front, target) = (start(stage), start(stage));
    let direct = target.url("/sink");
    let early = front.url(&format!("/early?{direct}"));
    let clients = Client::all(&stage.tls.client);
    let mut times = vec![Vec::new(); clients.len() + 1];
    let mut wires = vec![Vec::new(); clients.len() + 1];
    let on_wire = || front.content() + target.content();
    let file = tempfile::NamedTempFile::new()?;
    file.as_file().set_len(size)?;
    let path = file.path().display().to_string();
    let rounds = match stage.scale {
        Scale::Full => 31,
        Scale::Quick => 1,
    };
    // The first round connects, and is not counted.
    for round in 0..=rounds {
        for (at, client) in clients.iter().enumerate() {
            let url = if at == 0 { &direct } else { &early };
            let before = on_wire();
            let time = stage.clients.block_on(timed(client.put(url, size)))?;
            if round > 0 {
                times[at].push(ms(time));
                wires[at].push((on_wire() - before) as f64 / size as f64);
            }
        }
        let before = on_wire();
        let curls = stage.clients.block_on(curl(&stage.tls, &["-T", &path], &early, 2))?;
        if let (Some(curls), true) = (curls, round > 0) {
            times[clients.len()].extend(curls.into_iter().map(ms));
            wires[clients.len()].push((on_wire() - before) as f64 / (2 * size) as f64);
        }
    }
    let names = clients.iter().map(Client::name).chain(["curl"]);
    for ((name, times_), wires) in names.zip(&times).zip(&wires) {
        if times_.is_empty() {
            println!("{name:>18} is not installed");
            continue;
        }
        let (wire, time) = (Spread::of(wires.iter().copied()), Spread::of(times_.iter().copied()));
        let ratio = Spread::of_ratios(times_, &times[0]);
        println!("{name:>18}  wire {:.2}  {:>30}  {ratio}", wire.median, time.to_string());
        if name == "ours" {
            stage.complain(wire.most > 1.0, || {
                format!("upload{with}: {wire} × the body on the wire")
            });
            let is_slow = stage.scale == Scale::Full && ratio.median > SLOWEST;
            stage
                .complain(is_slow, || format!("upload{with}: {ratio} of the direct upload's time"));
        }
    }
    Ok(())
}
