//! A server that redirects a parked upload to itself, for ever.

use tower_follow_redirect::{FollowRedirectLayer, RefusalKind};

use crate::{
    body::Length,
    caller::{Caller, End},
    site::{Step, redirect},
    trial::{Pool, Sent, Trial, Upload},
};

const LIMIT: usize = 20;

#[test]
fn a_loop_of_parked_uploads_ends_at_the_limit_and_costs_no_byte() {
    for length in [Length::Known, Length::Unknown] {
        for pool in [Pool::Kept, Pool::Off] {
            for then in [Step::Drain, Step::Again, Step::Idle] {
                let upload = Upload { size: 2 << 20, chunk: 64 << 10, length, sent: Sent::Parked };
                let mut trial = Trial::new(format!("{upload:?}, {pool:?}, {then:?}")).pool(pool);
                let server =
                    trial.site([Step::Head, Step::Say(redirect("/object", "again")), then]);
                let layer = FollowRedirectLayer::new().limit(LIMIT);
                let outcome = trial.run(&server.url, layer, upload, Caller::Stays);
                let End::Refused { kind, content } = &outcome.end else { panic!("{outcome:?}") };
                assert_eq!((*kind, content), (RefusalKind::TooManyRedirects, &Ok(5)));
                assert_eq!(outcome.at(&server).len(), LIMIT + 1, "{outcome:?}");
                for request in outcome.at(&server) {
                    assert!(request.content.is_empty() && !request.is_whole(), "{outcome:?}");
                }
                assert_eq!(outcome.read, 0, "{outcome:?}");
            }
        }
    }
}
