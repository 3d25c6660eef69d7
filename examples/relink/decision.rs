//! Whether a link is changed ([RFC 7538 §3], [RFC 9110 §15.4.9]).
//!
//! [RFC 7538 §3]: https://www.rfc-editor.org/rfc/rfc7538#section-3
//! [RFC 9110 §15.4.9]: https://www.rfc-editor.org/rfc/rfc9110#section-15.4.9

use std::fmt;

use http::{Response, StatusCode, Uri};
use tower_follow_redirect::{History, Hop, Origin, Target, rules::origin::is_downgrade};
use url::Url;

/// What becomes of a link.
#[derive(Debug, PartialEq)]
pub(crate) enum Decision {
    Relink(Target),
    Keep(Reason),
}

/// Why a link stays as it is.
#[derive(Debug, PartialEq)]
pub(crate) enum Reason {
    /// There was no redirect.
    NotMoved,
    /// The first redirect was a temporary one: the old URI goes on to be the right one.
    Temporary,
    /// The permanent redirects lead to where they began.
    LeadsBack,
    /// The chain ended, but not well.
    Ended(StatusCode),
    /// Over `http` anybody on the way may have said that it moved.
    Plaintext,
    /// The new place would be `http`, and the old one is not.
    Downgrade,
    /// There was no answer, or a redirect that was not followed.
    Failed(String),
    /// It is no URL.
    NoUrl(url::ParseError),
    /// It is a bookmarklet, or for another program.
    NotHttp,
    /// It holds userinfo, which a redirect does not hand on.
    Userinfo,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotMoved => "it has not moved",
            Self::Temporary => "it is elsewhere for a time only",
            Self::LeadsBack => "it was redirected to itself",
            Self::Ended(status) => return write!(f, "the answer was {status} in the end"),
            Self::Plaintext => "that it moved was said over http, by whomever; look for yourself",
            Self::Downgrade => "it moved from https to http; look for yourself",
            Self::Failed(why) => return f.write_str(why),
            Self::NoUrl(error) => return write!(f, "it is no URL: {error}"),
            Self::NotHttp => "it is neither http nor https",
            Self::Userinfo => "it has a user name, which the new one would not",
        })
    }
}

/// Reads the URL of a bookmark.
pub(crate) fn parse(url: &str) -> Result<Target, Reason> {
    let mut url = Url::parse(url).map_err(Reason::NoUrl)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Reason::NotHttp);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Reason::Userinfo);
    }
    let fragment = url.fragment().map(str::to_owned);
    url.set_fragment(None);
    let uri =
        Uri::try_from(String::from(url)).map_err(|error| Reason::Failed(error.to_string()))?;
    Target::new(uri, fragment.as_deref()).map_err(|_| Reason::NotHttp)
}

/// Returns the URL of a bookmark.
pub(crate) fn link(target: &Target) -> String {
    match target.fragment() {
        Some(fragment) => format!("{}#{fragment}", target.uri()),
        None => target.uri().to_string(),
    }
}

/// Shows a URL without what may be secret in it.
pub(crate) fn shown(target: &Target) -> String {
    let uri = target.uri();
    let origin = Origin::of(uri).map(|origin| origin.to_string()).unwrap_or_default();
    let query = uri.query().map_or("", |_| "?…");
    format!("{origin}{}{query}", uri.path())
}

/// Decides by what came in the end, and by the way there.
pub(crate) fn decide<B>(asked: &Target, response: &Response<B>) -> Decision {
    let status = response.status();
    if !status.is_success() {
        return Decision::Keep(Reason::Ended(status));
    }
    let Some(history) = History::of(response) else { return Decision::Keep(Reason::NotMoved) };
    match (history.permanent_target(), doubt(history)) {
        (None, _) => Decision::Keep(Reason::Temporary),
        (Some(target), _) if target == asked => Decision::Keep(Reason::LeadsBack),
        (Some(_), Some(reason)) => Decision::Keep(reason),
        (Some(target), None) => Decision::Relink(target.clone()),
    }
}

/// Returns what is doubtful about the permanent redirects that a chain began with.
fn doubt(history: &History) -> Option<Reason> {
    let hops = history.hops();
    let uris = hops.iter().skip(1).map(Hop::uri).chain([history.effective_uri()]);
    let permanent = hops.iter().zip(uris).take_while(|(hop, _)| is_permanent(hop.status()));
    permanent.into_iter().find_map(|(hop, to)| doubt_about(hop.uri(), to))
}

fn is_permanent(status: StatusCode) -> bool {
    matches!(status, StatusCode::MOVED_PERMANENTLY | StatusCode::PERMANENT_REDIRECT)
}

/// "The connection is secured, and the origin server is a trusted authority" (RFC 9110 §15.4.9).
///
/// An upgrade is believed without: that server has said over TLS that it is there.
fn doubt_about(from: &Uri, to: &Uri) -> Option<Reason> {
    if is_downgrade(from, to) {
        return Some(Reason::Downgrade);
    }
    let is_secured = from.scheme_str() == Some("https");
    (!is_secured && !is_upgrade(from, to)).then_some(Reason::Plaintext)
}

/// The same but for the scheme, at the ports that the schemes are known by.
///
/// Were another path believed too, whoever is on the way could choose one where that host itself
/// redirects on to anywhere.
fn is_upgrade(from: &Uri, to: &Uri) -> bool {
    to.scheme_str() == Some("https")
        && from.host() == to.host()
        && from.path_and_query() == to.path_and_query()
        && [from, to].iter().all(|uri| uri.port().is_none())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use bytes::Bytes;
    use http::{Request, header};
    use http_body_util::Empty;
    use tower::{Layer, ServiceExt, service_fn};
    use tower_follow_redirect::{FollowRedirectLayer, ReplayBody};

    use super::*;

    #[test]
    fn only_https_and_an_upgrade_are_beyond_doubt() {
        let table = [
            ("https://a.test/", "https://a.test/x", None),
            ("https://a.test/", "https://b.test/", None),
            ("https://a.test/", "https://a.test:8443/", None),
            ("https://a.test/", "http://a.test/", Some(Reason::Downgrade)),
            ("https://a.test/", "http://b.test/", Some(Reason::Downgrade)),
            ("http://a.test/", "https://a.test/", None),
            ("http://a.test/x?y", "https://a.test/x?y", None),
            ("http://a.test/", "https://a.test/x", Some(Reason::Plaintext)),
            ("http://a.test/?y", "https://a.test/", Some(Reason::Plaintext)),
            ("http://a.test/", "https://b.test/", Some(Reason::Plaintext)),
            ("http://a.test/", "https://www.a.test/", Some(Reason::Plaintext)),
            ("http://a.test/", "http://a.test/x", Some(Reason::Plaintext)),
            ("http://a.test/", "http://a.test/", Some(Reason::Plaintext)),
            ("http://a.test/", "http://b.test/", Some(Reason::Plaintext)),
            // Another port may be another's.
            ("http://a.test/", "https://a.test:8443/", Some(Reason::Plaintext)),
            ("http://a.test:8080/", "https://a.test/", Some(Reason::Plaintext)),
        ];
        for (from, to, expected) in table {
            let found = doubt_about(&Uri::from_static(from), &Uri::from_static(to));
            assert_eq!(found, expected, "{from} to {to}");
        }
    }

    /// A server that wants to be seen twice.
    #[tokio::test]
    async fn a_link_that_leads_back_is_not_changed() {
        let asked = parse("http://a.test/").unwrap();
        let visits = AtomicUsize::new(0);
        let server = service_fn(async |_: Request<ReplayBody<Empty<Bytes>>>| {
            let response = Response::builder().header(header::LOCATION, "/");
            let is_first = visits.fetch_add(1, Ordering::Relaxed) == 0;
            response.status(if is_first { 308 } else { 200 }).body(Empty::<Bytes>::new())
        });
        let request = Request::get(asked.uri()).body(Empty::new()).unwrap();
        let response = FollowRedirectLayer::new().layer(server).oneshot(request).await.unwrap();
        assert_eq!(decide(&asked, &response), Decision::Keep(Reason::LeadsBack));
    }

    #[test]
    fn a_url_is_read_as_browsers_do() {
        let table = [
            ("https://a.test", "https://a.test/"),
            (" HTTPS://A.test:443/x#y ", "https://a.test/x#y"),
            ("https://bücher.test/é", "https://xn--bcher-kva.test/%C3%A9"),
            ("https://a.test/?q=a b#c d", "https://a.test/?q=a%20b#c%20d"),
        ];
        for (url, expected) in table {
            assert_eq!(link(&parse(url).expect(url)), expected, "{url}");
        }
    }

    #[test]
    fn no_query_is_shown() {
        let target = parse("https://a.test:8443/x?sig=secret#secret").unwrap();
        assert_eq!(shown(&target), "https://a.test:8443/x?…");
    }

    #[test]
    fn what_cannot_be_asked_for_is_told_apart() {
        let no_base = url::ParseError::RelativeUrlWithoutBase;
        let table = [
            ("", Reason::NoUrl(no_base)),
            ("a.test/x", Reason::NoUrl(no_base)),
            ("https://", Reason::NoUrl(url::ParseError::EmptyHost)),
            ("javascript:alert(1)", Reason::NotHttp),
            ("mailto:me@a.test", Reason::NotHttp),
            ("https://me@a.test/", Reason::Userinfo),
            ("https://:secret@a.test/", Reason::Userinfo),
        ];
        for (url, expected) in table {
            assert_eq!(parse(url), Err(expected), "{url}");
        }
    }
}
