//! Requests per second with 64 in flight, without a redirect and through one.

use futures_util::{StreamExt, stream};
use tower::BoxError;
use tower_follow_redirect_peers::{
    client::{Client, timed},
    server::Server,
};

use crate::{Scale, Stage, table::Spread};

const IN_FLIGHT: usize = 64;

/// What is left of the bare client's requests per second.
const LEAST: f64 = 0.98;

pub(crate) fn measure(stage: &mut Stage) -> Result<(), BoxError> {
    for tls in [false, true] {
        for redirects in [0, 1] {
            load(stage, tls, redirects)?;
        }
    }
    Ok(())
}

fn load(stage: &mut Stage, tls: bool, redirects: u64) -> Result<(), BoxError> {
    let (requests, rounds) = match (stage.scale, redirects) {
        (Scale::Full, 0) => (20_000, 25),
        (Scale::Full, _) => (10_000, 15),
        (Scale::Quick, _) => (100, 1),
    };
    let with = if tls { ", with TLS" } else { "" };
    println!("\n{IN_FLIGHT} in flight, {redirects} redirects{with}: thousand requests per second");
    let server = stage.servers.block_on(Server::start(tls.then_some(&stage.tls)));
    let url = server.url(&format!("/hop/{redirects}/0/0"));
    let mut clients = Client::all(&stage.tls.client);
    if redirects > 0 {
        // The bare one follows nothing.
        clients.remove(0);
    }
    let mut rates = vec![Vec::new(); clients.len()];
    // The first round connects, and is not counted.
    for round in 0..=rounds {
        for at in 0..clients.len() {
            // Whoever comes after another takes turns.
            let at = (at + round) % clients.len();
            let client = &clients[at];
            let all = async {
                let calls = stream::iter(0..requests).map(|_| client.get(&url));
                let mut calls = calls.buffer_unordered(IN_FLIGHT);
                while let Some(called) = calls.next().await {
                    called?;
                }
                Ok(())
            };
            let time = stage.clients.block_on(timed(all))?;
            if round > 0 {
                rates[at].push(requests as f64 / 1e3 / time.as_secs_f64());
            }
        }
    }
    for (client, of_client) in clients.iter().zip(&rates) {
        let rate = Spread::of(of_client.iter().copied());
        let ratio = Spread::of_ratios(of_client, &rates[0]);
        println!(
            "{:>18}  {:>22}  / {}: {ratio}",
            client.name(),
            rate.to_string(),
            clients[0].name()
        );
        if redirects == 0 && client.name() == "ours" {
            stage.complain(stage.scale == Scale::Full && ratio.median < LEAST, || {
                format!("{IN_FLIGHT} in flight{with}: {ratio} of the bare client's rate")
            });
        }
    }
    Ok(())
}
