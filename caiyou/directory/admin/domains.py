"""Domains."""

from __future__ import annotations

from collections.abc import Iterator
from gettext import gettext as _
from typing import Any

from caiyou.address import domain_to_ascii, domain_to_unicode
from caiyou.directory import entry
from caiyou.directory.admin.fields import checked
from caiyou.directory.admin.writer import Writer
from caiyou.directory.connection import Attributes
from caiyou.directory.model import Domain
from caiyou.errors import InputError, NotFound

FIELDS = ("state", "quota_bytes", "when_scan_down", "sms_month_fen")


class Domains:
    """A domain is named in any spelling."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def add(self, domain: str, **fields: Any) -> None:
        """Add a domain. ``fields``: quota_bytes (default of its mailboxes, 0 for none), when_scan_down, state,
        sms_month_fen (what its short messages may cost in a month, 0 for no cap)."""
        name = _new_name(domain)
        values = {"name": name, "state": "active", **checked(FIELDS, fields)}
        attributes = entry.attributes(entry.DOMAIN, values) | _spellings(name)
        self._writer.add(entry.domain_dn(self._writer.base, name), ["caiyouDomainEntry"], attributes, name)
        self._writer.record("domain.add", name, fields, domain=name)

    def set(self, domain: str, **fields: Any) -> None:
        """Change fields; None takes one back to its default."""
        name = domain_to_unicode(domain)
        attributes = entry.attributes(entry.DOMAIN, checked(FIELDS, fields))
        self._writer.change(
            entry.domain_dn(self._writer.base, name), _("domain {name}").format(name=name), replace=attributes
        )
        self._writer.record("domain.set", name, fields, domain=name)

    def get(self, domain: str) -> Domain:
        """The domain; raises NotFound."""
        name = domain_to_unicode(domain)
        attributes = self._writer.read(entry.domain_dn(self._writer.base, name))
        if attributes is None:
            raise NotFound(_("domain {name} does not exist").format(name=name))
        return entry.domain(attributes)

    def all(self) -> Iterator[Domain]:
        """Every domain."""
        above = entry.domains_dn(self._writer.base)
        return (entry.domain(attributes) for _, attributes in self._writer.below(above, "caiyouDomainEntry"))

    def remove(self, domain: str, *, with_users: bool = False) -> None:
        """Remove a domain; refused while it has subscribers or aliases, unless they are to go ``with_users``."""
        name = domain_to_unicode(domain)
        dn = entry.domain_dn(self._writer.base, name)
        if with_users:
            self._writer.delete_tree(dn, _("domain {name}").format(name=name))
        elif self._writer.children(dn, at_most=1):
            raise InputError(
                _("domain {name} has users or aliases; remove them first, or it with them").format(name=name)
            )
        else:
            self._writer.delete(dn, _("domain {name}").format(name=name))
        self._writer.record("domain.remove", name, {"with_users": with_users}, domain=name)


def _new_name(domain: str) -> str:
    name = domain_to_unicode(domain)
    if "_" in name or "." not in name or name.replace(".", "").isdigit():
        raise InputError(
            _("{domain!r} cannot be a mail domain; expected something like example.test").format(domain=domain)
        )
    return name


def _spellings(name: str) -> Attributes:
    return {"caiyouDomainName": entry.values(list(dict.fromkeys([name, domain_to_ascii(name)])))}
