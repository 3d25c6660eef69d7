//! RFC 9111 as far as a redirect is concerned, and what the module `policy::permanent` says besides.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// What of a memory's options is not as by default.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Setup {
    pub(super) is_private: bool,
    /// Of the URI that is requested.
    pub(super) has_query: bool,
}

/// What is remembered of a redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remembered {
    pub(super) age: u64,
    pub(super) remaining: u64,
    pub(super) vary: Vec<(HeaderName, Option<HeaderValue>)>,
}

const DAY: u64 = 24 * 60 * 60;

/// §1.2.2: "the greatest positive integer the implementation can represent, or 2^31".
const FOREVER: u64 = 1 << 31;

pub(super) fn remembered(
    setup: &Setup,
    request: &HeaderMap,
    response: &HeaderMap,
    now: u64,
) -> Option<Remembered> {
    let says = directives(response);
    let has = |name: &str| says.iter().any(|directive| directive.is(name));
    let permits =
        |name: &str| says.iter().any(|directive| directive.is(name) && directive.is_well_formed());
    let hides =
        |says: &[Directive]| says.iter().any(|directive| directive.argument == Argument::Broken);
    let asked = directives(request);
    let s_maxage = if setup.is_private { Time::Unsaid } else { time(&says, "s-maxage") };
    let is_refused = [
        has("no-store") || hides(&says),
        asked.iter().any(|directive| directive.is("no-store")) || hides(&asked),
        has("no-cache"),
        !response.contains_key(header::CACHE_CONTROL) && has_pragma(response),
        !setup.is_private && has("private"),
        !setup.is_private
            && request.contains_key(header::AUTHORIZATION)
            && !permits("public")
            && !permits("must-revalidate")
            && !matches!(s_maxage, Time::Says(_)),
        response.contains_key(header::SET_COOKIE),
    ];
    if is_refused.contains(&true) {
        return None;
    }
    let lifetime = match (s_maxage, time(&says, "max-age")) {
        (Time::Says(seconds), _) | (Time::Unsaid, Time::Says(seconds)) => seconds,
        (Time::Unreadable, _) | (Time::Unsaid, Time::Unreadable) => 0,
        (Time::Unsaid, Time::Unsaid) => match response.get(header::EXPIRES) {
            Some(_) => date(response, header::EXPIRES)
                .map_or(0, |end| end.saturating_sub(date(response, header::DATE).unwrap_or(now))),
            None if setup.has_query => 0,
            None => DAY,
        },
    };
    let apparent = date(response, header::DATE).map_or(0, |date| now.saturating_sub(date));
    let age = age(response).unwrap_or(0).max(apparent);
    let remaining = lifetime.saturating_sub(age).min(7 * DAY);
    let vary = vary(request, response)?;
    (remaining > 0).then_some(Remembered { age, remaining, vary })
}

/// Whether a request like the one it was learned from is redirected after some time (§5.2.1, §5.4).
pub(super) fn is_used(found: &Remembered, request: &HeaderMap, later: u64) -> bool {
    let says = directives(request);
    let left = found.remaining.saturating_sub(later);
    let is_in_time = |time: Time, holds: &dyn Fn(u64) -> bool| match time {
        Time::Unsaid => true,
        Time::Says(seconds) => holds(seconds),
        Time::Unreadable => false,
    };
    left > 0
        && !has_pragma(request)
        && !says.iter().any(|directive| directive.is("no-cache") || directive.is("no-store"))
        && is_in_time(time(&says, "max-age"), &|most| most > 0 && found.age + later <= most)
        && is_in_time(time(&says, "min-fresh"), &|least| left >= least)
}

/// A member of `Cache-Control`.
struct Directive {
    /// In lower case.
    name: String,
    argument: Argument,
}

#[derive(PartialEq, Eq)]
enum Argument {
    None,
    Some(String),
    /// It is none, but hides nothing.
    Odd,
    /// It has a quote where none may be, which could hide anything.
    Broken,
}

enum Time {
    Unsaid,
    Says(u64),
    Unreadable,
}

impl Directive {
    fn is(&self, name: &str) -> bool {
        self.name == name
    }

    fn is_well_formed(&self) -> bool {
        matches!(self.argument, Argument::None | Argument::Some(_))
    }
}

fn directives(headers: &HeaderMap) -> Vec<Directive> {
    members(headers, header::CACHE_CONTROL).iter().map(|member| directive(member)).collect()
}

fn directive(member: &str) -> Directive {
    let end = member.find(|c| !is_token(c)).unwrap_or(member.len());
    let (name, rest) = (member[..end].to_ascii_lowercase(), &member[end..]);
    let argument = match rest.strip_prefix('=') {
        _ if rest.is_empty() => Argument::None,
        Some(quoted) if quoted.starts_with('"') => match end_of_quoted(quoted, 0) {
            Some(end) if end == quoted.len() => Argument::Some(quoted[1..end - 1].to_owned()),
            _ => Argument::Broken,
        },
        _ if rest.contains('"') => Argument::Broken,
        Some(token) if token.chars().all(is_token) => Argument::Some(token.to_owned()),
        _ => Argument::Odd,
    };
    Directive { name, argument }
}

/// Several that do not agree say nothing.
fn time(says: &[Directive], name: &str) -> Time {
    let mut times = says.iter().filter(|directive| directive.is(name)).map(|directive| {
        match &directive.argument {
            Argument::Some(text) => delta_seconds(text),
            Argument::None | Argument::Odd | Argument::Broken => None,
        }
    });
    match times.next() {
        None => Time::Unsaid,
        Some(Some(first)) if times.all(|other| other == Some(first)) => Time::Says(first),
        Some(_) => Time::Unreadable,
    }
}

fn delta_seconds(text: &str) -> Option<u64> {
    let digits = text.trim_start_matches('0');
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true if text.is_empty() => None,
        true if digits.is_empty() => Some(0),
        true => Some(digits.parse().unwrap_or(FOREVER).min(FOREVER)),
        false => None,
    }
}

fn has_pragma(headers: &HeaderMap) -> bool {
    members(headers, header::PRAGMA).iter().any(|member| directive(member).is("no-cache"))
}

/// The members of a list, with its quoted strings whole. A byte is a character.
fn members(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    let mut members = Vec::new();
    for line in headers.get_all(name) {
        let line: String = line.as_bytes().iter().copied().map(char::from).collect();
        let (mut start, mut at) = (0, 0);
        while let Some(byte) = line.as_bytes().get(at) {
            match byte {
                b',' => {
                    members.push(line[start..at].to_owned());
                    at += 1;
                    start = at;
                }
                b'"' => at = end_of_quoted(&line, at).unwrap_or(line.len()),
                _ => at += 1,
            }
        }
        members.push(line[start..].to_owned());
    }
    let trimmed = members.iter().map(|member| member.trim_matches([' ', '\t']).to_owned());
    trimmed.filter(|member| !member.is_empty()).collect()
}

/// Where a quoted string ends that begins at a quote.
fn end_of_quoted(text: &str, quote: usize) -> Option<usize> {
    let mut at = quote + 1;
    loop {
        at += match text.as_bytes().get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => 2,
            _ => 1,
        };
    }
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// §5.1: the first member of the first line.
fn age(headers: &HeaderMap) -> Option<u64> {
    let line = headers.get(header::AGE)?.as_bytes();
    let first = line.split(|&byte| byte == b',').next()?;
    delta_seconds(std::str::from_utf8(first).ok()?.trim_matches([' ', '\t']))
}

/// A field that is there once, and is a date.
fn date(headers: &HeaderMap, name: HeaderName) -> Option<u64> {
    let lines: Vec<_> = headers.get_all(name).iter().collect();
    let [line] = lines[..] else { return None };
    let text = line.to_str().ok()?;
    // `httpdate` is not strict about what stands before the hour.
    text.split(' ').find(|word| word.as_bytes().get(2) == Some(&b':'))?;
    httpdate::parse_http_date(text).ok().map(crate::memory::seconds)
}

/// §4.1: what the request said in the fields that are named.
fn vary(
    request: &HeaderMap,
    response: &HeaderMap,
) -> Option<Vec<(HeaderName, Option<HeaderValue>)>> {
    let mut vary: Vec<(HeaderName, Option<HeaderValue>)> = Vec::new();
    for line in response.get_all(header::VARY) {
        for name in line.as_bytes().split(|&byte| byte == b',') {
            let name = name.trim_ascii();
            if name.is_empty() {
                continue;
            }
            // `*` is a token, and so the name of a field.
            let name = HeaderName::from_bytes(name).ok().filter(|name| name.as_str() != "*")?;
            let value = HeaderValue::from_static("any");
            if tower_follow_redirect::rules::credentials::is_credential(&name, &value) {
                return None;
            }
            if vary.iter().all(|(known, _)| *known != name) {
                let values: Vec<_> = request.get_all(&name).iter().collect();
                let text: Vec<_> =
                    values.iter().map(|value| value.as_bytes().trim_ascii()).collect();
                let joined = HeaderValue::from_bytes(&text.join(&b", "[..])).ok()?;
                vary.push((name, (!values.is_empty()).then_some(joined)));
            }
        }
    }
    (vary.len() <= 8).then_some(vary)
}
