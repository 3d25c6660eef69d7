//! What is allowed and denied besides the rule, and what comes of both.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use ipnet::IpNet;
use url::Host;

use super::{
    AddressKind, Cause, NameKind, NotPublic,
    address::parts,
    name::is_within,
    place::{self, Place},
};

/// What is allowed and denied besides the rule that an address must be public.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    hosts: Vec<Place>,
    domains: Vec<String>,
    allowed: Vec<IpNet>,
    denied: Vec<IpNet>,
}

/// A host that nothing speaks against, before its name is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// An address, which was looked at.
    Address,
    /// A name, whose addresses are to be looked at.
    Name(Trust),
}

/// What the addresses of a name may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    Public,
    /// The name is on a list: any, save those of metadata.
    Any,
}

/// Whether a place is on the list of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    Here,
    AtAnotherPort,
    Nowhere,
}

impl Lists {
    pub(super) fn allow_host(&mut self, host: &str) {
        self.hosts.extend(Place::parse(host));
    }

    pub(super) fn allow_suffix(&mut self, suffix: &str) {
        if let Some(Host::Domain(domain)) = place::read(suffix.trim_start_matches('.')) {
            self.domains.push(domain);
        }
    }

    pub(super) fn allow_net(&mut self, net: IpNet) {
        self.allowed.push(net);
    }

    pub(super) fn deny_net(&mut self, net: IpNet) {
        self.denied.push(net);
    }

    /// Returns how the host of a URI stands, or `None` if there is none: then it is no new one.
    ///
    /// # Errors
    ///
    /// Fails if the host speaks against itself.
    pub(super) fn uri(&self, uri: &Uri) -> Option<Result<Standing, NotPublic>> {
        let host = uri.host()?;
        Some(match Place::of(host, uri) {
            Some(place) => self.place(&place),
            None => Err(NotPublic::new(host, Cause::Unreadable)),
        })
    }

    fn place(&self, place: &Place) -> Result<Standing, NotPublic> {
        let address: IpAddr = match &place.host {
            Host::Domain(name) => return self.name(name, place).map(Standing::Name),
            Host::Ipv4(address) => (*address).into(),
            Host::Ipv6(address) => (*address).into(),
        };
        let verdict = match self.listed(place) {
            Listed::Here => self.not_denied(address),
            Listed::AtAnotherPort | Listed::Nowhere => self.address(address, Trust::Public),
        };
        match verdict {
            Ok(()) => Ok(Standing::Address),
            Err((part, kind)) => Err(NotPublic::new(&place.host, Cause::Address(part, kind))),
        }
    }

    fn name(&self, name: &str, place: &Place) -> Result<Trust, NotPublic> {
        if self.is_below_allowed(name) {
            return Ok(Trust::Any);
        }
        match (self.listed(place), NameKind::of(name)) {
            (Listed::Here, _) => Ok(Trust::Any),
            // Whoever resolves it trusts it, and knows no port.
            (Listed::AtAnotherPort, _) => Err(NotPublic::new(name, Cause::Port)),
            (Listed::Nowhere, Some(kind)) => Err(NotPublic::new(name, Cause::Name(kind))),
            (Listed::Nowhere, None) => Ok(Trust::Public),
        }
    }

    /// Returns what the addresses of a name may be, at whatever port.
    pub(super) fn trust(&self, name: &str) -> Trust {
        match place::read(name) {
            Some(host @ Host::Domain(_)) if self.hosts.iter().any(|place| place.host == host) => {
                Trust::Any
            }
            Some(Host::Domain(name)) if self.is_below_allowed(&name) => Trust::Any,
            Some(_) | None => Trust::Public,
        }
    }

    /// Returns what speaks against an address: the address, or one that it stands for, and its kind.
    pub(super) fn address(
        &self,
        address: IpAddr,
        trust: Trust,
    ) -> Result<(), (IpAddr, AddressKind)> {
        self.not_denied(address)?;
        let objection = parts(address).find_map(|part| {
            let kind = AddressKind::by_number(part)?;
            let is_excepted = trust == Trust::Any && kind != AddressKind::Metadata;
            (!is_excepted && !self.is_allowed(part, kind)).then_some((part, kind))
        });
        objection.map_or(Ok(()), Err)
    }

    fn not_denied(&self, address: IpAddr) -> Result<(), (IpAddr, AddressKind)> {
        match parts(address).find(|part| self.denied.iter().any(|net| net.contains(part))) {
            Some(part) => Err((part, AddressKind::Denied)),
            None => Ok(()),
        }
    }

    /// Returns whether a list has an address. Of metadata it must be the address itself.
    fn is_allowed(&self, address: IpAddr, kind: AddressKind) -> bool {
        self.allowed.iter().any(|net| {
            let names_it = net.prefix_len() == net.max_prefix_len();
            net.contains(&address) && (kind != AddressKind::Metadata || names_it)
        })
    }

    fn is_below_allowed(&self, name: &str) -> bool {
        self.domains.iter().any(|domain| is_within(name, domain))
    }

    fn listed(&self, place: &Place) -> Listed {
        let mut of_host = self.hosts.iter().filter(|listed| listed.host == place.host).peekable();
        if of_host.peek().is_none() {
            return Listed::Nowhere;
        }
        let is_here = of_host.any(|listed| listed.port.is_none() || listed.port == place.port);
        if is_here { Listed::Here } else { Listed::AtAnotherPort }
    }
}

/// What a name leads to.
impl Lists {
    /// Checks that all addresses of a name may be connected to.
    pub(super) fn all(
        &self,
        name: &str,
        addresses: Vec<IpAddr>,
        trust: Trust,
    ) -> Result<(), NotPublic> {
        let may_be = |address: &IpAddr| self.address(*address, trust).is_ok();
        if !addresses.is_empty() && addresses.iter().all(may_be) {
            return Ok(());
        }
        let refused = addresses.into_iter().filter(|address| !may_be(address)).collect();
        Err(NotPublic::new(name, Cause::Addresses(refused)))
    }

    /// Returns those addresses of a name that may be connected to, if there are any.
    pub(super) fn usable(
        &self,
        name: &str,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, NotPublic> {
        let trust = self.trust(name);
        let (usable, refused): (Vec<_>, Vec<_>) =
            addresses.into_iter().partition(|address| self.address(address.ip(), trust).is_ok());
        if usable.is_empty() {
            let refused = refused.into_iter().map(|address| address.ip()).collect();
            return Err(NotPublic::new(name, Cause::Addresses(refused)));
        }
        Ok(usable)
    }
}
