//! An upload that waits for `100 Continue` without the layer, as one writes it by hand for hyper.
//!
//! A head that travels alone makes a connection over loopback slower than one that comes with content:
//! to compare, both must wait.

use std::{
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll, ready},
};

use http::{HeaderValue, Request, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;

/// A body that gives nothing before it may.
pub struct ByHand<B> {
    permission: Option<oneshot::Receiver<()>>,
    body: Pin<Box<B>>,
}

impl<B> ByHand<B> {
    /// Makes the request ask for `100 Continue`, and its content wait for it.
    pub fn wait(request: Request<B>) -> Request<Self> {
        let (permit, permission) = oneshot::channel();
        let permit = Mutex::new(Some(permit));
        let mut request =
            request.map(|body| Self { permission: Some(permission), body: Box::pin(body) });
        let value = HeaderValue::from_static("100-continue");
        request.headers_mut().insert(header::EXPECT, value);
        hyper::ext::on_informational(&mut request, move |response| {
            if response.status() == StatusCode::CONTINUE {
                drop(permit.lock().expect("nothing panics here").take());
            }
        });
        request
    }
}

impl<B: Body> Body for ByHand<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        if let Some(permission) = &mut self.permission {
            // The other end says nothing: it is dropped.
            let _ = ready!(Pin::new(permission).poll(cx));
            self.permission = None;
        }
        self.body.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
