//! Bodies that can be sent again, and held back until the server asks for them.
//!
//! `handover` passes the caller's body from hop to hop, `replay` is what a hop's transport reads of
//! it, `recording` keeps what was read (in a `record` of `frames`, or with `spill` in a file), `upload`
//! is the side that the redirect layer holds, `response` what the caller gets, `file` a body that needs
//! no record.

#[cfg(any(feature = "fs", feature = "spill"))]
mod disk;
#[cfg(test)]
mod explore;
mod factory;
#[cfg(feature = "fs")]
mod file;
mod frames;
mod handover;
mod lock;
#[cfg(test)]
mod properties;
mod record;
mod recording;
mod replay;
mod response;
#[cfg(feature = "spill")]
mod spill;
#[cfg(test)]
mod tests;
mod upload;

#[cfg(feature = "fs")]
pub use self::file::FileBody;
#[cfg(feature = "spill")]
pub use self::spill::Spill;
#[cfg(any(feature = "hyper", test))]
pub(crate) use self::upload::Control;
pub use self::{
    factory::BodyFactory,
    replay::{ReplayBody, UploadCancelled},
    response::ResponseBody,
    upload::Resend,
};
pub(crate) use self::{
    handover::Successor,
    record::Capacity,
    replay::Patience,
    response::{Glimpse, More, Peek},
    upload::{Ends, Prepared, Upload},
};
