//! Bodies that can be sent again, and held back until the server asks for them.
//!
//! `handover` passes the caller's body from hop to hop, `replay` records what leaves, `upload` is
//! the side that the redirect layer holds, `response` what the caller gets.

#[cfg(all(test, feature = "hyper"))]
mod explore;
mod handover;
mod lock;
mod recording;
mod replay;
mod response;
#[cfg(test)]
mod tests;
mod upload;

#[cfg(any(feature = "hyper", test))]
pub(crate) use self::upload::Control;
pub use self::{
    replay::{ReplayBody, UploadCancelled},
    response::ResponseBody,
    upload::{BodyFactory, Resend},
};
pub(crate) use self::{
    response::{Glimpse, More, Peek},
    upload::{Ends, Prepared, Upload},
};
