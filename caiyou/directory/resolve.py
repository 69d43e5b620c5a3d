"""Following an address to its mailboxes: one LDAP search for each level of aliases.

A plain subscriber needs one search: it asks for the address and for its domain, whose quota and state are his too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from graphlib import CycleError, TopologicalSorter

from ldap.filter import escape_filter_chars

from caiyou.address import Address
from caiyou.directory import entry
from caiyou.directory.connection import Attributes
from caiyou.directory.model import Alias, Domain, Resolution, State, Subscriber

MAX_DEPTH = 20
MAX_TARGETS = 1_000  # Postfix's virtual_alias_expansion_limit
BATCH = 200  # addresses asked for in one search

ENTRY_ATTRIBUTES = sorted(
    {*entry.DOMAIN.values(), *entry.SUBSCRIBER.values(), *entry.ALIAS.values(), "caiyouDomainName", "caiyouAddress"}
)

Search = Callable[[str], list[Attributes]]


class Walk:
    """One walk from an address. ``search`` takes a filter and returns the entries below ``ou=domains``."""

    def __init__(self, search: Search, region: str) -> None:
        self._search = search
        self._region = region
        self._domains: dict[str, Domain | None] = {}  # by every spelling, folded; None: not ours
        self._owners: dict[str, Attributes] = {}  # by mailbox
        self._aliases: dict[str, Alias] = {}  # by name
        self._alias_names: dict[str, str] = {}  # by every spelling of the address, folded
        self._rest_is_postfix = False

    def owner(self, address: Address) -> Subscriber | None:
        """The subscriber whose own address it is."""
        self._ask([str(address)])
        return next(iter(self._subscribers()), None)

    def owners(self, addresses: Iterable[Address]) -> tuple[Subscriber, ...]:
        """The subscribers whose own addresses they are."""
        self._ask([str(address) for address in addresses])
        return self._subscribers()

    def resolution(self, address: Address) -> Resolution:
        """Where mail to the address goes."""
        outside = self._follow([str(address)])
        subscribers = self._subscribers()
        return Resolution(
            address=str(address),
            domain=self._domains.get(_folded(address.domain)),
            subscribers=subscribers,
            outside=outside,
            dynamic=self._rest_is_postfix,
            loop=not (subscribers or outside or self._rest_is_postfix) and self._has_loop(),
        )

    def passes(self, targets: Iterable[str], alias: str) -> bool:
        """Whether the way from ``targets`` leads over the alias."""
        self._follow(targets)
        return _folded(alias) in self._alias_names

    def unknown(self, targets: Iterable[str]) -> list[str]:
        """The addresses that are in a domain of ours and that nobody there has."""
        _, missing = self._ask(list(targets))
        return [target for target in missing if self._is_ours(target)]

    def _follow(self, addresses: Iterable[str]) -> tuple[str, ...]:
        """Ask for every address on the way; the outside ones."""
        outside: dict[str, None] = {}
        asked: set[str] = set()
        pending = list(addresses)
        for _ in range(MAX_DEPTH):
            pending = [target for target in dict.fromkeys(pending) if _folded(target) not in asked]
            if not pending:
                return tuple(outside)
            asked.update(map(_folded, pending))
            if len(asked) > MAX_TARGETS:
                break
            aliases, missing = self._ask(pending)
            outside.update(dict.fromkeys(target for target in missing if not self._is_ours(target)))
            pending = [target for alias in aliases for target in self._targets(alias)]
        self._rest_is_postfix = True
        return tuple(outside)

    def _ask(self, addresses: list[str]) -> tuple[list[Alias], list[str]]:
        """The aliases not met before, and the addresses that no entry has."""
        aliases, found = [], set()
        for start in range(0, len(addresses), BATCH):
            batch = addresses[start : start + BATCH]
            terms = [f"(caiyouAddress={escape_filter_chars(address)})" for address in batch]
            for attributes in self._entries(terms, batch):
                spellings = [_folded(value.decode("utf-8", "replace")) for value in attributes.get("caiyouAddress", ())]
                found.update(spellings)
                if "caiyouMailbox" in attributes:
                    self._owners[attributes["caiyouMailbox"][0].decode()] = attributes
                elif "caiyouAlias" in attributes:
                    alias = entry.alias(attributes)
                    self._alias_names.update(dict.fromkeys(spellings, alias.address))
                    if alias.address not in self._aliases:
                        self._aliases[alias.address] = alias
                        aliases.append(alias)
        return aliases, [address for address in addresses if _folded(address) not in found]

    def _entries(self, terms: list[str], addresses: Iterable[str]) -> list[Attributes]:
        """What the terms find; the domains of the addresses are asked for along the way and kept."""
        names = {name for a in addresses if (name := _folded(a.rpartition("@")[2])) not in self._domains}
        terms = terms + [f"(caiyouDomainName={escape_filter_chars(name)})" for name in sorted(names)]
        if not terms:
            return []
        others = []
        self._domains.update(dict.fromkeys(names))
        for attributes in self._search(f"(|{''.join(terms)})"):
            if "caiyouDomain" in attributes:
                domain = entry.domain(attributes)
                self._domains.update((_folded(name.decode()), domain) for name in attributes["caiyouDomainName"])
            else:
                others.append(attributes)
        return others

    def _targets(self, alias: Alias) -> tuple[str, ...]:
        """Its targets, if it and its domain are in service."""
        domain = self._domain_of(alias.address)
        if alias.state is not State.ACTIVE or (domain and domain.state is not State.ACTIVE):
            return ()
        self._rest_is_postfix |= bool(alias.member_url)
        return alias.targets

    def _subscribers(self) -> tuple[Subscriber, ...]:
        self._entries([], self._owners)  # the domain of a mailbox need not be that of the address
        return tuple(
            entry.subscriber(attributes, self._domain_of(mailbox), self._region)
            for mailbox, attributes in self._owners.items()
        )

    def _domain_of(self, address: str) -> Domain | None:
        return self._domains.get(_folded(address.rpartition("@")[2]))

    def _is_ours(self, address: str) -> bool:
        return self._domain_of(address) is not None

    def _has_loop(self) -> bool:
        graph = {
            name: [self._alias_names[target] for target in map(_folded, alias.targets) if target in self._alias_names]
            for name, alias in self._aliases.items()
        }
        try:
            TopologicalSorter(graph).prepare()
        except CycleError:
            return True
        return False


def _folded(text: str) -> str:
    """As slapd compares it (caseIgnoreMatch)."""
    return unicodedata.normalize("NFKC", text).casefold()
