//! Uploads that are redirected before they are read: the race between the answer and the reset.
//!
//! One test in a process of its own, since it counts what the process has open. `scripts/soak` makes
//! ten times as many uploads.

#![expect(unreachable_pub, reason = "test modules are not a library")]

mod servers;
#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../it/support/mod.rs"]
mod support;
mod uploads;

use servers::Front;
use uploads::soak;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_redirect_loses_no_upload_and_leaves_nothing_open() {
    for front in [Front::ClosesUnread, Front::Drains] {
        let figures = soak(front, 100, 16 << 20).await;
        println!("{figures}");
        figures.assert_perfect();
    }
}
