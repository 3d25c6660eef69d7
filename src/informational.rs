//! Learns of 1xx responses, from a transport that reports them.

use std::{fmt, sync::Arc};

use http::{Extensions, Response};

/// Is called for every informational (1xx) response: a request extension.
///
/// hyper has room for one such callback per request, and this crate needs it for `100 Continue`. So
/// a callback set by `hyper::ext::on_informational` is replaced where the layer waits; this one is
/// called on every hop, by hyper's HTTP/1 client.
///
/// ```
/// use http::Request;
/// use tower_follow_redirect::OnInformational;
///
/// let mut request = Request::get("http://a.test/").body(())?;
/// let hints = OnInformational::new(|response| println!("{}", response.status()));
/// request.extensions_mut().insert(hints);
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone)]
pub struct OnInformational(Arc<Callback>);

type Callback = dyn Fn(&Response<()>) + Send + Sync;

impl OnInformational {
    /// Makes the extension. The callback runs in the transport's task and must not block.
    pub fn new(callback: impl Fn(&Response<()>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(callback))
    }

    pub(crate) fn take(extensions: &mut Extensions) -> Option<Self> {
        extensions.remove()
    }
}

impl fmt::Debug for OnInformational {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnInformational").finish_non_exhaustive()
    }
}

/// Whether 1xx responses can be reported at all.
pub(crate) const REPORTED: bool = cfg!(feature = "hyper");

#[cfg(feature = "hyper")]
pub(crate) use self::hyper_client::{Parked, listen};

#[cfg(feature = "hyper")]
mod hyper_client {
    use std::sync::Arc;

    use http::{Request, Response, StatusCode};

    use super::OnInformational;
    use crate::{body::Control, settings::Unreported};

    /// Listens for the informational responses to one hop. Every hop needs its own.
    pub(crate) fn listen<B>(
        request: &mut Request<B>,
        parked: Option<Parked>,
        caller: Option<OnInformational>,
    ) {
        if parked.is_none() && caller.is_none() {
            return;
        }
        hyper::ext::on_informational(request, move |response| {
            if let (StatusCode::CONTINUE, Some(parked)) = (response.status(), &parked) {
                parked.control.proceed(parked.hop);
            }
            if let Some(OnInformational(callback)) = &caller {
                let mut copy = Response::new(());
                *copy.status_mut() = response.status();
                *copy.version_mut() = response.version();
                copy.headers_mut().clone_from(response.headers());
                callback(&copy);
            }
        });
    }

    /// An upload that waits for `100 Continue`.
    pub(crate) struct Parked {
        pub(crate) control: Arc<dyn Control>,
        pub(crate) hop: u32,
        pub(crate) unreported: Unreported,
    }

    /// hyper's HTTP/1 client keeps the callback until the final response. A transport that drops it
    /// before it asks for the content will never call it.
    impl Drop for Parked {
        fn drop(&mut self) {
            match self.unreported {
                Unreported::SendAtOnce => self.control.unreported(self.hop),
                Unreported::Wait => {}
            }
        }
    }
}
