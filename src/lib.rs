//! Follows HTTP redirects.

mod body;
mod call;
mod chain;
mod error;
mod future;
mod head;
mod history;
mod informational;
mod layer;
pub mod policy;
pub mod rules;
mod service;
mod settings;
mod timer;

pub use self::{
    body::{BodyFactory, ReplayBody, Resend, ResponseBody, UploadCancelled},
    call::ReplayLimit,
    error::{Error, Refusal, RefusalKind},
    future::ResponseFuture,
    history::{Fragment, History, Hop},
    layer::FollowRedirectLayer,
    policy::Policy,
    rules::origin::Origin,
    service::FollowRedirect,
    settings::{Drain, ExpectContinue, OnRefusal},
};

#[cfg(feature = "hyper")]
pub use self::informational::OnInformational;
