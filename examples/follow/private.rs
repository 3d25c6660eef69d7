//! `--policy deny-private-networks`: what may be connected to.

use tower_follow_redirect::policy::DenyPrivateNetworks;

use crate::{
    cli::{Cli, PolicyName},
    failure::Failure,
    request::Target,
    values::Private,
};

/// Makes the policy of redirects; with `--check-first` it is asked about the URLs, too.
pub(crate) fn policy(cli: &Cli) -> DenyPrivateNetworks {
    let deny =
        cli.allow_private.iter().fold(DenyPrivateNetworks::new(), |deny, allowed| match allowed {
            Private::Host(host) => deny.allow_host(host),
            Private::Suffix(domain) => deny.allow_suffix(domain),
            Private::Net(net) => deny.allow_net(*net),
        });
    if cli.check_first { deny.every_request() } else { deny }
}

/// Makes what looks at every address that is connected to, if the policy is given. The hosts of the URLs
/// are allowed, unless `--check-first` is given.
pub(crate) fn connections(cli: &Cli) -> Result<Option<DenyPrivateNetworks>, Failure> {
    if !cli.policy.contains(&PolicyName::DenyPrivateNetworks) {
        let unused = [
            (cli.check_first, "--check-first"),
            (!cli.allow_private.is_empty(), "--allow-private"),
        ];
        return match unused.into_iter().find(|(is_given, _)| *is_given) {
            Some((_, flag)) => Err(Failure::usage(format!(
                "{flag} is about --policy deny-private-networks, which is not given"
            ))),
            None => Ok(None),
        };
    }
    let deny = policy(cli);
    if cli.check_first {
        return Ok(Some(deny));
    }
    // What is no URL is explained when its turn comes.
    let targets = cli.urls.iter().filter_map(|url| Target::parse(url).ok());
    Ok(Some(targets.fold(deny, |deny, target| deny.allow_host(target.place()))))
}
