//! Who is asked: a closure, or a Tower service.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use tower_service::Service;

use super::{Confirmation, Consent};
use crate::BoxError;

pub(super) type Answering = Pin<Box<dyn Future<Output = Consent> + Send>>;

/// Puts the question.
pub(super) trait Ask: Send + Sync {
    fn ask(&self, confirmation: Confirmation) -> Answering;
}

pub(super) struct AskFn<F>(pub(super) F);

impl<F, Fut> Ask for AskFn<F>
where
    F: Fn(Confirmation) -> Fut + Send + Sync,
    Fut: Future<Output: Into<Consent>> + Send + 'static,
{
    fn ask(&self, confirmation: Confirmation) -> Answering {
        let answer = (self.0)(confirmation);
        Box::pin(async move { answer.await.into() })
    }
}

/// A service of which every question has a clone. The lock makes it `Sync`.
pub(super) struct AskService<S>(Mutex<S>);

impl<S> AskService<S> {
    pub(super) fn new(service: S) -> Self {
        Self(Mutex::new(service))
    }
}

impl<S> Ask for AskService<S>
where
    S: Service<Confirmation, Response: Into<Consent>, Error: Into<BoxError>, Future: Send>,
    S: Clone + Send + 'static,
{
    fn ask(&self, confirmation: Confirmation) -> Answering {
        let mut service = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async move {
            if let Err(error) = poll_fn(|cx| service.poll_ready(cx)).await {
                return Consent::Unanswered(error.into());
            }
            service.call(confirmation).await.into()
        })
    }
}
