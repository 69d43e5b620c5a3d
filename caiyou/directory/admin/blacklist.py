"""The system blacklist (V6): mail from there is accepted and discarded."""

from __future__ import annotations

from collections.abc import Iterator
from gettext import gettext as _

import ldap.dn

from caiyou.directory import entry
from caiyou.directory.admin.fields import text
from caiyou.directory.admin.writer import Writer
from caiyou.directory.listing import listed_name
from caiyou.directory.model import Listed


class Blacklist:
    """An entry is an address, a domain with its subdomains, or a network (CIDR)."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def add(self, value: str, *, note: str = "") -> Listed:
        """Add an entry; as it is kept (a network without host bits, a domain in U-label form)."""
        listed = Listed(value=listed_name(value), note=text(note, _("note")) if note else "")
        attributes = entry.attributes(entry.LISTED, {"value": listed.value, "note": listed.note})
        self._writer.add(self._dn(listed.value), ["caiyouBlacklisted"], attributes, listed.value)
        self._writer.record("blacklist.add", listed.value, {"note": listed.note})
        return listed

    def all(self) -> Iterator[Listed]:
        """Every entry."""
        above = entry.blacklist_dn(self._writer.base)
        return (entry.listed(attributes) for _, attributes in self._writer.below(above, "caiyouBlacklisted"))

    def remove(self, value: str) -> None:
        """Remove an entry."""
        name = listed_name(value)
        self._writer.delete(self._dn(name), _("blacklist entry {name}").format(name=name))
        self._writer.record("blacklist.remove", name)

    def _dn(self, name: str) -> str:
        return f"caiyouListed={ldap.dn.escape_dn_chars(name)},{entry.blacklist_dn(self._writer.base)}"
