//! What happened on the way to a response, hop by hop.

use std::{fmt, time::Duration};

use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};

use crate::rules::target::{Target, redacted};

/// The redirects that led to a response: an extension of that response.
///
/// A response that was not redirected has none: its URI is the one that was asked for. The error of a
/// call has it too ([`Error::history`](crate::Error::history)).
///
/// ```
/// use http::{Request, Response, StatusCode, header::LOCATION};
/// use http_body_util::Empty;
/// use tower::{BoxError, Layer, ServiceExt, service_fn};
/// use tower_follow_redirect::{FollowRedirectLayer, History, ReplayBody};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// # type Body = Empty<bytes::Bytes>;
/// let server = service_fn(|request: Request<ReplayBody<Body>>| async move {
///     let mut response = Response::new(Body::new());
///     if request.uri().path() == "/old" {
///         *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
///         response.headers_mut().insert(LOCATION, "/new".parse()?);
///     }
///     Ok::<_, BoxError>(response)
/// });
/// let client = FollowRedirectLayer::new().layer(server);
/// let response = client.oneshot(Request::get("http://a.test/old").body(Body::new())?).await?;
///
/// let history = History::of(&response).expect("it was redirected");
/// assert_eq!(history.hops().len(), 1);
/// assert_eq!(history.effective_uri(), "http://a.test/new");
/// assert_eq!(history.permanent_target().unwrap().uri(), "http://a.test/new");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct History {
    hops: Vec<Hop>,
    effective: Target,
}

impl History {
    /// Returns the history of `response`, or `None` if it was not redirected.
    pub fn of<B>(response: &Response<B>) -> Option<&Self> {
        response.extensions().get()
    }

    /// Returns the redirects that were followed, in order.
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// Returns the URI of the request that was answered with this response.
    pub fn effective_uri(&self) -> &Uri {
        self.effective.uri()
    }

    /// Returns the fragment of the effective URL, without its `#`: the last one that a `Location`
    /// had, else the request's own ([`Fragment`]) ([RFC 9110 §10.2.2]).
    ///
    /// [RFC 9110 §10.2.2]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.2
    pub fn fragment(&self) -> Option<&str> {
        self.effective.fragment()
    }

    /// Returns the effective URI with its fragment, as curl's `url_effective`.
    pub fn effective_url(&self) -> String {
        self.effective.url()
    }

    /// Returns what a stored link to the first URI may be replaced by ([RFC 7538 §3]): where the
    /// permanent redirects (301 and 308) led that the chain began with, or `None` if it began with
    /// another, or with one whose target a policy chose.
    ///
    /// It has the fragment that goes with it, and no userinfo.
    ///
    /// It says where they led, and not that this is right. There is one too if the chain ended with a
    /// 404, or in an [`Error`](crate::Error), and if it was said over `http`, where it may be the login
    /// page of a hotel's network. So look at the status of the response, and at the scheme of each
    /// [hop](Self::hops), before a link is changed: by [RFC 9110 §15.4.9] it takes a secured
    /// connection to a trusted server. The example `relink` shows how.
    ///
    /// [RFC 7538 §3]: https://www.rfc-editor.org/rfc/rfc7538#section-3
    /// [RFC 9110 §15.4.9]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4.9
    pub fn permanent_target(&self) -> Option<&Target> {
        match self.hops.iter().take_while(|hop| hop.is_permanent()).count() {
            0 => None,
            count => Some(self.hops.get(count).map_or(&self.effective, |hop| &hop.requested)),
        }
    }

    pub(crate) fn new(hops: Vec<Hop>, effective: Target) -> Self {
        Self { hops, effective }
    }
}

/// One redirect that was followed.
///
/// ```
/// use http::Response;
/// use tower_follow_redirect::History;
///
/// /// A line of a log for each redirect: `PUT /old 307 after 12ms`.
/// fn lines<B>(response: &Response<B>) -> Vec<String> {
///     let hops = History::of(response).map_or(&[][..], History::hops);
///     let lines = hops.iter().map(|hop| {
///         let (method, path, status) = (hop.method(), hop.uri().path(), hop.status().as_u16());
///         format!("{method} {path} {status} after {:?}", hop.elapsed())
///     });
///     lines.collect()
/// }
/// ```
#[derive(Clone)]
pub struct Hop {
    pub(crate) method: Method,
    pub(crate) requested: Target,
    pub(crate) status: StatusCode,
    pub(crate) source: Source,
    pub(crate) elapsed: Duration,
    pub(crate) chosen_by: ChosenBy,
    pub(crate) recorded: Recorded,
}

/// Who says where a redirect leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChosenBy {
    /// The server, in its `Location`.
    Server,
    /// A policy that names another target.
    Policy,
}

/// The fields of a redirect that were asked for, as far as the limit allows.
#[derive(Clone, Default)]
pub(crate) struct Recorded {
    fields: HeaderMap,
    left_out: usize,
}

/// Where a redirect came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Server,
    /// An earlier call.
    Memory,
}

impl Hop {
    /// Returns the method of the request that was redirected.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the URI of the request that was redirected, without userinfo.
    pub fn uri(&self) -> &Uri {
        self.requested.uri()
    }

    /// Returns the fragment that went with the URI, without its `#`.
    pub fn fragment(&self) -> Option<&str> {
        self.requested.fragment()
    }

    /// Returns the status of the redirect.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns whether the redirect was remembered from an earlier call, and not received in this one.
    pub fn is_from_cache(&self) -> bool {
        self.source == Source::Memory
    }

    /// Returns the time from the request that was redirected to the head of its response.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Returns the fields of the redirect that
    /// [`record_header`](crate::FollowRedirectLayer::record_header) asked for.
    pub fn headers(&self) -> &HeaderMap {
        &self.recorded.fields
    }

    /// Returns how many of these fields were left out, since they pass the
    /// [limit](crate::FollowRedirectLayer::record_limit).
    pub fn headers_left_out(&self) -> usize {
        self.recorded.left_out
    }

    fn is_permanent(&self) -> bool {
        self.chosen_by == ChosenBy::Server
            && matches!(self.status, StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT)
    }
}

impl Recorded {
    /// Adds a field if there is room `left` for it.
    pub(crate) fn add(&mut self, name: &HeaderName, value: &HeaderValue, left: &mut usize) {
        let rest = left.checked_sub(name.as_str().len() + value.len());
        // The value itself may be a part of the whole head, and would keep that.
        match (rest, HeaderValue::from_bytes(value.as_bytes())) {
            (Some(rest), Ok(mut copy)) => {
                copy.set_sensitive(value.is_sensitive());
                self.fields.append(name, copy);
                *left = rest;
            }
            _ => self.left_out += 1,
        }
    }

    /// Returns how many bytes names and values have.
    pub(crate) fn size(&self) -> usize {
        self.fields.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
    }
}

/// Shows neither queries nor the values of header fields: both may be secret.
impl fmt::Debug for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hop")
            .field("method", &self.method)
            .field("uri", &format_args!("{}", redacted(self.uri())))
            .field("status", &self.status)
            .field("from_cache", &self.is_from_cache())
            .field("elapsed", &self.elapsed)
            .finish_non_exhaustive()
    }
}

/// The fragment of the URL that a request asks for: a request extension.
///
/// A [`Uri`] has no place for a fragment, yet a redirect hands it on ([RFC 9110 §10.2.2]).
///
/// ```
/// use http::Request;
/// use tower_follow_redirect::Fragment;
///
/// // https://a.test/guide#intro
/// let request = Request::get("https://a.test/guide").extension(Fragment::new("intro")).body(())?;
/// # Ok::<(), http::Error>(())
/// ```
///
/// [RFC 9110 §10.2.2]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.2
#[derive(Clone, PartialEq, Eq)]
pub struct Fragment(Box<str>);

impl Fragment {
    /// Makes the extension of a fragment without its `#`.
    pub fn new(fragment: impl Into<Box<str>>) -> Self {
        Self(fragment.into())
    }

    pub(crate) fn take(extensions: &mut Extensions) -> Option<Box<str>> {
        extensions.remove::<Self>().map(|fragment| fragment.0)
    }
}

/// Does not show it: some servers hand out tokens in fragments.
impl fmt::Debug for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fragment").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(status: u16, uri: &'static str) -> Hop {
        Hop {
            method: Method::GET,
            requested: Target::new(Uri::from_static(uri), None).unwrap(),
            status: StatusCode::from_u16(status).unwrap(),
            source: Source::Server,
            elapsed: Duration::ZERO,
            chosen_by: ChosenBy::Server,
            recorded: Recorded::default(),
        }
    }

    #[test]
    fn a_link_is_replaced_as_far_as_redirects_are_permanent() {
        let table: &[(&[u16], Option<&str>)] = &[
            (&[302], None),
            (&[308], Some("http://a.test/1")),
            (&[301, 308], Some("http://a.test/2")),
            (&[308, 307, 308], Some("http://a.test/1")),
            (&[307, 308], None),
        ];
        let uris = ["http://a.test/0", "http://a.test/1", "http://a.test/2", "http://a.test/3"];
        for (statuses, expected) in table {
            let hops: Vec<_> = statuses.iter().zip(uris).map(|(&s, uri)| hop(s, uri)).collect();
            let effective = hop(200, uris[hops.len()]).requested;
            let history = History::new(hops, effective);
            let found = history.permanent_target().map(|target| target.uri().to_string());
            assert_eq!(found.as_deref(), *expected, "{statuses:?}");
        }
    }

    #[test]
    fn no_query_is_shown() {
        let history = History::new(
            vec![hop(302, "http://a.test/x?sig=secret")],
            hop(200, "http://u:secret@b.test/?sig=secret").requested,
        );
        let shown = format!("{history:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("http://a.test/x?…"), "{shown}");
    }
}
