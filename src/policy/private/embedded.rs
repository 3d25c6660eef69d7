//! The IPv4 addresses that an IPv6 address stands for.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Returns the IPv4 addresses in an IPv6 address: where whoever translates it, or takes it out of its
/// tunnel, may send what is sent to it.
///
/// The prefix of a network's own NAT64 ([RFC 6052 §2.2]) cannot be known. Of `64:ff9b:1::/48` the last 32
/// bits are read, as in the prefixes of 96 bits that it is for.
///
/// [RFC 6052 §2.2]: https://www.rfc-editor.org/rfc/rfc6052#section-2.2
pub(super) fn embedded(address: Ipv6Addr) -> impl Iterator<Item = Ipv4Addr> {
    let segments = address.segments();
    let by_prefix = match segments {
        // The unspecified address, and loopback.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => [None, None],
        // IPv4-compatible and IPv4-mapped (RFC 4291 §2.5.5), IPv4-translated (RFC 2765 §2.1).
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low]
        // NAT64 (RFC 6052 §2.1, RFC 8215).
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        // 6to4 (RFC 3056 §2).
        | [0x2002, high, low, ..] => [Some(ipv4(high, low)), None],
        // Teredo (RFC 4380 §4): a server, and a client, whose bits are inverted.
        [0x2001, 0, high, low, _, _, client_high, client_low] => {
            [Some(ipv4(high, low)), Some(ipv4(!client_high, !client_low))]
        }
        _ => [None, None],
    };
    let by_interface = match segments {
        // ISATAP, under any prefix (RFC 5214 §6.1).
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => Some(ipv4(high, low)),
        _ => None,
    };
    by_prefix.into_iter().flatten().chain(by_interface)
}

fn ipv4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_taken_apart() {
        let table: [(&str, &[[u8; 4]]); 17] = [
            ("2606:4700::1111", &[]),
            ("::", &[]),
            ("::1", &[]),
            ("::127.0.0.1", &[[127, 0, 0, 1]]),
            ("::2", &[[0, 0, 0, 2]]),
            ("::ffff:127.0.0.1", &[[127, 0, 0, 1]]),
            ("::ffff:0:127.0.0.1", &[[127, 0, 0, 1]]),
            ("64:ff9b::10.1.2.3", &[[10, 1, 2, 3]]),
            ("64:ff9b::1:a01:203", &[]),
            ("64:ff9b:1::10.1.2.3", &[[10, 1, 2, 3]]),
            ("64:ff9b:1:ffff:1:2:10.1.2.3", &[[10, 1, 2, 3]]),
            ("64:ff9b:2::10.1.2.3", &[]),
            ("2002:a01:203::", &[[10, 1, 2, 3]]),
            ("2001:0:a01:203:0:0:3f57:fefd", &[[10, 1, 2, 3], [192, 168, 1, 2]]),
            ("2606:4700::5efe:10.1.2.3", &[[10, 1, 2, 3]]),
            ("2606:4700::200:5efe:10.1.2.3", &[[10, 1, 2, 3]]),
            ("2002:808:808::5efe:10.1.2.3", &[[8, 8, 8, 8], [10, 1, 2, 3]]),
        ];
        for (address, expected) in table {
            let found: Vec<_> = embedded(address.parse().unwrap()).map(|ip| ip.octets()).collect();
            assert_eq!(found, expected, "{address}");
        }
    }
}
