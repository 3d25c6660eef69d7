//! Two policies as one.

use http::{StatusCode, request};

use super::{
    Admission, Answer, Attempt, Decision, Edits, Exchange, ExpectSupport, Outgoing, Policy,
    Question, Recall, Verdict, is_asked,
};

/// Follows where both policies do; made by [`Policy::and`].
///
/// ```
/// use tower_follow_redirect::policy::{And, HttpsOnly, Policy, SameOrigin};
///
/// let policy: And<SameOrigin, HttpsOnly> = SameOrigin.and(HttpsOnly);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct And<A, B> {
    first: A,
    second: B,
}

impl<A, B> And<A, B> {
    pub(super) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<A: Policy, B: Policy> Policy for And<A, B> {
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        attempt.begin_branch();
        let mut first = ask(&self.first, attempt);
        let (second, second_edits) = branch(&self.second, attempt);
        let agreed = leads_there(&second_edits, attempt);
        let mut first_edits = attempt.end_branch();
        if !agreed {
            // The first has agreed to another target than the second leads to. What it said and
            // edited was about that one.
            attempt.edit(second_edits.clone());
            (first, first_edits) = branch(&self.first, attempt);
            if !leads_there(&first_edits, attempt) {
                return Decision::fail("two policies lead to different targets").into();
            }
        }
        attempt.edit(first_edits);
        attempt.edit(second_edits);
        both(first, second)
    }

    fn claims(&self, status: StatusCode) -> bool {
        self.first.claims(status) || self.second.claims(status)
    }

    fn expect(&self, request: &request::Parts) -> ExpectSupport {
        self.first.expect(request).max(self.second.expect(request))
    }

    fn recall(&self, request: &mut Outgoing<'_>) -> Recall {
        recall(&self.first, &self.second, request)
    }

    fn admit(&self, request: &mut Outgoing<'_>) -> Admission {
        admit(&self.first, &self.second, request)
    }

    fn concluded(&self, exchange: &mut Exchange<'_>) {
        self.first.concluded(exchange);
        self.second.concluded(exchange);
    }
}

/// Asks the second policy where the first has no opinion; made by [`Policy::or`].
///
/// ```
/// use tower_follow_redirect::policy::{Or, Policy, S3, SameOrigin, s3::Foreign};
///
/// // What is not S3's stays at its origin.
/// let policy: Or<S3, SameOrigin> = S3::new().foreign(Foreign::Delegate).or(SameOrigin);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Or<A, B> {
    first: A,
    second: B,
}

impl<A, B> Or<A, B> {
    pub(super) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<A: Policy, B: Policy> Policy for Or<A, B> {
    fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
        let (first, edits) = branch(&self.first, attempt);
        match first {
            Verdict::Decided(Decision::Pass) => ask(&self.second, attempt),
            Verdict::Ask(question) => {
                let (second, second_edits) = branch(&self.second, attempt);
                match second {
                    Verdict::Peek(limit) => Verdict::Peek(limit),
                    second => Verdict::ask(either((question, edits), (second, second_edits))),
                }
            }
            verdict => {
                attempt.edit(edits);
                verdict
            }
        }
    }

    fn claims(&self, status: StatusCode) -> bool {
        self.first.claims(status) || self.second.claims(status)
    }

    fn expect(&self, request: &request::Parts) -> ExpectSupport {
        self.first.expect(request).max(self.second.expect(request))
    }

    fn recall(&self, request: &mut Outgoing<'_>) -> Recall {
        recall(&self.first, &self.second, request)
    }

    fn admit(&self, request: &mut Outgoing<'_>) -> Admission {
        admit(&self.first, &self.second, request)
    }

    fn concluded(&self, exchange: &mut Exchange<'_>) {
        self.first.concluded(exchange);
        self.second.concluded(exchange);
    }
}

/// Returns what the first of two policies remembers, or else what the second does.
fn recall(first: &impl Policy, second: &impl Policy, request: &mut Outgoing<'_>) -> Recall {
    match first.recall(request) {
        Recall::Nothing => second.recall(request),
        recall => recall,
    }
}

/// Returns what the first of two policies has against a request, or else what the second has.
fn admit(first: &impl Policy, second: &impl Policy, request: &mut Outgoing<'_>) -> Admission {
    match first.admit(request) {
        Admission::Granted => second.admit(request),
        admission => admission,
    }
}

/// Asks a policy, if it has anything to say about this status.
fn ask(policy: &impl Policy, attempt: &mut Attempt<'_>) -> Verdict {
    if is_asked(policy, attempt.status()) {
        policy.redirect(attempt)
    } else {
        Decision::Pass.into()
    }
}

/// Returns whether `edits` lead where the attempt leads without them.
fn leads_there(edits: &Edits, attempt: &Attempt<'_>) -> bool {
    edits.target.as_ref().is_none_or(|target| attempt.target() == Ok(target))
}

/// Asks a policy and sets its edits aside, save that what it strips stays stripped.
fn branch(policy: &impl Policy, attempt: &mut Attempt<'_>) -> (Verdict, Edits) {
    attempt.begin_branch();
    let verdict = ask(policy, attempt);
    (verdict, attempt.end_branch())
}

fn both(first: Verdict, second: Verdict) -> Verdict {
    match (first, second) {
        (Verdict::Decided(first), Verdict::Decided(second)) => first.stricter(second).into(),
        (Verdict::Decided(last), _) | (_, Verdict::Decided(last)) if last.is_final() => last.into(),
        (Verdict::Peek(first), Verdict::Peek(second)) => Verdict::Peek(first.max(second)),
        (Verdict::Peek(limit), _) | (_, Verdict::Peek(limit)) => Verdict::Peek(limit),
        (Verdict::Ask(question), Verdict::Decided(decision))
        | (Verdict::Decided(decision), Verdict::Ask(question)) => {
            Verdict::ask(async move { question.await.stricter(decision.into()) })
        }
        (Verdict::Ask(first), Verdict::Ask(second)) => Verdict::ask(async move {
            let first = first.await;
            if first.decision.is_final() { first } else { first.stricter(second.await) }
        }),
    }
}

/// Answers as the first does, or where it passes, as the second.
async fn either(first: (Question, Edits), second: (Verdict, Edits)) -> Answer {
    let (question, mut edits) = first;
    let answer = question.await;
    if !matches!(answer.decision, Decision::Pass) {
        edits.extend(answer.edits);
        return Answer { decision: answer.decision, edits };
    }
    let (second, mut edits) = second;
    edits.strip.extend(answer.edits.strip);
    match second {
        Verdict::Decided(decision) => Answer { decision, edits },
        Verdict::Ask(question) => {
            let answer = question.await;
            edits.extend(answer.edits);
            Answer { decision: answer.decision, edits }
        }
        Verdict::Peek(_) => unreachable!("a peek comes before every question"),
    }
}
