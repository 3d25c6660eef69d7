//! Learns of 1xx responses, from a transport that reports them: hyper's HTTP/1 client.

#[cfg(feature = "hyper")]
pub(crate) use self::hyper_client::Listener;
#[cfg(feature = "hyper")]
pub use self::hyper_client::OnInformational;
#[cfg(not(feature = "hyper"))]
pub(crate) use self::nobody::Listener;

#[cfg(feature = "hyper")]
mod hyper_client {
    use std::{fmt, sync::Arc};

    use http::{Extensions, Request, Response, StatusCode};

    use crate::{
        body::{Control, ReplayBody, Upload},
        settings::Unreported,
    };

    /// A callback for every informational (1xx) response: a request extension.
    ///
    /// hyper has room for one such callback per request, and this crate needs it for `100 Continue`.
    /// So a callback set by `hyper::ext::on_informational` is replaced where the layer waits for that;
    /// this one is called on every hop. Only hyper's HTTP/1 client calls it.
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
    }

    impl fmt::Debug for OnInformational {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("OnInformational").finish_non_exhaustive()
        }
    }

    /// Listens for the caller of a call, and for its upload.
    pub(crate) struct Listener {
        caller: Option<OnInformational>,
    }

    impl Listener {
        /// Whether 1xx responses can be heard at all.
        pub(crate) const HEARS: bool = true;

        pub(crate) fn new(extensions: &mut Extensions) -> Self {
            Self { caller: extensions.remove() }
        }

        /// Listens for the caller.
        pub(crate) fn listen<B>(&self, request: &mut Request<ReplayBody<B>>) {
            if self.caller.is_some() {
                self.install(request, None);
            }
        }

        /// Listens for the caller, and for the `100 Continue` that `hop` of the upload waits for.
        pub(crate) fn listen_for<B: Send + 'static>(
            &self,
            request: &mut Request<ReplayBody<B>>,
            upload: &Upload<B>,
            hop: u32,
            unreported: Unreported,
        ) {
            let parked = upload.control().map(|control| Parked { control, hop, unreported });
            self.install(request, parked);
        }

        /// hyper's callback is an extension of one request, so every hop needs its own.
        fn install<B>(&self, request: &mut Request<B>, parked: Option<Parked>) {
            let caller = self.caller.clone();
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
    }

    /// An upload that waits for `100 Continue`.
    struct Parked {
        control: Arc<dyn Control>,
        hop: u32,
        unreported: Unreported,
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

#[cfg(not(feature = "hyper"))]
mod nobody {
    use http::{Extensions, Request};

    use crate::{
        body::{ReplayBody, Upload},
        settings::Unreported,
    };

    /// No transport is known that reports anything.
    pub(crate) struct Listener;

    impl Listener {
        pub(crate) const HEARS: bool = false;

        pub(crate) fn new(_: &mut Extensions) -> Self {
            Self
        }

        pub(crate) fn listen<B>(&self, _: &mut Request<ReplayBody<B>>) {}

        pub(crate) fn listen_for<B>(
            &self,
            _: &mut Request<ReplayBody<B>>,
            _: &Upload<B>,
            _: u32,
            _: Unreported,
        ) {
        }
    }
}
