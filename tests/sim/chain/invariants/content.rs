//! Content arrives as it is, or not at all.

use super::super::{
    content::{End, Length},
    journal::{Announced, Broken, Ending, Sent},
    policies::rewrite,
};
use super::{Facts, Step, broken};

pub fn check(facts: &Facts<'_>, steps: &[(Step, Option<usize>)]) -> Result<(), Broken> {
    // Whether each request must have content, where that is known.
    let mut has: Vec<bool> = Vec::new();
    for (at, (step, from)) in steps.iter().enumerate() {
        let sent = &facts.journal.sent[at];
        let tree = &facts.script.tree;
        let expected = match (step, from) {
            // A redirect that is remembered may come first.
            (Step::First, None) if tree.remembers() && tree.rewrites() => None,
            (_, None) => Some(!facts.call.content.is_empty()),
            (Step::Follows, Some(from)) => goes_along(facts, has[*from], *from),
            (_, Some(from)) => Some(has[*from]),
        };
        let there = sent.content.is_some();
        if expected.is_some_and(|expected| expected != there) {
            let how = format!("request {at} has content: {there}");
            return broken("content goes along where RFC 9110 says so", how);
        }
        has.push(there);
        if there { is_right(facts, sent, at)? } else { is_absent(sent, at)? }
    }
    Ok(())
}

/// Returns whether the content of a request goes along with its redirect.
fn goes_along(facts: &Facts<'_>, has: bool, from: usize) -> Option<bool> {
    if !has {
        return Some(false);
    }
    if facts.script.tree.rewrites() {
        return None;
    }
    let from = &facts.journal.sent[from];
    Some(rewrite(from.status()?, &from.method).1)
}

fn is_absent(sent: &Sent, at: usize) -> Result<(), Broken> {
    let is_empty = sent.received.bytes == 0 && !sent.received.trailers;
    if !is_empty || sent.headers.contains_key(http::header::CONTENT_TYPE) {
        return broken("where there is no content nothing speaks of it", format!("request {at}"));
    }
    Ok(())
}

fn is_right(facts: &Facts<'_>, sent: &Sent, at: usize) -> Result<(), Broken> {
    let content = &facts.call.content;
    let announced = match content.length {
        Length::Known => Announced::Length(content.size() as u64),
        Length::Unknown => Announced::Unknown,
    };
    if sent.content != Some(announced) {
        let how = format!("request {at}: {:?}, not {announced:?}", sent.content);
        return broken("every hop announces the length of the content", how);
    }
    let received = &sent.received;
    if received.outlives && !facts.script.tree.peeks() {
        return broken("an upload ends with its redirect", format!("request {at}"));
    }
    if received.end != Some(Ending::Complete) {
        return Ok(());
    }
    if received.bytes != content.size() || content.end == End::Fails {
        let how = format!("request {at}: {} of {} bytes", received.bytes, content.size());
        return broken("no upload looks complete that is not", how);
    }
    if received.trailers != (content.end == End::Trailers) {
        return broken("trailers arrive", format!("request {at}"));
    }
    Ok(())
}
