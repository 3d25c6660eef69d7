//! Amazon S3's redirects.

mod signing;

pub use self::signing::{SignedWith, SigningRegion};
