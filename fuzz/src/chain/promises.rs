//! What a call promises, and what it does.

use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request,
};
use tower_follow_redirect::Origin;

use super::content::{Arrived, Content, End};

/// A request extension of the caller.
#[derive(Clone, Debug)]
pub(super) struct Secret;

/// Which credentials are there: the caller's, in [`FIELDS`] and as an extension, and the policy's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Credentials([bool; 7]);

/// The last is secret because its value is marked so, and the one before because the layer was told.
pub(super) const FIELDS: [HeaderName; 5] = [
    header::AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-tenant"),
    HeaderName::from_static("x-marked"),
];

/// A field that a policy may set for one hop. It is the policy's own, and gone at the next origin.
pub(super) const SET: HeaderName = HeaderName::from_static("x-from-policy");

impl Credentials {
    fn of(headers: &HeaderMap, extensions: &Extensions) -> Self {
        let mut found = [false; 7];
        for (found, name) in found.iter_mut().zip(&FIELDS) {
            *found = headers.contains_key(name);
        }
        found[5] = extensions.get::<Secret>().is_some();
        found[6] = headers.contains_key(SET);
        Self(found)
    }

    /// Returns what may be left of them after a redirect.
    fn after(self, said: &Said) -> Self {
        let is_lost = said.crosses() && !said.grants;
        let mut left = if is_lost { Self::default() } else { self };
        left.0[0] &= !said.strips;
        left.0[6] = said.sets || (left.0[6] && !said.crosses());
        left
    }

    fn are_among(self, others: Self) -> bool {
        self.0.iter().zip(others.0).all(|(&is_here, is_there)| is_there || !is_here)
    }
}

/// Puts all credentials into a request.
pub(super) fn add_credentials(request: &mut request::Parts) {
    for name in FIELDS {
        let mut value = HeaderValue::from_static("secret");
        value.set_sensitive(name == "x-marked");
        request.headers.insert(name, value);
    }
    request.extensions.insert(Secret);
}

/// A request, as far as it matters to the next.
#[derive(Clone, Debug)]
struct At {
    uri: Uri,
    credentials: Credentials,
}

/// What the policy has said of one redirect.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) from: Uri,
    pub(super) to: Option<Uri>,
    pub(super) grants: bool,
    /// Whether it sets [`SET`].
    pub(super) sets: bool,
    /// Whether it strips the first of [`FIELDS`], for the rest of the call.
    pub(super) strips: bool,
    pub(super) is_from_cache: bool,
}

impl Said {
    fn crosses(&self) -> bool {
        self.to.as_ref().is_none_or(|to| is_crossing(&self.from, to))
    }
}

/// Whether two URIs are the same but for a user name.
fn is_same(a: &Uri, b: &Uri) -> bool {
    let host = |uri: &Uri| {
        uri.authority().and_then(|it| it.as_str().rsplit('@').next().map(str::to_owned))
    };
    a.scheme() == b.scheme() && host(a) == host(b) && a.path_and_query() == b.path_and_query()
}

fn is_crossing(from: &Uri, to: &Uri) -> bool {
    Origin::of(from) != Origin::of(to)
}

/// What was seen of one call so far.
#[derive(Debug)]
pub(super) struct Promises {
    limit: usize,
    content: Content,
    method: Method,
    requested: Uri,
    at: At,
    /// Where the remembered redirects began that led to the last request.
    walk: Option<At>,
    said: Vec<Said>,
    requests: usize,
    repeats: usize,
    last_method: Method,
    last_status: Option<StatusCode>,
    /// Whether the last request expected `100 Continue`.
    last_expected: bool,
}

impl Promises {
    pub(super) fn new(limit: usize, content: &Content, request: &request::Parts) -> Self {
        Self {
            limit,
            content: content.clone(),
            method: request.method.clone(),
            requested: request.uri.clone(),
            at: At {
                uri: request.uri.clone(),
                credentials: Credentials::of(&request.headers, &request.extensions),
            },
            walk: None,
            said: Vec::new(),
            requests: 0,
            repeats: 0,
            last_method: request.method.clone(),
            last_status: None,
            last_expected: false,
        }
    }

    /// A policy has decided. If it is asked again, another one has led elsewhere.
    pub(super) fn said(&mut self, said: Said) {
        let is_again =
            |before: &Said| before.from == said.from && before.is_from_cache == said.is_from_cache;
        if self.said.last().is_some_and(is_again) {
            self.said.pop();
        }
        self.said.push(said);
    }

    /// A request has reached a server.
    pub(super) fn sent(&mut self, request: &request::Parts) {
        self.requests += 1;
        // One more where a remembered redirect has led astray.
        let most = self.limit + 2 + self.repeats;
        assert!(self.requests <= most, "{} requests, of {most}: {self:?}", self.requests);
        let uri = &request.uri;
        assert!(matches!(uri.scheme_str(), Some("http" | "https")), "{uri}");
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        assert!(!authority.is_empty(), "{uri}");
        assert!(*uri == self.requested || !authority.contains('@'), "{uri}");
        let now = At {
            uri: uri.clone(),
            credentials: Credentials::of(&request.headers, &request.extensions),
        };
        let said = std::mem::take(&mut self.said);
        self.explain(&now, &said);
        self.at = now;
        self.last_method = request.method.clone();
        self.last_expected = request.headers.contains_key(header::EXPECT);
    }

    /// Finds a reason for the credentials of a request, and notes where its walk began.
    fn explain(&mut self, now: &At, said: &[Said]) {
        let mut path = vec![self.at.clone()];
        let mut walk = if said.is_empty() { self.walk.take() } else { None };
        for said in said {
            let before = path.last().expect("it has a beginning").clone();
            if !said.is_from_cache {
                walk = None;
            } else if walk.is_none() {
                walk = Some(before.clone());
            }
            path.push(At {
                uri: said.to.clone().unwrap_or(before.uri),
                credentials: before.credentials.after(said),
            });
        }
        // One that was remembered may be refused, and what was remembered may be wrong: then the request
        // is one of those before.
        let reasons = path.into_iter().chain(walk.clone()).chain(self.walk.take());
        let mut reasons = reasons.filter(|at| is_same(&at.uri, &now.uri));
        let is_allowed = reasons.any(|at| now.credentials.are_among(at.credentials));
        assert!(is_allowed, "{now:?} after {:?}, by {said:?}", self.at);
        self.walk = walk;
    }

    /// A server has read some of the content.
    pub(super) fn arrived(&self, arrived: &Arrived) {
        assert_ne!(arrived.end, End::Broken, "nobody has cancelled it");
        let is_empty = arrived.bytes.is_empty() && arrived.trailers.is_none();
        if arrived.end == End::Unread && is_empty {
            return;
        }
        if self.last_method != self.method {
            assert!(is_empty, "{arrived:?}");
        } else if !is_empty || self.requests == 1 || !self.method.is_safe() {
            arrived.check(&self.content);
        }
    }

    /// A server has read all that came while its answer was under way.
    pub(super) fn arrived_beside(&self, method: &Method, arrived: &Arrived) {
        if arrived.bytes.is_empty() && arrived.trailers.is_none() {
            return;
        }
        assert_eq!(*method, self.method, "its content was dropped");
        arrived.check(&self.content);
    }

    pub(super) fn answered(&mut self, status: StatusCode) {
        self.last_status = Some(status);
        if status == StatusCode::EXPECTATION_FAILED && self.last_expected {
            self.repeats += 1;
        }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn last_uri(&self) -> &Uri {
        &self.at.uri
    }

    pub(super) fn last_status(&self) -> Option<StatusCode> {
        self.last_status
    }
}
