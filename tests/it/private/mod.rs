//! `DenyPrivateNetworks`: what is refused, when, and that nothing is connected to then.

mod addresses;
mod connecting;
mod lists;
mod requests;
mod resolving;

use tower_follow_redirect::policy::{
    AttemptBuilder, Decision, DenyPrivateNetworks, Policy, Verdict, private::NotPublic,
};

/// What a policy says of a redirect to `location`: `None` if it has no opinion.
fn objection(policy: &DenyPrivateNetworks, location: &str) -> Option<NotPublic> {
    let mut redirect = AttemptBuilder::redirect("http://public.test/", 302, location);
    match policy.redirect(&mut redirect.attempt()) {
        Verdict::Decided(Decision::Pass) => None,
        Verdict::Decided(decision @ Decision::StopBecause(_)) => Some(source(decision)),
        verdict => panic!("{location}: {verdict:?}"),
    }
}

/// The reason of a stop, as the refusal has it.
fn source(decision: Decision) -> NotPublic {
    let Decision::StopBecause(failure) = decision else { panic!("{decision:?}") };
    let error = failure.error().expect("a reason");
    NotPublic::of(error).expect("it is about a private network").clone()
}
