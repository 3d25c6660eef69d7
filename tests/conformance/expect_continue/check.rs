//! Compares what came of the calls with what a vector expects, and with what always holds.

use std::time::Duration;

use super::{
    body::{TRAILER, content},
    call::Found,
    stage::{End, Received},
    vectors::{Expect, Kind, Outcome, Retry, Reusable, Sent, Vector, Version},
};
use crate::words::Differences;

/// How much longer than expected something may take, since the machine may be busy.
const BUSY: u32 = 10;

/// Compares with one of the behaviours that are right.
pub fn differences(expect: &Expect, vector: &Vector, found: &Found) -> Differences {
    let mut differ = Differences::default();
    let requests = &found.server.requests;
    differ.equal("outcome", expect.outcome, found.answer.outcome);
    let status = found.answer.status.map(|status| status.as_u16());
    differ.equal("final_status", expect.final_status.map(Some), status);
    differ.equal("requests", expect.requests, requests.len());
    let expects = requests.first().is_some_and(|request| request.has("expect"));
    differ.equal("expect_header_sent", expect.expect_header_sent, expects);
    if vector.request.version != Version::Http2 {
        let informational = expect.informational.as_ref();
        differ.equal("informational", informational, &found.informational);
    }
    differ.equal("body_still_replayable", expect.body_still_replayable, found.replayable);
    if let Some(sent) = expect.body_sent {
        compare_sent(&mut differ, sent, vector, found.own());
    }
    if let Some(wait) = expect.wait_ms {
        compare_wait(&mut differ, wait, found);
    }
    if let Some(Reusable::Must(reusable)) = expect.connection_reusable {
        differ.equal("connection_reusable", Some(reusable), found.reused());
    }
    if let Some(retry) = expect.retry {
        compare_retry(&mut differ, retry, found.own());
    }
    differ.extend(found.server.complaints.iter().cloned());
    differ
}

impl Found {
    /// Returns the requests of the call that the vector is about.
    fn own(&self) -> &[Received] {
        &self.server.requests[..self.own_requests]
    }

    /// Returns whether the next request, be it the probe, came on the first one's connection.
    fn reused(&self) -> bool {
        let mut connections = self.server.requests.iter().map(|request| request.connection);
        let first = connections.next();
        first.is_some() && first == connections.next().or(self.server.probe)
    }
}

fn compare_sent(differ: &mut Differences, sent: Sent, vector: &Vector, requests: &[Received]) {
    let came: usize = requests.iter().map(|request| request.content.len()).sum();
    let Some(last) = requests.last() else {
        return differ.equal("body_sent", Some(sent), Sent::None);
    };
    let whole = is_whole(last, vector);
    let is_so = match sent {
        Sent::Full => whole,
        Sent::Partial => came > 0 && !whole,
        Sent::None => came == 0,
        Sent::Any => true,
    };
    if !is_so {
        differ.add(format!("body_sent: expected {sent:?}, found {came} bytes, {:?}", last.end));
    }
}

/// Returns whether a request has all the caller's content, from its first byte to its trailers.
fn is_whole(request: &Received, vector: &Vector) -> bool {
    let described = vector.request.body;
    let (name, value) = TRAILER;
    let trailed =
        request.trailers.iter().any(|(n, v)| n.eq_ignore_ascii_case(name.as_str()) && v == value);
    request.end == End::Complete
        && request.content == content(described.length)
        && trailed == (described.kind == Kind::UnknownWithTrailers)
        && described.kind != Kind::Failing
}

/// Compares how long content was waited for, or the response where there was no content.
///
/// Content is timed on the last request that has some: at least as long as the transport has waited
/// for it, at most as long as the server has.
fn compare_wait(differ: &mut Differences, (min, max): (u64, u64), found: &Found) {
    let own = found.own();
    let (least, most) = match own.iter().rposition(|request| request.content_at.is_some()) {
        Some(last) => {
            let asked = found.body.hops.get(last).copied().unwrap_or_default();
            let least = asked.first.zip(asked.answered).map(|(first, then)| then - first);
            (least, own[last].content_at.map(|at| at - own[last].head_at))
        }
        None => {
            let answered = own.first().zip(found.answered_at);
            let wait = answered.map(|(first, at)| at.saturating_duration_since(first.head_at));
            (wait, wait)
        }
    };
    let (Some(least), Some(most)) = (least, most) else {
        return differ.add("wait_ms: nothing was waited for");
    };
    if least < Duration::from_millis(min) || most > Duration::from_millis(max) * BUSY {
        differ.add(format!("wait_ms: expected {min} to {max}, found {least:?} and {most:?}"));
    }
}

fn compare_retry(differ: &mut Differences, retry: Retry, requests: &[Received]) {
    let again = match requests {
        [first, second] => first.method == second.method && first.url == second.url,
        _ => false,
    };
    let found =
        if again && !requests[1].has("expect") { Retry::WithoutExpect } else { Retry::None };
    differ.equal("retry", Some(retry), found);
}

/// Returns which of the promises that hold for every call are broken.
pub fn broken_promises(vector: &Vector, found: &Found) -> Differences {
    let mut broken = Differences::default();
    broken.equal("tasks that panic", Some(0), found.panicked);
    broken.equal("tasks that outlive the client", Some(0), found.alive);
    let (dropped, made) = found.dropped;
    broken.equal("bodies dropped", Some(made), dropped);
    if let Err(why) = &found.probe {
        broken.add(format!("the client is of no use any more: {why}"));
    }
    for (number, request) in found.own().iter().enumerate() {
        content_is_the_callers(&mut broken, number, request, vector);
    }
    if matches!(found.answer.outcome, Outcome::Response | Outcome::Stop) {
        response_is_the_servers(&mut broken, vector, found);
    }
    broken
}

/// What came is the beginning of the content; and it is complete only if it looks so.
fn content_is_the_callers(
    broken: &mut Differences,
    number: usize,
    request: &Received,
    vector: &Vector,
) {
    if !content(vector.request.body.length).starts_with(&request.content) {
        broken.add(format!("request {number} has other content than the caller's"));
    }
    // With another method it may do without.
    let complete = request.end == End::Complete && request.method == vector.request.method;
    if complete && !is_whole(request, vector) {
        let length = request.content.len();
        broken.add(format!("request {number} is cut off at {length} bytes, and looks complete"));
    }
}

/// The final response is the one that was sent last, whole, and has nothing of a 1xx.
fn response_is_the_servers(broken: &mut Differences, vector: &Vector, found: &Found) {
    let answer = &found.answer;
    if let Some(error) = &answer.error {
        broken.add(format!("the response is cut off: {error}"));
    }
    if answer.outcome == Outcome::Stop && answer.refusal.is_none() {
        broken.add("a 3xx has no Refusal");
    }
    if let Some(sent) = found.server.answers.last() {
        let status = answer.status.map(|status| status.as_u16());
        broken.equal("the status that was sent last", Some(Some(sent.status)), status);
        let content = sent.content.as_ref().map(|content| content.as_bytes());
        broken.equal("the content that was sent last", content, &*answer.content);
    }
    let is_informational = |status: Option<u16>| status.is_some_and(|status| status < 200);
    let (early, last): (Vec<_>, Vec<_>) =
        vector.server.iter().partition(|step| is_informational(step.status));
    let names = |steps: &[&super::steps::Step]| -> Vec<String> {
        steps.iter().flat_map(|step| &step.headers).map(|(name, _)| name.to_lowercase()).collect()
    };
    let final_names = names(&last);
    for name in names(&early).iter().filter(|name| !final_names.contains(name)) {
        if answer.fields.contains_key(name) {
            broken.add(format!("{name} of an informational response is in the final one"));
        }
    }
}
