//! What a memory may hold, wherever it has it from: what a server could have taught it.

use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, Uri, header, request, response};
use tower_follow_redirect::{
    policy::permanent::{Entry, PermanentCache, PermanentCacheBuilder, Plaintext, Reach, Statuses},
    rules::{credentials::is_credential, location},
};

use crate::memory::{Clock, NOW, contents, recalls, seconds, teach};

/// How far clocks may differ, in seconds.
const SKEW: u64 = 60;

/// What a memory is set to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    plaintext: Plaintext,
    reach: Reach,
    statuses: Statuses,
    max_ttl: u64,
    max_uri_len: usize,
}

/// A partition, a source, and what is remembered of it.
pub(crate) type Kept = (Option<String>, String, Entry);

impl Options {
    pub(crate) fn of(choice: u8) -> Self {
        let is_set = |bit: u8| choice & 1 << bit != 0;
        Self {
            plaintext: match choice & 3 {
                0 | 3 => Plaintext::UpgradeOnly,
                1 => Plaintext::Always,
                _ => Plaintext::Never,
            },
            reach: if is_set(2) { Reach::SameOrigin } else { Reach::AnyOrigin },
            statuses: if is_set(3) { Statuses::With301 } else { Statuses::Only308 },
            max_ttl: if is_set(4) { 60 } else { 7 * 24 * 3600 },
            max_uri_len: if is_set(5) { 32 } else { 4096 },
        }
    }

    pub(crate) fn set(&self, builder: PermanentCacheBuilder) -> PermanentCacheBuilder {
        builder
            .plaintext(self.plaintext)
            .reach(self.reach)
            .statuses(self.statuses)
            .max_ttl(Duration::from_secs(self.max_ttl))
            .max_uri_len(self.max_uri_len)
    }
}

/// Holds one entry against the rules of trust, and against what a server can teach.
pub(crate) fn check_entry(cache: &PermanentCache, options: &Options, kept: &Kept) {
    let (_, source, entry) = kept;
    let source: Uri = source.parse().expect("a source is a URI");
    check_rules(options, &source, entry);
    for method in [Method::GET, Method::HEAD, entry.method().clone()] {
        let asked = request(method, &source, entry);
        if kept.0.is_none() && recalls(cache, &asked) {
            check_taught(options, &source, entry);
        }
    }
}

fn check_rules(options: &Options, source: &Uri, entry: &Entry) {
    let target = entry.target().uri();
    let shown = || format!("{source} to {entry:?}");
    let is_https = |uri: &Uri| uri.scheme_str() == Some("https");
    let site = |uri: &Uri| (uri.host().map(str::to_ascii_lowercase), port(uri));
    let is_same_site = site(source) == site(target) && source.scheme() == target.scheme();
    let is_upgrade = is_https(target)
        && site(source).0 == site(target).0
        && (port(source), port(target)) == (80, 443);
    let is_trusted = match (is_https(source), options.plaintext) {
        (true, _) => is_https(target),
        (false, Plaintext::Always) => true,
        (false, Plaintext::UpgradeOnly) => is_upgrade,
        (false, _) => false,
    };
    assert!(is_trusted, "{}", shown());
    assert!(options.reach == Reach::AnyOrigin || is_same_site, "{}", shown());
    assert!(matches!(target.scheme_str(), Some("http" | "https")), "{}", shown());
    assert!(target.authority().is_some_and(|it| !it.as_str().contains('@')), "{}", shown());
    let with_301 = options.statuses == Statuses::With301 && entry.status() == 301;
    assert!(entry.status() == 308 || with_301, "{}", shown());
    let longest = source.to_string().len().max(target.to_string().len());
    // A `Uri` writes the empty path as a slash.
    assert!(longest <= options.max_uri_len + 1, "{}", shown());
    let (stored, end) = (seconds(entry.stored_at()), seconds(entry.fresh_until()));
    assert!(stored <= NOW + SKEW && end > NOW, "{}", shown());
    assert!(end <= stored + options.max_ttl, "{}", shown());
    assert!(entry.vary().count() <= 8, "{}", shown());
    let any = HeaderValue::from_static("any");
    assert!(!entry.vary().any(|(name, _)| is_credential(name, &any)), "{}", shown());
}

fn port(uri: &Uri) -> u16 {
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    uri.port_u16().unwrap_or(default)
}

/// A request that an entry is for.
fn request(method: Method, source: &Uri, entry: &Entry) -> request::Parts {
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = source.clone();
    for (name, value) in entry.vary() {
        if let Some(value) = value {
            request.headers_mut().insert(name, value.clone());
        }
    }
    request.into_parts().0
}

/// A memory that knows nothing would have made the same of a server's answer.
fn check_taught(options: &Options, source: &Uri, entry: &Entry) {
    let location = location(entry);
    let target = location::resolve(source, None, location.as_bytes()).expect("it leads somewhere");
    assert_eq!(*entry.target(), target);
    let (stored, age) = (seconds(entry.stored_at()), entry.initial_age().as_secs());
    // No server can say more.
    if age > 1 << 30 {
        return;
    }
    let lifetime = age + seconds(entry.fresh_until()) - stored;
    let cache = options.set(Clock::at(stored).builder()).build();
    let asked = request(entry.method().clone(), source, entry);
    teach(&cache, &asked, &response(entry, location, age, lifetime));
    let taught = contents(&cache).pop().map(|(_, _, entry)| entry);
    let taught = taught.unwrap_or_else(|| panic!("no server can teach {source} to {entry:?}"));
    assert_eq!(*taught.target(), target);
    assert_eq!(
        (taught.status(), taught.stored_at(), taught.fresh_until(), taught.initial_age()),
        (entry.status(), entry.stored_at(), entry.fresh_until(), entry.initial_age()),
    );
}

fn location(entry: &Entry) -> HeaderValue {
    let (uri, fragment) = (entry.target().uri(), entry.target().fragment());
    let text = match fragment {
        Some(fragment) => format!("{uri}#{fragment}"),
        None => uri.to_string(),
    };
    HeaderValue::try_from(text).expect("a target is a value")
}

fn response(entry: &Entry, location: HeaderValue, age: u64, lifetime: u64) -> response::Parts {
    let mut response = Response::new(());
    *response.status_mut() = entry.status();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    let says = format!("max-age={lifetime}");
    headers.insert(header::CACHE_CONTROL, HeaderValue::try_from(says).expect("a value"));
    headers.insert(header::AGE, HeaderValue::from(age));
    for (name, _) in entry.vary() {
        headers.append(header::VARY, HeaderValue::from(name.clone()));
    }
    response.into_parts().0
}
