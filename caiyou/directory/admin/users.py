"""Subscribers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from gettext import gettext as _
from typing import Any

from caiyou.address import Address
from caiyou.directory import entry
from caiyou.directory.admin.domains import Domains
from caiyou.directory.admin.fields import checked, contact_addresses, sender
from caiyou.directory.admin.writer import Writer
from caiyou.directory.model import State, Subscriber
from caiyou.directory.password import hashed
from caiyou.errors import InputError, NotFound

FIELDS = (
    "name",
    "state",
    "mobile",
    "mail_host",
    "quota_bytes",
    "warn_percent",
    "empty_when_full",
    "notify",
    "notify_on_send",
    "long_sms",
    "sms_month_fen",
    "language",
    "timezone",
    "handset",
)

# The name becomes a folder of the mail store and a Dovecot user: no slash, no leading dot, no plus (a delimiter).
_LOCAL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]|\.(?!\.))*")


class Users:
    """A subscriber is named by his mailbox, whose domain may be written in any spelling."""

    def __init__(self, writer: Writer, domains: Domains) -> None:
        self._writer = writer
        self._domains = domains

    def add(self, mailbox: str, *, password: str | None, addresses: Iterable[str] = (), **fields: Any) -> None:
        """Add a subscriber; without a password he cannot log in. ``addresses`` are further ones of his own."""
        addresses = list(addresses)
        address = Address.parse(mailbox)
        if not _LOCAL.fullmatch(address.local):
            raise InputError(
                _(
                    "{mailbox!r} cannot name a mailbox: letters a-z, digits, dot, dash and underscore stand before"
                    " the @; give other addresses besides it"
                ).format(mailbox=mailbox)
            )
        name = address.ascii_domain
        values = {
            "mailbox": name,
            "name": address.local,
            "state": State.ACTIVE,
            "addresses": contact_addresses([mailbox, *addresses]),
            **{
                field: value
                for field, value in checked(FIELDS, fields, self._writer.region).items()
                if value is not None
            },
        }
        attributes = entry.attributes(entry.SUBSCRIBER, values)
        attributes |= {"caiyouOwner": entry.values(address.domain), "sn": attributes["cn"], "mail": [name.encode()]}
        attributes["userPassword"] = [hashed(password).encode()] if password is not None else []
        self._require_domains([mailbox, *addresses])
        dn = entry.mailbox_dn(self._writer.base, name)
        self._writer.add(dn, ["inetOrgPerson", "caiyouSubscriber"], attributes, name)
        self._writer.record(
            "user.add", name, {**fields, "addresses": values["addresses"]}, domain=address.domain, mailbox=name
        )

    def set(
        self, user: str, *, add_addresses: Iterable[str] = (), drop_addresses: Iterable[str] = (), **fields: Any
    ) -> None:
        """Change fields (None takes one back to its default) and further addresses of his own."""
        found = self.get(user)
        attributes = entry.attributes(entry.SUBSCRIBER, checked(FIELDS, fields, self._writer.region))
        if "cn" in attributes:
            attributes["cn"] = attributes["cn"] or [found.mailbox.partition("@")[0].encode()]
            attributes["sn"] = attributes["cn"]
        add, drop = contact_addresses(add_addresses), contact_addresses(drop_addresses)
        self._require_domains(add)
        if set(drop) & set(contact_addresses([found.mailbox])):
            raise InputError(_("{mailbox} names the mailbox; it cannot be taken from it").format(mailbox=found.mailbox))
        self._writer.change(
            self._dn(found),
            _("user {mailbox}").format(mailbox=found.mailbox),
            replace=attributes,
            add={"caiyouAddress": entry.values(add)} if add else None,
            drop={"caiyouAddress": entry.values(drop)} if drop else None,
        )
        self._record("user.set", found, {**fields, "add_addresses": add, "drop_addresses": drop})

    def set_password(self, user: str, password: str) -> None:
        """Set a new password."""
        found = self.get(user)
        value = hashed(password).encode()
        self._writer.change(
            self._dn(found), _("user {mailbox}").format(mailbox=found.mailbox), replace={"userPassword": [value]}
        )
        self._record("user.passwd", found)

    def suspend(self, user: str) -> None:
        """He cannot log in, and mail to him is refused until he is resumed."""
        self._set_state("user.suspend", user, State.SUSPENDED)

    def resume(self, user: str) -> None:
        """The reverse."""
        self._set_state("user.resume", user, State.ACTIVE)

    def get(self, user: str) -> Subscriber:
        """The subscriber by his mailbox or any address of his own; raises NotFound."""
        found = self._writer.walk().owner(Address.parse(user))
        if found is None:
            name = str(Address.parse(user))
            if next(self._writer.find("caiyouAliasEntry", "caiyouAddress", name), None):
                raise NotFound(_("{name} is an alias, not a user's own address").format(name=name))
            raise NotFound(_("user {user} does not exist").format(user=user))
        return found

    def all(self, domain: str | None = None) -> Iterator[Subscriber]:
        """The subscribers of a domain, or of every domain."""
        for of in [self._domains.get(domain)] if domain else self._domains.all():
            for _dn, attributes in self._writer.find("caiyouSubscriber", "caiyouOwner", of.name):
                yield entry.subscriber(attributes, of, self._writer.region)

    def remove(self, user: str) -> list[str]:
        """Remove a subscriber, his rules and his address book; the aliases that lost a target by it."""
        found = self.get(user)
        self._writer.delete_tree(self._dn(found), _("user {mailbox}").format(mailbox=found.mailbox))
        orphans: list[str] = []
        for address in found.addresses:
            for dn, attributes in list(self._writer.find("caiyouAliasEntry", "caiyouTarget", address)):
                name = attributes["caiyouAlias"][0].decode()
                self._writer.change(dn, _("alias {name}").format(name=name), drop={"caiyouTarget": [address.encode()]})
                orphans.append(name)
        self._record("user.remove", found, {"aliases": orphans})
        return orphans

    def reject(self, user: str, senders: Iterable[str]) -> None:
        """Add addresses and domains to his reject list (V5)."""
        found = self.get(user)
        values = list(dict.fromkeys(map(sender, senders)))
        self._writer.change(
            self._dn(found),
            _("reject list of {mailbox}").format(mailbox=found.mailbox),
            add={"caiyouReject": entry.values(values)},
        )
        self._record("reject.add", found, {"senders": values})

    def unreject(self, user: str, senders: Iterable[str]) -> None:
        """Take addresses and domains from his reject list."""
        found = self.get(user)
        values = list(dict.fromkeys(map(sender, senders)))
        self._writer.change(
            self._dn(found),
            _("reject list of {mailbox}").format(mailbox=found.mailbox),
            drop={"caiyouReject": entry.values(values)},
        )
        self._record("reject.remove", found, {"senders": values})

    def _set_state(self, step: str, user: str, state: State) -> None:
        found = self.get(user)
        self._writer.change(
            self._dn(found),
            _("user {mailbox}").format(mailbox=found.mailbox),
            replace={"caiyouState": entry.values(state)},
        )
        self._record(step, found)

    def _require_domains(self, addresses: Iterable[str]) -> None:
        for name in {Address.parse(address).domain for address in addresses}:
            self._domains.get(name)

    def _dn(self, found: Subscriber) -> str:
        return entry.mailbox_dn(self._writer.base, found.mailbox)

    def _record(self, step: str, of: Subscriber, detail: dict[str, Any] | None = None) -> None:
        self._writer.record(step, of.mailbox, detail, domain=of.domain, mailbox=of.mailbox)
