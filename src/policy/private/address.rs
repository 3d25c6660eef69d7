//! Which addresses are public, by IANA's registries of special-purpose addresses ([RFC 6890]; as of
//! 2024: [IPv4], [IPv6]).
//!
//! [RFC 6890]: https://www.rfc-editor.org/rfc/rfc6890#section-2.2
//! [IPv4]: https://www.iana.org/assignments/iana-ipv4-special-registry
//! [IPv6]: https://www.iana.org/assignments/iana-ipv6-special-registry

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{Ipv4Net, Ipv6Net};

use super::embedded::embedded;

/// What an address is that is not a public one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressKind {
    /// No address, or "this network": `0.0.0.0/8`, `::` ([RFC 1122 §3.2.1.3]). Connecting to it leads
    /// to this host.
    ///
    /// [RFC 1122 §3.2.1.3]: https://www.rfc-editor.org/rfc/rfc1122#page-29
    Unspecified,
    /// This host: `127.0.0.0/8`, `::1`.
    Loopback,
    /// A private network: `10.0.0.0/8`, `172.16.0.0/12` and `192.168.0.0/16` ([RFC 1918 §3]),
    /// `fc00::/7` ([RFC 4193 §3]), the former site-local `fec0::/10`, and `64:ff9b:1::/48`, which
    /// translates to IPv4 within one network ([RFC 8215]).
    ///
    /// [RFC 1918 §3]: https://www.rfc-editor.org/rfc/rfc1918#section-3
    /// [RFC 4193 §3]: https://www.rfc-editor.org/rfc/rfc4193#section-3
    /// [RFC 8215]: https://www.rfc-editor.org/rfc/rfc8215
    Private,
    /// The link: `169.254.0.0/16` ([RFC 3927 §2.1]), `fe80::/10` ([RFC 4291 §2.5.6]).
    ///
    /// [RFC 3927 §2.1]: https://www.rfc-editor.org/rfc/rfc3927#section-2.1
    /// [RFC 4291 §2.5.6]: https://www.rfc-editor.org/rfc/rfc4291#section-2.5.6
    LinkLocal,
    /// A provider's network, behind its address translation: `100.64.0.0/10` ([RFC 6598 §7]).
    ///
    /// [RFC 6598 §7]: https://www.rfc-editor.org/rfc/rfc6598#section-7
    Shared,
    /// Where a cloud tells a machine its credentials, such as `169.254.169.254`, `fd00:ec2::254`,
    /// `100.100.100.200`, or `168.63.129.16`, which is a public address by its number.
    Metadata,
    /// Many hosts: `224.0.0.0/4`, `ff00::/8`.
    Multicast,
    /// For examples: `192.0.2.0/24`, `198.51.100.0/24` and `203.0.113.0/24` ([RFC 5737 §3]),
    /// `2001:db8::/32`, `3fff::/20` ([RFC 9637]).
    ///
    /// [RFC 5737 §3]: https://www.rfc-editor.org/rfc/rfc5737#section-3
    /// [RFC 9637]: https://www.rfc-editor.org/rfc/rfc9637
    Documentation,
    /// For measurements: `198.18.0.0/15` ([RFC 2544 §C.2.2]).
    ///
    /// [RFC 2544 §C.2.2]: https://www.rfc-editor.org/rfc/rfc2544#appendix-C.2.2
    Benchmarking,
    /// IPv4 in IPv6 in a way that is no more used, or was never meant to be on the wire: IPv4-compatible
    /// `::/96`, IPv4-translated `::ffff:0:0:0/96`, 6to4 `2002::/16` and its relays `192.88.99.0/24`
    /// ([RFC 7526 §4]), Teredo `2001::/32`.
    ///
    /// [RFC 7526 §4]: https://www.rfc-editor.org/rfc/rfc7526#section-4
    Transition,
    /// Everything else that is no unicast address of the internet: `192.0.0.0/24`, `240.0.0.0/4`,
    /// `2001::/23`, and what is outside of `2000::/3`.
    Reserved,
    /// In a network that [is denied](super::DenyPrivateNetworks::deny_net).
    Denied,
}

use AddressKind::{
    Benchmarking, Documentation, LinkLocal, Loopback, Metadata, Multicast, Private, Reserved,
    Shared, Transition, Unspecified,
};

impl AddressKind {
    /// Returns the kind of an address, or `None` if it is public.
    ///
    /// An IPv6 address that stands for an IPv4 address (IPv4-mapped, NAT64 and others) is public only
    /// if both are.
    ///
    /// ```
    /// use tower_follow_redirect::policy::private::AddressKind;
    ///
    /// let kind = |address: &str| AddressKind::of(address.parse().unwrap());
    /// assert_eq!(kind("8.8.8.8"), None);
    /// assert_eq!(kind("10.0.0.1"), Some(AddressKind::Private));
    /// assert_eq!(kind("::ffff:127.0.0.1"), Some(AddressKind::Loopback));
    /// assert_eq!(kind("64:ff9b::169.254.169.254"), Some(AddressKind::Metadata));
    /// ```
    pub fn of(address: IpAddr) -> Option<Self> {
        parts(address).find_map(Self::by_number)
    }

    /// Returns the kind of an address as it is written, whatever it stands for.
    pub(super) fn by_number(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => of_ipv4(address),
            IpAddr::V6(address) => of_ipv6(address),
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Unspecified => "no address of a host",
            Self::Loopback => "an address of this host",
            Self::Private => "an address of a private network",
            Self::LinkLocal => "an address of the link",
            Self::Shared => "an address of a provider's network",
            Self::Metadata => "an address of a cloud's metadata",
            Self::Multicast => "a multicast address",
            Self::Documentation => "an address for documentation",
            Self::Benchmarking => "an address for benchmarks",
            Self::Transition => "an address that stands for another",
            Self::Reserved => "a reserved address",
            Self::Denied => "in a network that is denied",
        }
    }
}

/// Writes what follows "it is": `an address of this host`.
impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

/// Returns an address, and those that it stands for. Each of them must be public.
pub(super) fn parts(address: IpAddr) -> impl Iterator<Item = IpAddr> {
    let inner = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some(embedded(address)),
    };
    [address].into_iter().chain(inner.into_iter().flatten().map(IpAddr::V4))
}

fn of_ipv4(address: Ipv4Addr) -> Option<AddressKind> {
    IPV4.iter().find(|(net, _)| net.contains(&address)).map(|(_, kind)| *kind)
}

fn of_ipv6(address: Ipv6Addr) -> Option<AddressKind> {
    match IPV6.iter().find(|(net, _)| net.contains(&address)) {
        Some((_, kind)) => *kind,
        // The rest is not given out (RFC 4291 §2.4).
        None => (!GLOBAL_UNICAST.contains(&address)).then_some(Reserved),
    }
}

const GLOBAL_UNICAST: Ipv6Net = ipv6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// The first that contains an address says what it is. In none are public addresses.
const IPV4: &[(Ipv4Net, AddressKind)] = &[
    // AWS, Azure, Google, Oracle and most others; ECS; EKS; Scaleway; Tencent.
    (ipv4([169, 254, 169, 254], 32), Metadata),
    (ipv4([169, 254, 170, 2], 32), Metadata),
    (ipv4([169, 254, 170, 23], 32), Metadata),
    (ipv4([169, 254, 42, 42], 32), Metadata),
    (ipv4([169, 254, 0, 23], 32), Metadata),
    // Alibaba, Azure's host, Oracle.
    (ipv4([100, 100, 100, 200], 32), Metadata),
    (ipv4([168, 63, 129, 16], 32), Metadata),
    (ipv4([192, 0, 0, 192], 32), Metadata),
    (ipv4([0, 0, 0, 0], 8), Unspecified),
    (ipv4([10, 0, 0, 0], 8), Private),
    (ipv4([100, 64, 0, 0], 10), Shared),
    (ipv4([127, 0, 0, 0], 8), Loopback),
    (ipv4([169, 254, 0, 0], 16), LinkLocal),
    (ipv4([172, 16, 0, 0], 12), Private),
    (ipv4([192, 0, 0, 0], 24), Reserved),
    (ipv4([192, 0, 2, 0], 24), Documentation),
    (ipv4([192, 88, 99, 0], 24), Transition),
    (ipv4([192, 168, 0, 0], 16), Private),
    (ipv4([198, 18, 0, 0], 15), Benchmarking),
    (ipv4([198, 51, 100, 0], 24), Documentation),
    (ipv4([203, 0, 113, 0], 24), Documentation),
    (ipv4([224, 0, 0, 0], 4), Multicast),
    // With the broadcast address.
    (ipv4([240, 0, 0, 0], 4), Reserved),
];

/// As [`IPV4`]. What is `None` is as public as the IPv4 address that it stands for.
const IPV6: &[(Ipv6Net, Option<AddressKind>)] = &[
    (ipv6([0, 0, 0, 0, 0, 0, 0, 0], 128), Some(Unspecified)),
    (ipv6([0, 0, 0, 0, 0, 0, 0, 1], 128), Some(Loopback)),
    // AWS and EKS, Google, Scaleway, Oracle, OpenStack.
    (ipv6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128), Some(Metadata)),
    (ipv6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23], 128), Some(Metadata)),
    (ipv6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128), Some(Metadata)),
    (ipv6([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], 128), Some(Metadata)),
    (ipv6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128), Some(Metadata)),
    (ipv6([0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128), Some(Metadata)),
    // IPv4-mapped (RFC 4291 §2.5.5.2), IPv4-translated (RFC 2765 §2.1), IPv4-compatible.
    (ipv6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), None),
    (ipv6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), Some(Transition)),
    (ipv6([0, 0, 0, 0, 0, 0, 0, 0], 96), Some(Transition)),
    // NAT64: what DNS64 gives to hosts without IPv4 (RFC 6052 §2.1).
    (ipv6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), None),
    (ipv6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), Some(Private)),
    (ipv6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), Some(Transition)),
    (ipv6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), Some(Reserved)),
    (ipv6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), Some(Documentation)),
    (ipv6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), Some(Transition)),
    (ipv6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), Some(Documentation)),
    (ipv6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), Some(Private)),
    (ipv6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), Some(LinkLocal)),
    (ipv6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), Some(Private)),
    (ipv6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), Some(Multicast)),
];

const fn ipv4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn ipv6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}
