//! Eight redirects with bodies of several sizes, at once or late: connections, and time once connected.

use tower::BoxError;
use tower_follow_redirect_peers::{
    client::{Client, curl, timed},
    server::Server,
};

use crate::{
    Scale, Stage,
    table::{Spread, ms},
};

const KIB: u64 = 1024;

/// The most connections for eight redirects whose bodies are up to 64 KiB.
const MOST_CONNECTIONS: u64 = 2;

/// How much longer than curl's own a call may take, once connected.
const SLOWEST: f64 = 1.1;

pub(crate) fn measure(stage: &mut Stage) -> Result<(), BoxError> {
    for tls in [false, true] {
        println!("\n8 redirects{}: connections of a first call, and then ms for each", with(tls));
        let who = ["ours", "tower-http", "reqwest", "curl"];
        print!("{:>18}", "body");
        who.iter().for_each(|who| print!(" {who:>24}"));
        println!(" {:>20}", "ours / curl");
        for size in [0, 200, 64 * KIB, KIB * KIB] {
            for late in [0, 5] {
                row(stage, tls, size, late)?;
            }
        }
    }
    Ok(())
}

fn with(tls: bool) -> &'static str {
    if tls { ", with TLS" } else { "" }
}

fn row(stage: &mut Stage, tls: bool, size: u64, late: u64) -> Result<(), BoxError> {
    let server = stage.servers.block_on(Server::start(tls.then_some(&stage.tls)));
    let url = server.url(&format!("/hop/8/{size}/{late}"));
    let calls = match stage.scale {
        Scale::Full => 5,
        Scale::Quick => 1,
    };
    let clients = [
        Client::ours(&stage.tls.client),
        Client::tower_http(&stage.tls.client),
        Client::reqwest(&stage.tls.client),
    ];
    let mut connections = Vec::new();
    let mut times = vec![Vec::new(); clients.len() + 1];
    for client in &clients {
        let before = server.connections();
        stage.clients.block_on(client.get(&url))?;
        connections.push(server.connections() - before);
    }
    let before = server.connections();
    let has_curl = stage.clients.block_on(curl(&stage.tls, &[], &url, 1))?.is_some();
    connections.push(server.connections() - before);
    for _ in 0..stage.scale.rounds() {
        for (client, times) in clients.iter().zip(&mut times) {
            let call = async {
                for _ in 0..calls {
                    client.get(&url).await?;
                }
                Ok(())
            };
            times.push(ms(stage.clients.block_on(timed(call))?) / calls as f64);
        }
        if has_curl {
            let curls = stage.clients.block_on(curl(&stage.tls, &[], &url, calls + 1))?;
            let curls = curls.unwrap_or_default();
            let sum: f64 = curls.iter().copied().map(ms).sum();
            times[clients.len()].push(sum / calls as f64);
        }
    }
    let name = format!("{size} B{}", if late > 0 { ", 5 ms late" } else { "" });
    print!("{name:>18}");
    for (connections, times) in connections.iter().zip(&times) {
        match times.is_empty() {
            true => print!(" {:>24}", "not installed"),
            false => {
                print!(" {connections:>2}: {:>20}", Spread::of(times.iter().copied()).to_string())
            }
        }
    }
    println!();
    stage.complain(size <= 64 * KIB && connections[0] > MOST_CONNECTIONS, || {
        format!("8 redirects, {name}: {} connections", connections[0])
    });
    if has_curl {
        let ratio = Spread::of_ratios(&times[0], &times[clients.len()]);
        println!("{:>18} ours / curl {ratio}", "");
        let is_judged = stage.scale == Scale::Full && size <= 64 * KIB;
        stage.complain(is_judged && ratio.median > SLOWEST, || {
            format!("8 redirects{}, {name}: {ratio} of curl's time", with(tls))
        });
    }
    Ok(())
}
