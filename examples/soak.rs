//! The acceptance test of early redirects: 1000 one-shot uploads of 16 MiB, 16 at a time, each answered
//! 307 before it is read, by a front that then closes the connection, and by one that drains it.
//!
//! A client that sends at once loses some of these redirects to a reset, and sends the rest of its
//! uploads twice. Here every one must be followed, no byte of a body may come to the front, and no
//! connection and no task may be left.
//!
//!     scripts/soak [tries]

#![expect(unreachable_pub, reason = "the modules belong to the tests")]

#[path = "../tests/soak/servers.rs"]
mod servers;
#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/it/support/mod.rs"]
mod support;
#[path = "../tests/soak/uploads.rs"]
mod uploads;

use std::env;

use servers::Front;
use tower::BoxError;
use uploads::soak;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let tries = env::args().nth(1).map_or(Ok(1000), |tries| tries.parse())?;
    for front in [Front::ClosesUnread, Front::Drains] {
        let figures = soak(front, tries, 16 << 20).await;
        println!("{figures}");
        figures.assert_perfect();
    }
    Ok(())
}
