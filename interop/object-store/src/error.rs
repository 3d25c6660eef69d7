//! What an error means to object_store, which repeats a request after some of them.

use std::{error::Error, io, iter::successors};

use hyper_util::client::legacy;
use object_store::client::{HttpError, HttpErrorKind};
use tower_follow_redirect::{Refusal, TotalTimeElapsed};

use crate::BoxError;

/// Makes the store's error of one of the service.
pub(crate) fn classify(error: impl Into<BoxError>) -> HttpError {
    let error = error.into();
    HttpError::new_boxed(kind(&*error), error)
}

/// The first cause that is known decides, as in object_store's own client.
fn kind(error: &(dyn Error + 'static)) -> HttpErrorKind {
    successors(Some(error), |&error| error.source())
        .find_map(known)
        .unwrap_or(HttpErrorKind::Unknown)
}

fn known(error: &(dyn Error + 'static)) -> Option<HttpErrorKind> {
    // It would be refused again.
    if error.is::<Refusal>() {
        return Some(HttpErrorKind::Unknown);
    }
    if error.is::<TotalTimeElapsed>() {
        return Some(HttpErrorKind::Timeout);
    }
    if let Some(error) = error.downcast_ref::<legacy::Error>() {
        return error.is_connect().then_some(HttpErrorKind::Connect);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        let lost =
            error.is_closed() || error.is_incomplete_message() || error.is_body_write_aborted();
        let timeout = error.is_timeout().then_some(HttpErrorKind::Timeout);
        return if lost { Some(HttpErrorKind::Request) } else { timeout };
    }
    match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::TimedOut => Some(HttpErrorKind::Timeout),
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => Some(HttpErrorKind::Interrupted),
        _ => None,
    }
}
