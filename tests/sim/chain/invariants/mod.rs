//! What must hold of every call, whatever happened in it.

mod content;
mod credentials;
mod ending;
mod requests;
mod waiting;

use super::{
    Script,
    call::Call,
    caller::End,
    journal::{Broken, Journal, Sent},
    policies::is_redirect,
};

/// What is known of a call that has ended.
pub struct Facts<'a> {
    pub script: &'a Script,
    pub call: &'a Call,
    pub journal: &'a Journal,
    pub end: &'a End,
}

/// How a request came to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    First,
    /// It follows the redirect of the request before, or what a policy claims.
    Follows,
    /// It is the one before again, without its expectation.
    Repeats,
    /// What was remembered was wrong: it goes back to where that began.
    Retracts,
}

/// Checks all promises, and returns how each request came to be sent.
///
/// # Errors
///
/// Fails with the first that is broken.
pub fn check(facts: &Facts<'_>) -> Result<Vec<(Step, Option<usize>)>, Broken> {
    let steps = requests::check(facts)?;
    credentials::check(facts, &steps)?;
    content::check(facts, &steps)?;
    waiting::check(facts)?;
    ending::check(facts, &steps)?;
    Ok(steps)
}

impl Facts<'_> {
    /// Returns how each request came to be sent, and which one it was made from; none of ours where it is
    /// the caller's own.
    ///
    /// # Errors
    ///
    /// Fails if one was sent that nothing led to.
    pub fn steps(&self) -> Result<Vec<(Step, Option<usize>)>, Broken> {
        let mut steps: Vec<(Step, Option<usize>)> = Vec::new();
        for at in 0..self.journal.sent.len() {
            let Some(before) = at.checked_sub(1) else {
                steps.push((Step::First, None));
                continue;
            };
            steps.push(match self.leads_on(&self.journal.sent[before]) {
                Some(Step::Retracts) => (Step::Retracts, steps[before].1),
                Some(step) => (step, Some(before)),
                None => return broken("only what is followed leads on", format!("request {at}")),
            });
        }
        Ok(steps)
    }

    /// Returns what the answer to a request can have led to.
    fn leads_on(&self, sent: &Sent) -> Option<Step> {
        let tree = &self.script.tree;
        Some(match sent.status() {
            Some(417) if sent.expects_continue() => Step::Repeats,
            Some(status) if is_redirect(status) => Step::Follows,
            Some(404 | 410) | None if tree.remembers() => Step::Retracts,
            _ => return None,
        })
    }
}

pub fn broken<T>(promise: &'static str, how: impl Into<String>) -> Result<T, Broken> {
    Err(Broken { promise, how: how.into() })
}
