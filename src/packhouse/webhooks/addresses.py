"""Which addresses are anybody's on the internet, and which lie inside a network.

The table is ours and not the one of the Python that runs, which knows fewer blocks and changes with its version.
Source: IANA's registries of special-purpose addresses for IPv4 and IPv6 (RFC 6890 and its updates), with multicast and
the deprecated site-local block, as of 2026-11.
"""

import ipaddress
from typing import TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_IPV4 = [
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private use
        "100.64.0.0/10",  # shared by carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link local, and what clouds tell their machines
        "172.16.0.0/12",  # private use
        "192.0.0.0/24",  # IETF protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # deprecated 6to4 relays
        "192.168.0.0/16",  # private use
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
]
_IPV6 = [
    ipaddress.IPv6Network(block)
    for block in (
        "2001::/23",  # IETF protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
]
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""What lies outside is special as a whole: loopback, unique local, link and site local, discard, segment routing,
multicast, the NAT64 of one's own network (64:ff9b:1::/48)."""
# IPv6 addresses that stand for an IPv4 one, and how many bits lie behind it.
_WRAPPED = [
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),  # mapped
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 0),  # translated
    (ipaddress.IPv6Network("::/96"), 0),  # compatible
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (ipaddress.IPv6Network("2002::/16"), 80),  # 6to4
]


def is_public(address: Address) -> bool:
    """Whether it is anybody's on the internet, also where an IPv6 address stands for an IPv4 one."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in block for block in _IPV4)
    for block, behind in _WRAPPED:
        if address in block:
            return is_public(ipaddress.IPv4Address(int(address) >> behind & 0xFFFFFFFF))
    return address in _GLOBAL_UNICAST and not any(address in block for block in _IPV6)


def find_address(url: str) -> Address | None:
    """Return the address that the URL's host is; None for a name, which says nothing until it is resolved."""
    try:
        return ipaddress.ip_address((urlsplit(url).hostname or "").partition("%")[0])
    except ValueError:
        return None
