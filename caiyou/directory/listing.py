"""Names in the system blacklist: addresses, domains, networks; and which of them a sender or a client falls under."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from gettext import gettext as _

from caiyou.address import Address, domain_to_unicode
from caiyou.errors import InputError

# A wider network than these is a slip of the pen, and every lookup would have to ask for it.
SHORTEST_PREFIX = {4: 8, 6: 16}

_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}

Client = ipaddress.IPv4Address | ipaddress.IPv6Address


def listed_name(text: str) -> str:
    """An address, a domain or a network as the blacklist names it; raises InputError."""
    text = text.strip()
    if "@" in text.strip("@"):
        return str(Address.parse(text))
    if ":" not in text and not text.replace("/", "").replace(".", "").isdigit():
        return domain_to_unicode(text.lstrip("@."))
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise InputError(
            _("{text!r} is no address, domain or network: {error}").format(text=text[:60], error=error)
        ) from None
    first, length = network.network_address, network.prefixlen
    if isinstance(first, ipaddress.IPv6Address) and first.ipv4_mapped is not None and length >= 96:
        first, length = first.ipv4_mapped, length - 96
    if length < SHORTEST_PREFIX[first.version]:
        raise InputError(
            _("{text} covers too much: IPv{version} needs /{prefix} or longer").format(
                text=text, version=first.version, prefix=SHORTEST_PREFIX[first.version]
            )
        )
    return _network(first, length)


def names_of_sender(address: str) -> Iterator[str]:
    """The names an address falls under, closest first; a broken address still has a domain, the empty one nothing."""
    domain = address.rpartition("@")[2].rstrip("> ")
    try:
        parsed = Address.parse(address)
        yield str(parsed)
        domain = parsed.domain
    except InputError:
        try:
            domain = domain_to_unicode(domain)
        except InputError:
            return
    while domain:
        yield domain
        domain = domain.partition(".")[2]


def names_of_client(ip: str) -> Iterator[str]:
    """The networks that hold a client, closest first; none where ``ip`` is no address."""
    try:
        client: Client = ipaddress.ip_address(ip.strip().strip("[]").removeprefix("IPv6:"))
    except ValueError:
        return
    if isinstance(client, ipaddress.IPv6Address):
        client = client.ipv4_mapped or ipaddress.IPv6Address(int(client))  # without a scope (%eth0)
    for length in range(client.max_prefixlen, SHORTEST_PREFIX[client.version] - 1, -1):
        yield _network(client, length)


def _network(address: Client, length: int) -> str:
    # ipaddress would say the same ten times slower, and a client of IPv6 is in 113 networks.
    spare = address.max_prefixlen - length
    first = (int(address) >> spare << spare).to_bytes(address.max_prefixlen // 8, "big")
    name = socket.inet_ntop(_FAMILY[address.version], first)
    return f"{name}/{length}" if spare else name
