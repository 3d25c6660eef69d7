//! Uploads that are redirected before they are read, and a load of redirects of every kind: nothing is lost,
//! and nothing is left.
//!
//! One test at a time, in a process of their own, since they count what the process has open.
//! `scripts/soak` sends more of both.

#![expect(unreachable_pub, reason = "test modules are not a library")]

mod errand;
mod load;
mod open;
mod servers;
mod site;
#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../it/support/mod.rs"]
mod support;
mod uploads;

use std::sync::{Mutex, PoisonError};

use servers::Front;
use tokio::runtime::Builder;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone(test: impl Future<Output = ()>) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test);
}

#[test]
fn an_early_redirect_loses_no_upload_and_leaves_nothing_open() {
    alone(async {
        for front in [Front::ClosesUnread, Front::Drains] {
            let figures = uploads::soak(front, 100, 16 << 20).await;
            println!("{figures}");
            figures.assert_perfect();
        }
    });
}

#[test]
fn a_load_of_redirects_loses_nothing_and_leaves_nothing_open() {
    alone(async {
        let figures = load::load(2000).await;
        println!("{figures}");
        figures.assert_perfect();
    });
}
