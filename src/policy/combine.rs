//! Two policies as one.

use http::{StatusCode, request};

use super::{
    Admission, Answer, Attempt, Decision, Edits, Exchange, ExpectSupport, Outgoing, Policy,
    Question, Recall, Verdict, is_asked, verdict::About,
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
        let status = attempt.status();
        match (is_asked(&self.first, status), is_asked(&self.second, status)) {
            (true, false) => unless_forbidden(&self.first, &self.second, attempt),
            (false, true) => unless_forbidden(&self.second, &self.first, attempt),
            (true, true) | (false, false) => agreed(&self.first, &self.second, attempt),
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
        // If neither has claimed the response, another policy has, and both may forbid what it does.
        let is_claimed = is_asked(self, attempt.status());
        let (first, edits) = branch(attempt, |attempt| ask(&self.first, is_claimed, attempt));
        match first {
            Verdict::Decided(Decision::Pass) => ask(&self.second, is_claimed, attempt),
            Verdict::Ask(question) => {
                let edits = changes(edits, attempt);
                let (second, second_edits) =
                    branch(attempt, |attempt| ask(&self.second, is_claimed, attempt));
                let second_edits = changes(second_edits, attempt);
                match second {
                    Verdict::Peek(limit) => Verdict::Peek(limit),
                    second => Verdict::ask(either((question, edits), (second, second_edits))),
                }
            }
            Verdict::Peek(limit) => {
                let (second, _) = branch(attempt, |attempt| ask(&self.second, is_claimed, attempt));
                for_both(limit, second)
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

/// Asks two policies that both have a say in this status, until they speak about the same request.
fn agreed(first: &impl Policy, second: &impl Policy, attempt: &mut Attempt<'_>) -> Verdict {
    attempt.begin_branch();
    let mut verdict = first.redirect(attempt);
    let (mut second_verdict, mut second_edits) =
        branch(attempt, |attempt| second.redirect(attempt));
    let is_the_same = makes_that(&second_edits, attempt);
    let mut first_edits = attempt.end_branch();
    if !is_the_same {
        // The first has agreed to another request than the second makes of it. What it said and edited
        // was about that one.
        attempt.edit(second_edits.clone());
        (verdict, first_edits) = branch(attempt, |attempt| first.redirect(attempt));
        if !makes_that(&first_edits, attempt) {
            attempt.edit(first_edits.clone());
            (second_verdict, second_edits) = branch(attempt, |attempt| second.redirect(attempt));
            if !makes_that(&second_edits, attempt) {
                return Decision::fail("two policies lead to different requests").into();
            }
        }
    }
    attempt.edit(first_edits);
    attempt.edit(second_edits);
    both(verdict, second_verdict)
}

/// Asks the policy that has claimed this status, and where it would follow, the other, who may forbid it.
fn unless_forbidden(
    claimant: &impl Policy,
    other: &impl Policy,
    attempt: &mut Attempt<'_>,
) -> Verdict {
    let verdict = claimant.redirect(attempt);
    match verdict {
        Verdict::Decided(Decision::Follow | Decision::FollowWithCredentials)
        | Verdict::Ask(_)
        | Verdict::Peek(_) => {}
        Verdict::Decided(_) => return verdict,
    }
    let (objection, _) = branch(attempt, |attempt| other.redirect(attempt));
    match verdict {
        Verdict::Peek(limit) => for_both(limit, objection),
        verdict => both(verdict, only_forbids(objection)),
    }
}

/// Returns the verdict of a policy that has nothing to say but no.
fn only_forbids(verdict: Verdict) -> Verdict {
    let decides = |decision| match decision {
        Decision::Follow | Decision::FollowWithCredentials => Decision::Pass,
        decision => decision,
    };
    match verdict {
        Verdict::Decided(decision) => decides(decision).into(),
        Verdict::Peek(limit) => Verdict::Peek(limit),
        Verdict::Ask(question) => Verdict::ask(async move {
            let Answer { decision, edits, about } = question.await;
            let edits = Edits { strip: edits.strip, ..Edits::default() };
            Answer { decision: decides(decision), edits, about }
        }),
    }
}

/// Asks one of two policies, if it has anything to say about this status, or if neither has claimed it.
fn ask(policy: &impl Policy, is_claimed: bool, attempt: &mut Attempt<'_>) -> Verdict {
    if !is_claimed || is_asked(policy, attempt.status()) {
        policy.redirect(attempt)
    } else {
        Decision::Pass.into()
    }
}

/// Returns the edits without those that leave the request as the attempt makes it.
fn changes(edits: Edits, attempt: &Attempt<'_>) -> Edits {
    Edits {
        method: edits.method.filter(|method| attempt.next_method() != method),
        content: edits.content.filter(|content| attempt.next_content() != *content),
        target: edits.target.filter(|target| attempt.target() != Ok(target)),
        ..edits
    }
}

/// Returns whether `edits` lead where the attempt leads without them, and send the method and the content
/// that it sends.
fn makes_that(edits: &Edits, attempt: &Attempt<'_>) -> bool {
    edits.target.as_ref().is_none_or(|target| attempt.target() == Ok(target))
        && edits.method.as_ref().is_none_or(|method| attempt.next_method() == method)
        && edits.content.is_none_or(|content| attempt.next_content() == content)
}

/// Asks a policy and sets its edits aside, save that what it strips stays stripped.
fn branch(
    attempt: &mut Attempt<'_>,
    ask: impl FnOnce(&mut Attempt<'_>) -> Verdict,
) -> (Verdict, Edits) {
    attempt.begin_branch();
    let verdict = ask(attempt);
    (verdict, attempt.end_branch())
}

/// Peeks into as much of the body as one policy wants to see, and as another, which would take less for
/// all that there is.
fn for_both(limit: usize, other: Verdict) -> Verdict {
    match other {
        Verdict::Peek(other) => Verdict::Peek(limit.max(other)),
        Verdict::Decided(_) | Verdict::Ask(_) => Verdict::Peek(limit),
    }
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
    let ((question, mut edits), (second, mut second_edits)) = (first, second);
    let answer = question.await;
    if !matches!(answer.decision, Decision::Pass) {
        edits.extend(answer.edits);
        return Answer { edits, ..answer };
    }
    let is_stopped = matches!(&second, Verdict::Decided(decision) if decision.is_final());
    if answer.about == About::WhatWasShown && !is_stopped && !edits.make_the_same(&second_edits) {
        return Decision::fail(
            "it was confirmed that another request is sent: join `StrictConfirm` by `and`",
        )
        .into();
    }
    second_edits.strip.extend(answer.edits.strip);
    match second {
        Verdict::Decided(decision) => Answer { decision, edits: second_edits, about: answer.about },
        Verdict::Ask(question) => {
            let answer = question.await;
            second_edits.extend(answer.edits);
            Answer { edits: second_edits, ..answer }
        }
        Verdict::Peek(_) => unreachable!("a peek comes before every question"),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Method, Request, Response, Uri, header};

    use super::*;
    use crate::{
        policy::{
            AttemptBuilder, HttpsOnly, Limited, S3, SameOrigin, Standard, redirect_fn,
            s3::SignedWith,
        },
        rules::target::Target,
    };

    /// Claims 400, and does with it what a function says.
    struct Claims<F>(F);

    impl<F> Policy for Claims<F>
    where
        F: Fn(&mut Attempt<'_>) -> Decision + Send + Sync,
    {
        fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
            (self.0)(attempt).into()
        }

        fn claims(&self, status: StatusCode) -> bool {
            status == StatusCode::BAD_REQUEST
        }
    }

    fn leads_to(uri: &'static str) -> impl Policy {
        Claims(move |attempt: &mut Attempt<'_>| {
            attempt.set_target(Target::new(Uri::from_static(uri), None).unwrap());
            Decision::FollowWithCredentials
        })
    }

    fn decided(policy: &impl Policy, status: u16) -> Decision {
        let mut redirect = AttemptBuilder::redirect("https://a.test/", status, "/x");
        match policy.redirect(&mut redirect.attempt()) {
            Verdict::Decided(decision) => decision,
            verdict => panic!("{verdict:?}"),
        }
    }

    #[test]
    fn who_claims_nothing_may_forbid_what_is_claimed() {
        let elsewhere = "http://b.test/";
        for decision in [
            decided(&HttpsOnly.and(leads_to(elsewhere)), 400),
            decided(&leads_to(elsewhere).and(SameOrigin), 400),
            decided(&Limited::new(0).and(leads_to("https://a.test/")), 400),
            decided(&leads_to(elsewhere).and(Standard.and(SameOrigin)), 400),
            decided(&leads_to(elsewhere).and(SameOrigin.or(Standard)), 400),
            decided(&Decision::Stop.and(leads_to(elsewhere)), 400),
        ] {
            assert!(decision.is_final(), "{decision:?}");
        }
    }

    #[test]
    fn who_claims_nothing_grants_and_changes_nothing() {
        let to = "https://b.test/y";
        let edits = redirect_fn(|attempt| {
            attempt.set_header(header::AUTHORIZATION, HeaderValue::from_static("other"));
            attempt.set_method(Method::POST);
            attempt.strip_header(header::COOKIE);
            Decision::Follow
        });
        let policy = edits.and(leads_to(to)).and(Standard);
        let mut redirect = AttemptBuilder::redirect("https://a.test/", 400, "/x");
        let mut attempt = redirect.attempt();
        let verdict = policy.redirect(&mut attempt);
        assert!(matches!(verdict, Verdict::Decided(Decision::FollowWithCredentials)));
        assert_eq!(attempt.target().unwrap().uri(), to);
        assert_eq!(attempt.next_method(), Method::GET);
        let edits = attempt.into_edits();
        assert!(edits.set.is_empty(), "{:?}", edits.set);
        assert!(edits.strip.contains(&header::COOKIE));
    }

    #[tokio::test]
    async fn who_claims_nothing_may_ask_before_it_forbids() {
        let mut answers = Vec::new();
        for answer in [Decision::Stop, Decision::Follow] {
            let asks = redirect_fn(move |_| {
                let answer = answer.clone();
                Verdict::ask(async move { answer })
            });
            let policy = asks.and(leads_to("https://b.test/"));
            let mut redirect = AttemptBuilder::redirect("https://a.test/", 400, "/x");
            let Verdict::Ask(question) = policy.redirect(&mut redirect.attempt()) else {
                panic!("it has a question");
            };
            answers.push(question.await.decision);
        }
        assert!(matches!(&*answers, [Decision::Stop, Decision::FollowWithCredentials]));
    }

    /// A 400 of S3 that names the region, which a policy for redirects has not claimed.
    #[test]
    fn s3_stays_at_its_origin_if_told_to() {
        let policy = S3::new().and(SameOrigin);
        for status in [301, 400] {
            let request = Request::head("https://quotes.s3.us-east-1.amazonaws.com/a").body(());
            let response = Response::builder()
                .status(status)
                .header("x-amz-bucket-region", "eu-west-1")
                .extension(SignedWith::region("us-east-1"))
                .body(());
            let mut redirect = AttemptBuilder::new(request.unwrap(), response.unwrap());
            let verdict = policy.redirect(&mut redirect.attempt());
            assert!(matches!(verdict, Verdict::Decided(Decision::Stop)), "{status}: {verdict:?}");
        }
    }

    #[test]
    fn a_policy_sees_the_method_that_another_sets() {
        let reads = || {
            redirect_fn(|attempt| match *attempt.next_method() {
                Method::GET | Method::HEAD => Decision::Pass,
                _ => Decision::Stop,
            })
        };
        let keeps = || {
            redirect_fn(|attempt| {
                attempt.keep_method();
                Decision::Follow
            })
        };
        let policies: [Box<dyn Policy>; 2] =
            [Box::new(reads().and(keeps())), Box::new(keeps().and(reads()))];
        for policy in policies {
            let request = Request::post("https://a.test/").body(()).unwrap();
            let response = Response::builder().status(302).header(header::LOCATION, "/x").body(());
            let mut redirect = AttemptBuilder::new(request, response.unwrap());
            let verdict = policy.redirect(&mut redirect.attempt());
            assert!(matches!(verdict, Verdict::Decided(Decision::Stop)), "{verdict:?}");
        }
    }

    /// The first, which is asked again about another target, makes another method of it.
    #[test]
    fn nobody_sends_what_another_has_not_seen() {
        const MIRROR: &str = "http://mirror.test/x";
        let posts_there = || {
            redirect_fn(|attempt| {
                if attempt.target().is_ok_and(|target| target.uri() == MIRROR) {
                    attempt.keep_method();
                }
                Decision::Pass
            })
        };
        let reads_there = |stops: bool| {
            redirect_fn(move |attempt| {
                if stops && *attempt.next_method() != Method::GET {
                    return Decision::Stop;
                }
                attempt.set_target(Target::new(Uri::from_static(MIRROR), None).unwrap());
                Decision::Follow
            })
        };
        let ends = |policy: &dyn Policy| {
            let request = Request::post("http://a.test/").body(()).unwrap();
            let response = Response::builder().status(302).header(header::LOCATION, "/x").body(());
            let mut redirect = AttemptBuilder::new(request, response.unwrap());
            let mut attempt = redirect.attempt();
            let Verdict::Decided(decision) = policy.redirect(&mut attempt) else { panic!("asks") };
            (decision.is_final(), attempt.next_method().clone())
        };
        assert!(ends(&posts_there().and(reads_there(true))).0);
        assert!(ends(&reads_there(true).and(posts_there())).0);
        assert_eq!(ends(&posts_there().and(reads_there(false))), (false, Method::POST));
        assert_eq!(ends(&reads_there(false).and(posts_there())), (false, Method::POST));
    }

    /// What retries, within S3 too, is no redirect that S3 would have to promise.
    #[test]
    fn s3_lets_another_policy_retry() {
        let uri = "https://quotes.s3.us-east-1.amazonaws.com/a";
        let retries = redirect_fn(move |attempt| {
            attempt.set_target(Target::new(Uri::from_static(uri), None).unwrap());
            Decision::Follow
        });
        struct Retries<P>(P);
        impl<P: Policy> Policy for Retries<P> {
            fn redirect(&self, attempt: &mut Attempt<'_>) -> Verdict {
                self.0.redirect(attempt)
            }

            fn claims(&self, status: StatusCode) -> bool {
                status == StatusCode::UNAUTHORIZED
            }
        }
        let policy = S3::new().and(Retries(retries));
        let response = Response::builder().status(401).body(()).unwrap();
        let mut redirect = AttemptBuilder::new(Request::get(uri).body(()).unwrap(), response);
        let verdict = policy.redirect(&mut redirect.attempt());
        assert!(matches!(verdict, Verdict::Decided(Decision::Follow)), "{verdict:?}");
    }
}
