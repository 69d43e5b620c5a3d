"""Lookups of the daemons: one LDAP search each in the plain case, answered from memory only while LDAP is down.

Blocking and thread-safe; an asyncio program calls it in a pool. What is no address is unknown, not an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import ldap
from ldap.filter import escape_filter_chars

from caiyou.address import Address, domain_to_unicode
from caiyou.directory import entry
from caiyou.directory.connection import Attributes, Connections
from caiyou.directory.handsets import HandsetWalk, inherited, names_in
from caiyou.directory.listing import names_of_client, names_of_sender
from caiyou.directory.memory import Memory
from caiyou.directory.model import Domain, Handset, Resolution, Rule, Subscriber
from caiyou.directory.resolve import ENTRY_ATTRIBUTES, Walk
from caiyou.errors import InputError
from caiyou.msisdn import Msisdn
from caiyou.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Some subscribers and their rules, by mailbox."""

    subscribers: dict[str, Subscriber]
    rules: dict[str, list[Rule]]


class Directory:
    """Who is who. Every method raises DirectoryDown when no server answers and nothing is known of it."""

    def __init__(self, settings: Settings) -> None:
        self._base = settings.ldap.base
        self._domains = entry.domains_dn(self._base)
        self._region = settings.site.region
        self._connections = Connections(settings.ldap)
        self._memory = Memory(settings.ldap.cache_s)

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def domain(self, name: str) -> Domain | None:
        """A domain of ours by any of its spellings."""
        try:
            name = domain_to_unicode(name)
        except InputError:
            return None

        def ask() -> Domain | None:
            found = self._search(f"(caiyouDomainName={escape_filter_chars(name)})", list(entry.DOMAIN.values()))
            return entry.domain(found[0]) if found else None

        return self._memory.ask(("domain", name), ask, keep=_is_known)

    def resolve(self, address: str) -> Resolution:
        """Where mail to the address goes: aliases followed, nested ones too, loops stopped, each recipient once."""
        parsed = _address(address)
        if parsed is None:
            return Resolution(address=address)
        return self._memory.ask(
            ("resolve", str(parsed)),
            lambda: Walk(self._search, self._region).resolution(parsed),
            keep=lambda found: found.known,
        )

    def subscriber(self, mailbox_or_address: str) -> Subscriber | None:
        """The owner of a mailbox or of an address of his own; aliases are not followed."""
        parsed = _address(mailbox_or_address)
        if parsed is None:
            return None
        return self._memory.ask(
            ("subscriber", str(parsed)), lambda: Walk(self._search, self._region).owner(parsed), keep=_is_known
        )

    def people(self, mailboxes: Iterable[str]) -> People:
        """Several subscribers and their rules, in two searches. Raises DirectoryDown: memory is not asked."""
        wanted = [parsed for mailbox in mailboxes if (parsed := _address(mailbox)) is not None]
        found = Walk(self._search, self._region).owners(wanted)
        owners = "".join(f"(caiyouOwner={escape_filter_chars(subscriber.mailbox)})" for subscriber in found)
        rules: dict[str, list[Rule]] = {subscriber.mailbox: [] for subscriber in found}
        if owners:
            for attributes in self._search(f"(|{owners})", ["caiyouOwner", *entry.RULE.values()]):
                owner = attributes["caiyouOwner"][0].decode()
                if owner in rules:
                    rules[owner].append(entry.rule(attributes, self._region))
        return People(
            subscribers={subscriber.mailbox: subscriber for subscriber in found},
            rules={mailbox: sorted(own, key=lambda rule: rule.name) for mailbox, own in rules.items()},
        )

    def blacklisted(self, address: str = "", ip: str = "") -> str | None:
        """The blacklist's entry for a sender or a client, the closest one; None where there is none."""
        names = [*names_of_sender(address), *names_of_client(ip)]
        if not names:
            return None

        def ask() -> str | None:
            query = "".join(f"(caiyouListed={escape_filter_chars(name)})" for name in names)
            found = self._connections.search(
                entry.blacklist_dn(self._base), ldap.SCOPE_ONELEVEL, f"(|{query})", ["caiyouListed"]
            )
            listed = {entry.listed(values).value.lower() for _, values in found}
            return next((name for name in names if name in listed), None)

        return self._memory.ask(("blacklisted", *names), ask, keep=_always)

    def rules(self, mailbox: str) -> list[Rule]:
        """The notification rules of a subscriber, by name; none where there is no such subscriber."""
        parsed = _address(mailbox)
        if parsed is None:
            return []

        def ask() -> list[Rule]:
            # By owner: the index of an object class names the rules of everybody.
            owner = escape_filter_chars(parsed.ascii_domain)
            found = self._below(parsed, f"(caiyouOwner={owner})", list(entry.RULE.values()))
            return sorted((entry.rule(attributes, self._region) for attributes in found), key=lambda rule: rule.name)

        return self._memory.ask(("rules", str(parsed)), ask, keep=_always)

    def contact_mobile(self, mailbox: str, address: str) -> Msisdn | None:
        """The number that the subscriber's address book has for an address (N1)."""
        owner, parsed = _address(mailbox), _address(address)
        if owner is None or parsed is None:
            return None

        def ask() -> Msisdn | None:
            found = self._below(owner, f"(caiyouContactAddress={escape_filter_chars(str(parsed))})", ["mobile"])
            numbers = (entry.number(attributes, "mobile", self._region) for attributes in found)
            return next((number for number in numbers if number), None)

        return self._memory.ask(("contact", str(owner), str(parsed)), ask, keep=_is_known)

    def handset(self, written: str) -> Handset | None:
        """The profile that a name, a User-Agent or the address of a UAProf document means, with what it inherits (H4).

        None where nothing is known of such a phone.
        """
        names = names_in(written)
        if not names:
            return None

        def ask() -> Handset | None:
            walk = HandsetWalk(self._handsets)
            found = walk.written(written)
            return inherited(walk.chain(found)) if found else None

        return self._memory.ask(("handset", *names), ask, keep=_is_known)

    def _handsets(self, query: str) -> list[Attributes]:
        above = entry.handsets_dn(self._base)
        found = self._connections.search(above, ldap.SCOPE_ONELEVEL, query, list(entry.HANDSET.values()))
        return [values for _, values in found]

    def _below(self, owner: Address, query: str, attributes: list[str]) -> list[Attributes]:
        """What is right below a subscriber."""
        dn = entry.mailbox_dn(self._base, owner.ascii_domain)
        return [values for _, values in self._connections.search(dn, ldap.SCOPE_ONELEVEL, query, attributes)]

    def _search(self, query: str, attributes: list[str] = ENTRY_ATTRIBUTES) -> list[Attributes]:
        found = self._connections.search(self._domains, ldap.SCOPE_SUBTREE, query, attributes)
        return [values for _, values in found]


def _is_known(found: object) -> bool:
    # That somebody is unknown is not remembered: it would be a refusal for good of whom nobody can look up.
    return found is not None


def _always(_: object) -> bool:
    return True


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except InputError:
        return None
