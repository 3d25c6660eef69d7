//! The bugs of tower-http 0.7.1 and reqwest 0.13.5, none of which is ours.
//!
//! The numbers are those of the study of both (B1 to B36); each test says what they do. Two of the
//! list need no test here:
//!
//! - B34: tower-http wakes itself once per hop instead of going on. It costs one schedule; our
//!   future goes on in a loop, as `service::contract::a_hop_needs_no_extra_wake_up` shows.
//! - B36: 300, 304, 305, 306 and unknown 3xx are never followed. That is right, and we do the same;
//!   `service::refusals::every_3xx_that_is_not_followed_says_why` has them.

mod connections;
mod credentials;
mod decisions;
mod location;
mod next_request;
mod uploads;
