//! Who is asked: a closure, or a Tower service.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use tower_service::Service;

use super::{Confirmation, Consent};
use crate::BoxError;

pub(super) type Answering = Pin<Box<dyn Future<Output = Consent> + Send>>;

/// Puts the question.
pub(super) trait Ask: Send + Sync {
    fn ask(&self, confirmation: Confirmation) -> Answering;
}

pub(super) struct AskFn<F>(Arc<F>);

impl<F> AskFn<F> {
    pub(super) fn new(ask: F) -> Self {
        Self(Arc::new(ask))
    }
}

impl<F, Fut> Ask for AskFn<F>
where
    F: Fn(Confirmation) -> Fut + Send + Sync + 'static,
    Fut: Future<Output: Into<Consent>> + Send + 'static,
{
    /// Not before it is awaited: another policy may stop, and then nobody is to see the question.
    fn ask(&self, confirmation: Confirmation) -> Answering {
        let ask = Arc::clone(&self.0);
        Box::pin(async move { ask(confirmation).await.into() })
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
