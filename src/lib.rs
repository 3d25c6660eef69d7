//! Follows HTTP redirects.

#[cfg_attr(not(feature = "hyper"), expect(dead_code, reason = "only hyper reports 1xx"))]
mod body;
mod call;
mod chain;
mod error;
mod future;
mod head;
mod history;
#[cfg_attr(not(feature = "hyper"), expect(dead_code, reason = "only hyper reports 1xx"))]
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
    informational::OnInformational,
    layer::FollowRedirectLayer,
    policy::Policy,
    rules::origin::Origin,
    service::FollowRedirect,
    settings::{Drain, ExpectContinue, OnRefusal},
};
