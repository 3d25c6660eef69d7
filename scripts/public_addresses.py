#!/usr/bin/env python3
"""Writes which addresses netaddr takes for public, as a fixture for ours.

    pip install --target /tmp/netaddr netaddr==1.3.0
    PYTHONPATH=/tmp/netaddr scripts/public_addresses.py > tests/vectors/addresses-netaddr.txt

netaddr has tables of its own, made from IANA's registries. Asked are the edges of every network in them,
and addresses by chance. A line is an address and `public` or `special`.
"""

import random

import netaddr
from netaddr import ip

TABLES = [name for name in dir(ip) if name.startswith(("IPV4_", "IPV6_"))]


def networks():
    """Yields every network of netaddr's tables, and what is left of IANA's that they do not name."""
    for name in TABLES:
        table = getattr(ip, name)
        for network in table if isinstance(table, (list, tuple)) else [table]:
            if isinstance(network, netaddr.IPRange):
                yield from network.cidrs()
            else:
                yield network
    for network in ["192.88.99.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24",
                    "64:ff9b::/96", "::ffff:0:0:0/96", "2001::/32", "2001:4:112::/48", "2620:4f:8000::/48",
                    "3fff::/20", "5f00::/16", "fec0::/10", "2000::/3"]:
        yield netaddr.IPNetwork(network)


def addresses():
    """Yields the addresses that are asked about."""
    for network in networks():
        width = 32 if network.version == 4 else 128
        for value in (network.first - 1, network.first, network.first + 1,
                      network.last - 1, network.last, network.last + 1):
            if 0 <= value < 1 << width:
                yield netaddr.IPAddress(value, network.version)
    chance = random.Random(6890)
    for _ in range(400):
        yield netaddr.IPAddress(chance.getrandbits(32), 4)
        yield netaddr.IPAddress(1 << 125 | chance.getrandbits(125), 6)


def is_public(address):
    return address.is_global() and address.is_unicast() and not address.is_reserved()


print(f"# By scripts/public_addresses.py from netaddr {netaddr.__version__}.")
for address in sorted(set(addresses())):
    print(address, "public" if is_public(address) else "special")
