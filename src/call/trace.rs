//! The span of a call, and its events.

#[cfg(not(feature = "tracing"))]
pub(super) use self::nobody::CallSpan;
#[cfg(not(feature = "tracing"))]
pub(crate) use self::nobody::Entered;
#[cfg(feature = "tracing")]
pub(super) use self::subscriber::CallSpan;
#[cfg(feature = "tracing")]
pub(crate) use self::subscriber::Entered;

#[cfg(feature = "tracing")]
mod subscriber {
    use http::{Method, Uri, request};
    use tracing::{
        Level, Span,
        field::{Empty, display},
        level_filters::{LevelFilter, STATIC_MAX_LEVEL},
        span::EnteredSpan,
    };

    use crate::{
        observe::{HopEvent, HopOutcome},
        rules::target::redacted,
    };

    /// The span of a call.
    pub(in crate::call) struct CallSpan(Span);

    /// A span that is entered, until this is dropped.
    pub(crate) type Entered = Option<EnteredSpan>;

    impl CallSpan {
        /// Returns whether anybody may listen: a look at a number.
        #[inline]
        pub(in crate::call) fn may_begin() -> bool {
            Level::DEBUG <= STATIC_MAX_LEVEL && Level::DEBUG <= LevelFilter::current()
        }

        /// Begins the span of a call, if anybody listens to that or to its events.
        pub(in crate::call) fn begin(head: &request::Parts) -> Option<Self> {
            let is_heard = tracing::enabled!(Level::DEBUG) || tracing::span_enabled!(Level::DEBUG);
            is_heard.then(|| Self::begin_heard(head))
        }

        fn begin_heard(head: &request::Parts) -> Self {
            let uri = &head.uri;
            Self(tracing::debug_span!(
                "follow_redirect",
                http.request.method = known(&head.method),
                url.scheme = uri.scheme_str(),
                server.address = address(uri),
                server.port = port(uri),
                url.path = uri.path(),
                http.response.status_code = Empty,
                redirect.count = Empty,
                redirect.decision = Empty,
                redirect.reason = Empty,
                "error.type" = Empty,
            ))
        }

        /// Enters the span. The guard has a clone of it, since the call changes meanwhile.
        pub(in crate::call) fn enter(&self) -> EnteredSpan {
            self.0.clone().entered()
        }

        /// Writes an event, and into the span how the call has ended. The text of an error is not
        /// written: it may have a whole URL.
        pub(in crate::call) fn tell(&self, event: &HopEvent<'_>) {
            let (outcome, uri) = (event.outcome(), event.uri());
            let status = event.status().map(|status| status.as_u16());
            let resends = Some(event.resend_count()).filter(|count| *count > 0);
            let reason = outcome.refusal().map(|refusal| refusal.kind().as_str());
            let target = match outcome {
                HopOutcome::Followed(target) => Some(display(redacted(target.uri()))),
                _ => None,
            };
            self.0.in_scope(|| {
                tracing::debug!(
                    http.request.method = known(event.method()),
                    url.scheme = uri.scheme_str(),
                    server.address = address(uri),
                    server.port = port(uri),
                    url.path = uri.path(),
                    http.response.status_code = status,
                    http.request.resend_count = resends,
                    http.request.body.size = event.body_bytes_sent(),
                    redirect.decision = outcome.as_str(),
                    redirect.reason = reason,
                    redirect.target = target,
                    redirect.from_cache = event.is_from_cache(),
                    redirect.elapsed = event.elapsed().as_secs_f64(),
                    "error.type" = outcome.error_type(),
                    "hop"
                );
            });
            if outcome.ends_call() {
                self.0.record("http.response.status_code", status);
                self.0.record("redirect.count", event.redirects());
                self.0.record("redirect.decision", outcome.as_str());
                self.0.record("redirect.reason", reason);
                self.0.record("error.type", outcome.error_type());
            }
        }
    }

    /// Returns the method, if it is a standard one: others could be anything.
    fn known(method: &Method) -> &str {
        match *method {
            Method::CONNECT
            | Method::DELETE
            | Method::GET
            | Method::HEAD
            | Method::OPTIONS
            | Method::PATCH
            | Method::POST
            | Method::PUT
            | Method::TRACE => method.as_str(),
            _ if method == "QUERY" => method.as_str(),
            _ => "_OTHER",
        }
    }

    /// Returns the host, without the brackets of an IPv6 address.
    fn address(uri: &Uri) -> Option<&str> {
        uri.host().map(|host| host.trim_start_matches('[').trim_end_matches(']'))
    }

    fn port(uri: &Uri) -> Option<u16> {
        let of_scheme = || match uri.scheme_str() {
            Some("http") => Some(80),
            Some("https") => Some(443),
            _ => None,
        };
        uri.port_u16().or_else(of_scheme)
    }
}

#[cfg(not(feature = "tracing"))]
mod nobody {
    use std::convert::Infallible;

    use http::request;

    use crate::observe::HopEvent;

    /// The span of a call: there is none.
    pub(in crate::call) struct CallSpan(Infallible);

    /// No span is entered.
    pub(crate) type Entered = Option<Infallible>;

    impl CallSpan {
        #[inline]
        pub(in crate::call) fn may_begin() -> bool {
            false
        }

        #[inline]
        pub(in crate::call) fn begin(_: &request::Parts) -> Option<Self> {
            None
        }

        #[inline]
        pub(in crate::call) fn enter(&self) -> Infallible {
            self.0
        }

        pub(in crate::call) fn tell(&self, _: &HopEvent<'_>) {
            match self.0 {}
        }
    }
}
