//! The policy that the flags describe.

use tower_follow_redirect::policy::{
    Decision, HttpsOnly, Policy, Referer, S3, SameOrigin, Standard,
};

use crate::{
    cli::{Cli, Confirm, PolicyName},
    confirm,
    failure::Failure,
    memory::Memory,
    private,
    values::ProtoRedir,
};

/// Makes one policy of all that must agree.
pub(crate) fn chosen(cli: &Cli, memory: Option<&Memory>) -> Result<Box<dyn Policy>, Failure> {
    let mut policies: Vec<_> = cli.policy.iter().map(|name| named(cli, *name)).collect();
    if cli.confirm.is_some() && !cli.policy.contains(&PolicyName::Strict) {
        return Err(Failure::usage("--confirm is about --policy strict, which is not given"));
    }
    if !cli.s3_domain.is_empty() && !cli.policy.contains(&PolicyName::S3) {
        return Err(Failure::usage("--s3-domain is about --policy s3, which is not given"));
    }
    if cli.location_trusted {
        policies.push(Box::new(Decision::FollowWithCredentials));
    }
    if cli.proto_redir == Some(ProtoRedir::HttpsOnly) {
        policies.push(Box::new(HttpsOnly));
    }
    if cli.referer.as_ref().is_some_and(|referer| referer.auto) {
        policies.push(Box::new(Referer::auto()));
    }
    if let Some(memory) = memory {
        policies.push(Box::new(memory.cache()));
    }
    let all = policies.into_iter().reduce(|first, second| Box::new(first.and(second)));
    Ok(all.unwrap_or_else(|| Box::new(Standard)))
}

fn named(cli: &Cli, name: PolicyName) -> Box<dyn Policy> {
    match name {
        // The defaults hold under every policy, and where nobody has an opinion, a redirect is
        // followed: `Standard` itself would forbid the credentials that --location-trusted grants.
        PolicyName::Standard => Box::new(Decision::Pass),
        PolicyName::None => Box::new(Decision::Stop),
        PolicyName::SameOrigin => Box::new(SameOrigin),
        PolicyName::DenyPrivateNetworks => Box::new(private::policy(cli)),
        PolicyName::Strict => Box::new(confirm::strict(cli.confirm.unwrap_or(Confirm::Ask))),
        PolicyName::S3 => {
            let domains = cli.s3_domain.iter();
            Box::new(domains.fold(S3::new(), |s3, domain| s3.domain(&domain.0)))
        }
    }
}
