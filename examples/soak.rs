//! The acceptance tests of what lasts long, over real sockets.
//!
//! `uploads`: 1000 one-shot uploads of 16 MiB, 16 at a time, each answered 307 before it is read, by a front
//! that then closes the connection, and by one that drains it. A client that sends at once loses some of
//! these redirects to a reset, and sends the rest of its uploads twice. Here every one must be followed, no
//! byte of a body may come to the front, and no connection and no task may be left.
//!
//! `load`: 200,000 redirected requests, 64 at a time, a tenth of them uploads, through two servers of
//! hyper's. Every request and every byte must be there, memory must not grow, and nothing may be left.
//!
//!     scripts/soak [--uploads [N]] [--load [N]]

#![expect(unreachable_pub, reason = "the modules belong to the tests")]

#[path = "../tests/soak/errand.rs"]
mod errand;
#[path = "../tests/soak/load.rs"]
mod load;
#[path = "../tests/soak/open.rs"]
mod open;
#[path = "../tests/soak/servers.rs"]
mod servers;
#[path = "../tests/soak/site.rs"]
mod site;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/it/support/mod.rs"]
mod support;
#[path = "../tests/soak/uploads.rs"]
mod uploads;

use std::env;

use servers::Front;
use tower::BoxError;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let what = env::args().nth(1).unwrap_or_default();
    let count = env::args().nth(2).map(|count| count.parse()).transpose()?;
    match what.as_str() {
        "uploads" => uploads(count.unwrap_or(1000)).await,
        "load" => load(count.unwrap_or(200_000)).await,
        _ => return Err("usage: soak uploads|load [how many]".into()),
    }
    Ok(())
}

async fn uploads(tries: u64) {
    for front in [Front::ClosesUnread, Front::Drains] {
        let figures = uploads::soak(front, tries, 16 << 20).await;
        println!("{figures}");
        figures.assert_perfect();
    }
}

async fn load(requests: u64) {
    let figures = load::load(requests).await;
    println!("{figures}");
    figures.assert_perfect();
}
