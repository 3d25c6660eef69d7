//! Learns of 1xx responses, from a transport that reports them: hyper's HTTP/1 client.

#[cfg(feature = "hyper")]
pub(crate) use self::hyper_client::Listener;
#[cfg(feature = "hyper")]
pub use self::hyper_client::{OnInformational, TooManyInformational};
#[cfg(not(feature = "hyper"))]
pub(crate) use self::nobody::Listener;

#[cfg(feature = "hyper")]
mod hyper_client {
    use std::{
        error, fmt,
        sync::{
            Arc, Mutex, PoisonError,
            atomic::{AtomicBool, AtomicU32, Ordering},
        },
        task::{Context, Poll, Waker},
    };

    use http::{Extensions, Request, Response, StatusCode};

    use crate::{
        body::{Control, ReplayBody, Successor, Upload},
        expectation::Heard,
        settings::Unreported,
    };

    /// A callback for every informational (1xx) response: a request extension.
    ///
    /// hyper has room for one such callback per request, and this crate needs it for `100 Continue`.
    /// So a callback set by `hyper::ext::on_informational` is replaced where the layer waits for that;
    /// this one is called on every hop. Only hyper's HTTP/1 client calls it.
    ///
    /// Where the layer listens (for this, or for `100 Continue`), a server that sends more than 1000 of
    /// them (or another [limit](crate::FollowRedirectLayer::informational_limit)) for one request ends
    /// the call, with [`TooManyInformational`] as the error's source.
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
        #[inline]
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
    #[derive(Default)]
    pub(crate) struct Listener {
        caller: Option<OnInformational>,
        /// Of the request that was sent last, if it is listened to.
        count: Option<Arc<Count>>,
    }

    impl Listener {
        /// Whether 1xx responses can be heard at all.
        pub(crate) const HEARS: bool = true;

        pub(crate) fn new(extensions: &mut Extensions) -> Self {
            Self { caller: extensions.remove(), count: None }
        }

        /// Listens for the caller. More responses than the `limit` end the call.
        #[inline]
        pub(crate) fn listen<B>(&mut self, request: &mut Request<ReplayBody<B>>, limit: u32) {
            self.count = None;
            if self.caller.is_some() {
                self.install(request, None, limit);
            }
        }

        /// Listens for the caller, and for the `100 Continue` that `hop` of the upload waits for.
        pub(crate) fn listen_for<B: Send + 'static>(
            &mut self,
            request: &mut Request<ReplayBody<B>>,
            upload: &Upload<B>,
            hop: u32,
            heard: Heard,
            limit: u32,
        ) {
            let Heard { successor, unreported } = heard;
            let parked = upload.control().map(|control| Parked {
                control,
                hop,
                successor,
                unreported,
                heard: AtomicBool::new(false),
            });
            self.install(request, parked, limit);
        }

        /// Is ready when the server has sent too many.
        pub(crate) fn poll_too_many(&self, cx: &mut Context<'_>) -> Poll<TooManyInformational> {
            match &self.count {
                Some(count) => count.poll_too_many(cx),
                None => Poll::Pending,
            }
        }

        /// hyper's callback is an extension of one request, so every hop needs its own.
        fn install<B>(&mut self, request: &mut Request<B>, parked: Option<Parked>, limit: u32) {
            let caller = self.caller.clone();
            let count = Arc::new(Count { limit, ..Count::default() });
            self.count = Some(Arc::clone(&count));
            hyper::ext::on_informational(request, move |response| {
                if count.is_too_many() {
                    return;
                }
                if let Some(parked) = &parked {
                    parked.hear(response.status());
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

    /// How many informational responses a request has had.
    #[derive(Default)]
    struct Count {
        /// How many there may be. hyper would read them for ever.
        limit: u32,
        responses: AtomicU32,
        /// Wakes the call.
        waker: Mutex<Option<Waker>>,
    }

    impl Count {
        /// Counts one more, and ends the call where it is too many.
        fn is_too_many(&self) -> bool {
            let before = self.responses.fetch_add(1, Ordering::SeqCst);
            if before == self.limit {
                let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            before >= self.limit
        }

        fn poll_too_many(&self, cx: &mut Context<'_>) -> Poll<TooManyInformational> {
            let waker = Some(cx.waker().clone());
            let replaced = {
                let mut known = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::replace(&mut *known, waker)
            };
            drop(replaced);
            if self.responses.load(Ordering::SeqCst) > self.limit {
                return Poll::Ready(TooManyInformational { limit: self.limit });
            }
            Poll::Pending
        }
    }

    /// The source of the error of a call whose server has sent more informational (1xx) responses than
    /// the [limit](crate::FollowRedirectLayer::informational_limit), and no final one.
    ///
    /// ```
    /// use std::error::Error;
    /// use tower::BoxError;
    /// use tower_follow_redirect::TooManyInformational;
    ///
    /// fn is_flood(error: &BoxError) -> bool {
    ///     error.source().is_some_and(|source| source.is::<TooManyInformational>())
    /// }
    /// ```
    #[derive(Debug)]
    pub struct TooManyInformational {
        limit: u32,
    }

    impl fmt::Display for TooManyInformational {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let limit = self.limit;
            write!(f, "the server sent more than {limit} informational responses, and no other")
        }
    }

    impl error::Error for TooManyInformational {}

    /// An upload that waits for `100 Continue`.
    struct Parked {
        control: Arc<dyn Control>,
        hop: u32,
        successor: Successor,
        unreported: Unreported,
        /// Whether the transport has reported anything: then it is hyper's HTTP/1 client.
        heard: AtomicBool,
    }

    impl Parked {
        fn hear(&self, status: StatusCode) {
            self.heard.store(true, Ordering::Relaxed);
            if status == StatusCode::CONTINUE {
                self.control.proceed(self.hop, self.successor);
            }
        }
    }

    /// hyper's HTTP/1 client keeps the callback until it has the final response, and drops it before it
    /// asks for more content: so what follows a 100 in the same packet finds the content unsent. A
    /// transport that drops it before it asks for the content at all will never call it.
    impl Drop for Parked {
        fn drop(&mut self) {
            match self.unreported {
                _ if *self.heard.get_mut() => self.control.answered(self.hop),
                Unreported::SendAtOnce => self.control.unreported(self.hop),
                Unreported::Wait => {}
            }
        }
    }
}

#[cfg(not(feature = "hyper"))]
mod nobody {
    use std::{
        convert::Infallible,
        task::{Context, Poll},
    };

    use http::{Extensions, Request};

    use crate::{
        body::{ReplayBody, Upload},
        expectation::Heard,
    };

    /// No transport is known that reports anything.
    #[derive(Default)]
    pub(crate) struct Listener {}

    impl Listener {
        pub(crate) const HEARS: bool = false;

        pub(crate) fn new(_: &mut Extensions) -> Self {
            Self {}
        }

        pub(crate) fn listen<B>(&mut self, _: &mut Request<ReplayBody<B>>, _: u32) {}

        pub(crate) fn listen_for<B>(
            &mut self,
            _: &mut Request<ReplayBody<B>>,
            _: &Upload<B>,
            _: u32,
            _: Heard,
            _: u32,
        ) {
        }

        pub(crate) fn poll_too_many(&self, _: &mut Context<'_>) -> Poll<Infallible> {
            Poll::Pending
        }
    }
}
