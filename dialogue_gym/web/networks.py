"""Networks of clients, as limits count them."""

from __future__ import annotations

import ipaddress

from starlette.requests import Request

_IPV6_BITS = 64
"""The part of an IPv6 address that names a network: its owner can choose the rest for each request."""


def network_of(address: str) -> str:
    """Return the part of an address that its owner cannot change at will.

    >>> network_of("::ffff:192.0.2.7"), network_of("2001:db8::1"), network_of("unknown")
    ('192.0.2.7', '2001:db8::/64', 'unknown')
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, _IPV6_BITS), strict=False))


def network_of_client(request: Request) -> str:
    """Return the network from which a request comes."""
    return network_of(request.client.host) if request.client else ""
