//! Compares what came of a call with what a vector expects, and with what always holds.

use tower_follow_redirect::RefusalKind;

use super::{
    client::Found,
    server::{Received, Scripted},
    vectors::{Content, Expect, ExpectRequest, Field, Outcome, Vector},
};
use crate::{url::Url, words::Differences};

impl Differences {
    fn url(&mut self, what: &str, expected: Option<&String>, found: &Url) {
        let expected = expected.map(|url| Url::parse(url).0.to_string());
        self.equal(what, expected, found.to_string());
    }

    fn content(&mut self, what: &str, expected: Option<Content>, found: &Received, sent: &[u8]) {
        let length = found.content.len();
        match expected {
            Some(Content::Same) if found.content != sent => {
                self.add(format!("{what}: expected the same, found {length} bytes"));
            }
            Some(Content::Dropped) if length > 0 => {
                self.add(format!("{what}: expected none, found {length} bytes"));
            }
            Some(Content::Same | Content::Dropped | Content::NotAsked) | None => {}
        }
    }

    fn fields<'a>(
        &mut self,
        request: &Received,
        present: impl IntoIterator<Item = &'a Field>,
        absent: impl IntoIterator<Item = &'a Field>,
    ) {
        for field in present.into_iter().filter(|field| !is_in(field, request)) {
            let found: Vec<_> = request.values(&field.name).collect();
            self.add(format!("{field} is not in the request to {}, {found:?} is", request.url));
        }
        for field in absent.into_iter().filter(|field| is_in(field, request)) {
            self.add(format!("{field} is in the request to {}", request.url));
        }
    }
}

fn is_in(field: &Field, request: &Received) -> bool {
    request.values(&field.name).any(|found| {
        let Some(value) = &field.value else { return true };
        found == value || (field.name.eq_ignore_ascii_case("referer") && is_same_url(found, value))
    })
}

/// Clients differ in whether they write `http://a.test` or `http://a.test/`.
fn is_same_url(a: &str, b: &str) -> bool {
    Url::parse(a).0 == Url::parse(b).0
}

/// Compares a call with one of the behaviours that are right.
pub fn differences(expect: &Expect, vector: &Vector, found: &Found) -> Differences {
    let mut differ = Differences::default();
    differ.equal("outcome", expect.outcome, found.outcome);
    differ.equal("final_status", expect.final_status.map(Some), found.status.map(|s| s.as_u16()));
    let effective_url = expect.effective_url.as_ref().map(Some);
    differ.equal("effective_url", effective_url, found.effective_url.as_ref());
    if let Some(kind) = expect.error_kind.as_deref().filter(|_| found.outcome == Outcome::Error) {
        differ.equal("error_kind", binding_kind(kind).map(Some), found.refusal);
    }
    for request in found.requests.iter().filter(|request| request.scripted == Scripted::No) {
        differ.add(format!("{} {} is not in the script", request.method, request.url));
    }
    let followed = found.requests.len().saturating_sub(1);
    differ.equal("hop_count", expect.hop_count, followed);
    let sent = vector.request.body.as_ref().map_or(&[][..], |body| &body.0);
    match found.requests.last() {
        Some(last) => compare_last(&mut differ, expect, last, sent),
        None => differ.add("no request was sent"),
    }
    if let Some(requests) = &expect.requests {
        differ.equal("requests", Some(requests.len()), found.requests.len());
        for (expect, found) in requests.iter().zip(&found.requests) {
            compare_request(&mut differ, expect, found, sent);
        }
    }
    differ
}

fn compare_last(differ: &mut Differences, expect: &Expect, last: &Received, sent: &[u8]) {
    differ.url("final_url", expect.final_url.as_ref(), &last.url);
    differ.equal("final_method", expect.final_method.as_ref(), &last.method);
    differ.content("final_body", expect.final_body, last, sent);
    let present = expect.headers_present.iter().flatten();
    differ.fields(last, present, expect.headers_absent.iter().flatten());
}

fn compare_request(
    differ: &mut Differences,
    expect: &ExpectRequest,
    found: &Received,
    sent: &[u8],
) {
    differ.url("url", expect.url.as_ref(), &found.url);
    differ.equal("method", expect.method.as_ref(), &found.method);
    differ.content("body", expect.body, found, sent);
    differ.fields(found, &expect.headers_present, &expect.headers_absent);
}

/// Other names say how a client calls its error, and leave it free.
fn binding_kind(name: &str) -> Option<RefusalKind> {
    match name {
        "too-many-redirects" => Some(RefusalKind::TooManyRedirects),
        "bad-location" => Some(RefusalKind::BadLocation),
        "scheme" => Some(RefusalKind::Scheme),
        "body-not-replayable" => Some(RefusalKind::BodyNotReplayable),
        _ => None,
    }
}

/// Returns which of the promises that hold for every call are broken.
pub fn broken_promises(vector: &Vector, found: &Found) -> Differences {
    let mut broken = Differences::default();
    if let Some(hops) = found.hops {
        broken.equal("requests", Some(hops + 1), found.requests.len());
    }
    match found.outcome {
        Outcome::Stop if found.refusal.is_none() => broken.add("a 3xx has no Refusal"),
        Outcome::Error if found.refusal.is_some() && found.status.is_none() => {
            broken.add("an error has lost its response");
        }
        Outcome::Response | Outcome::Stop => broken.extend(found.error.clone()),
        Outcome::Error => {}
    }
    if !vector.config.grants_credentials() {
        leaks(vector, found, &mut broken);
    }
    broken
}

const CREDENTIALS: [&str; 4] = ["authorization", "cookie", "cookie2", "proxy-authorization"];

/// Looks for the request's credentials after the first hop to another origin.
fn leaks(vector: &Vector, found: &Found, broken: &mut Differences) {
    let Some(first) = found.requests.first() else { return };
    let had = |name: &str| {
        vector.request.headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name))
    };
    let elsewhere = found.requests.iter().skip_while(|r| r.url.origin == first.url.origin);
    for request in elsewhere {
        for name in CREDENTIALS.into_iter().filter(|name| had(name)) {
            if request.values(name).next().is_some() {
                broken.add(format!("{name} has come to {}", request.url));
            }
        }
    }
}
