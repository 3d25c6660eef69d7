//! Faults on real sockets: whatever servers and callers do, a call leaves nothing behind, and no upload
//! arrives that is not what the caller sent.
//!
//! Each trial is one call through the layer around hyper-util's client. What holds for all of them is
//! checked after each ([`trial::Trial::run`]); the tests say what holds besides. Trials run one
//! at a time, since they count the sockets of the process.
//!
//! Offsets are sampled, so that all is done within a minute. `FAULTS_STEP=1` tries every one.

#![cfg(target_os = "linux")]
#![expect(unreachable_pub, reason = "test modules are not a library")]

mod caller;
mod closing;
mod count;
mod full;
mod leaving;
mod looping;
mod offsets;
mod received;
mod redirecting;
mod silent;
mod site;
mod trial;

#[path = "../it/support/body.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod body;
