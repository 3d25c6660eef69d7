//! Uploads that are redirected before they are read: the race between the answer and the reset.
//!
//! `scripts/soak` runs the same ten times as often.

use crate::support::soak::{Front, soak};

const TRIES: u64 = 30;
const SIZE: u64 = 16 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_front_that_closes_unread_loses_no_redirect_and_gets_no_body() {
    let figures = soak(Front::ClosesUnread, TRIES, SIZE).await;
    println!("{figures}");
    figures.assert_perfect();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_front_that_drains_gets_no_body() {
    let figures = soak(Front::Drains, TRIES, SIZE).await;
    println!("{figures}");
    figures.assert_perfect();
}
