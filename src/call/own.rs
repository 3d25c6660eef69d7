//! What a request says to this layer, in its extensions.

use http::Extensions;

use crate::{body::BodyFactory, history::Fragment, informational::Listener, policy::RequestPolicy};

/// How many bytes of one request's content are recorded: a request extension that takes the place of
/// the layer's [`replay_limit`](crate::FollowRedirectLayer::replay_limit).
///
/// ```
/// use http::Request;
/// use tower_follow_redirect::ReplayLimit;
///
/// let request = Request::put("http://a.test/").extension(ReplayLimit::new(16 << 20)).body(())?;
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayLimit(u64);

impl ReplayLimit {
    /// Makes the extension of a limit in bytes.
    #[inline]
    pub fn new(bytes: u64) -> Self {
        Self(bytes)
    }
}

/// What a request says to this layer.
pub(super) struct Own<B> {
    pub(super) policy: Option<RequestPolicy>,
    pub(super) listener: Listener,
    pub(super) factory: Option<BodyFactory<B>>,
    /// In bytes.
    pub(super) replay_limit: Option<u64>,
    pub(super) fragment: Option<Box<str>>,
}

impl<B: 'static> Own<B> {
    /// Takes it from the extensions, which go on to the inner service.
    #[inline]
    pub(super) fn take(extensions: &mut Extensions) -> Self {
        if extensions.is_empty() {
            return Self::default();
        }
        Self::take_what_is_there(extensions)
    }

    #[inline(never)]
    fn take_what_is_there(extensions: &mut Extensions) -> Self {
        Self {
            policy: extensions.remove(),
            listener: Listener::new(extensions),
            factory: extensions.remove(),
            replay_limit: extensions.remove().map(|ReplayLimit(bytes)| bytes),
            fragment: Fragment::take(extensions),
        }
    }
}

impl<B> Default for Own<B> {
    #[inline]
    fn default() -> Self {
        Self {
            policy: None,
            listener: Listener::default(),
            factory: None,
            replay_limit: None,
            fragment: None,
        }
    }
}
