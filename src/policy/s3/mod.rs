//! Amazon S3's redirects, followed as S3 means them.

mod decide;
mod endpoint;
mod error_xml;
mod grammar;
mod partition;
mod policy;
mod refused;
mod resource;
mod signing;
mod site;
mod split;

pub use self::{
    endpoint::{EndpointFamily, S3Endpoint},
    partition::Partition,
    policy::{Foreign, S3},
    refused::{Reason, Refused},
    signing::{SignedWith, SigningRegion},
};
