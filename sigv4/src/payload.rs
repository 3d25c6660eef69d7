//! The hash of the content.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use bytes::Buf;
use http::{HeaderName, HeaderValue, Request};
use http_body::Body;
use sha2::{Digest, Sha256};

/// Where the hash of the content is.
pub(crate) const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// The hash of no content.
pub(crate) const HASH_OF_NOTHING: HeaderValue =
    HeaderValue::from_static("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

/// Sets `x-amz-content-sha256`, if the whole content is in memory.
///
/// For `tower`'s `map_request`, *outside* of the redirect layer: there the body is still the
/// caller's. A clone of it is read, on the spot. Where that would have to wait the request stays as it
/// is, and so does one that has a hash.
///
/// ```
/// use http::Request;
/// use http_body_util::Full;
/// use tower_follow_redirect_sigv4::hash_payload;
///
/// let request = Request::put("http://a.test/").body(Full::<bytes::Bytes>::from("ha ha\n"))?;
/// let hashed = hash_payload(request);
/// let hash = &hashed.headers()["x-amz-content-sha256"];
/// assert_eq!(hash, "3fe672f14e13e118a21d612584bd745412a3f63c38ad22796e6fd3896fb846db");
/// # Ok::<(), http::Error>(())
/// ```
pub fn hash_payload<B: Body + Clone>(mut request: Request<B>) -> Request<B> {
    if !request.headers().contains_key(CONTENT_SHA256)
        && let Some(hash) = hash(request.body().clone())
    {
        request.headers_mut().insert(CONTENT_SHA256, hash);
    }
    request
}

/// Returns the hash of a body that has no need to wait for anything.
fn hash(body: impl Body) -> Option<HeaderValue> {
    let mut body = pin!(body);
    let mut cx = Context::from_waker(Waker::noop());
    let mut hasher = Sha256::new();
    loop {
        let frame = match body.as_mut().poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(None) => break,
            Poll::Ready(Some(Err(_))) | Poll::Pending => return None,
        };
        // Trailers are no content.
        let Ok(mut data) = frame.into_data() else { continue };
        while data.has_remaining() {
            let chunk = data.chunk();
            hasher.update(chunk);
            let read = chunk.len();
            data.advance(read);
        }
    }
    HeaderValue::try_from(hex::encode(hasher.finalize())).ok()
}
