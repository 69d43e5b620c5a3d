"""The one place where the directory is changed: LDAP's answers in our words, and the audit event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from gettext import gettext as _
from typing import Any

import ldap
from ldap.filter import escape_filter_chars

from caiyou.directory import entry
from caiyou.directory.admin.audit import Audit
from caiyou.directory.connection import Attributes, Connections, Entry, explain
from caiyou.directory.handsets import HandsetWalk
from caiyou.directory.resolve import Walk
from caiyou.errors import AlreadyExists, CaiyouError, InputError, NotFound
from caiyou.events import Event, Kind
from caiyou.settings import Settings

# What the schema or the server's rules forbid; everything that can be foreseen is checked before.
_WRONG = (
    ldap.INVALID_SYNTAX,
    ldap.INVALID_DN_SYNTAX,
    ldap.OBJECT_CLASS_VIOLATION,
    ldap.NAMING_VIOLATION,
    ldap.NOT_ALLOWED_ON_NONLEAF,
)
_NAMES = ("caiyouMailbox", "caiyouAlias", "caiyouDomain")


class Writer:
    """Reads and changes entries for the classes of this package."""

    def __init__(self, settings: Settings, actor: str) -> None:
        self.base = settings.ldap.base
        self.region = settings.site.region
        self._bind_dn = settings.ldap.bind_dn
        self._actor = actor
        self._connections = Connections(settings.ldap)
        self._audit = Audit(settings)

    def close(self) -> None:
        self._connections.close()

    def read(self, dn: str) -> Attributes | None:
        """One entry."""
        found = self._connections.search(dn, ldap.SCOPE_BASE, "(objectClass=*)", ["*"])
        return found[0][1] if found else None

    def below(self, dn: str, kind: str) -> Iterator[Entry]:
        """Every entry of an object class below another entry, streamed."""
        return self._connections.stream(dn, ldap.SCOPE_SUBTREE, f"(objectClass={kind})", ["*"])

    def find(self, kind: str, attribute: str, value: str) -> Iterator[Entry]:
        """The entries of an object class below ``ou=domains`` that have a value, streamed.

        The attribute is an indexed one. A search below one entry would do for lists, but slapd goes through all
        entries of the class, everybody's, for each page of it.
        """
        query = f"(&({attribute}={escape_filter_chars(value)})(objectClass={kind}))"
        return self._connections.stream(entry.domains_dn(self.base), ldap.SCOPE_SUBTREE, query, ["*"])

    def children(self, dn: str, at_most: int) -> list[str]:
        """The names of some entries right below another one."""
        found = self._connections.search(dn, ldap.SCOPE_ONELEVEL, "(objectClass=*)", ["1.1"], at_most)
        return [name for name, _ in found]

    def walk(self) -> Walk:
        """A walk over aliases."""
        return Walk(self._search, self.region)

    def handsets(self) -> HandsetWalk:
        """Reading handset profiles by name."""
        return HandsetWalk(self._search_handsets)

    def heir(self, handset: str) -> str | None:
        """The DN of one profile that inherits from a handset profile."""
        above, query = entry.handsets_dn(self.base), f"(caiyouHandsetParent={escape_filter_chars(handset)})"
        found = self._connections.search(above, ldap.SCOPE_ONELEVEL, query, ["1.1"], at_most=1)
        return found[0][0] if found else None

    def add(self, dn: str, kinds: list[str], attributes: Attributes, what: str) -> None:
        """Add an entry; ``what`` names it in errors. Attributes without values are left out."""
        record = [("objectClass", [kind.encode() for kind in kinds])]
        record += [(name, values) for name, values in attributes.items() if values]
        with self._explained(what, attributes):
            self._connections.write(lambda connection: connection.add_ext_s(dn, record))

    def change(
        self,
        dn: str,
        what: str,
        *,
        replace: Attributes | None = None,
        add: Attributes | None = None,
        drop: Attributes | None = None,
    ) -> None:
        """Change attributes in one step: ``replace`` (without values: delete), ``add`` and ``drop`` values.

        Raises AlreadyExists where a value to add is there, NotFound where one to drop is not.
        """
        record: list[tuple[int, str, list[bytes] | None]] = []
        for how, attributes in ((ldap.MOD_REPLACE, replace), (ldap.MOD_ADD, add), (ldap.MOD_DELETE, drop)):
            record += [(how, name, values or None) for name, values in (attributes or {}).items()]
        if not record:
            raise InputError(_("nothing to change"))
        with self._explained(what, {**(replace or {}), **(add or {})}):
            self._connections.write(lambda connection: connection.modify_ext_s(dn, record))

    def delete(self, dn: str, what: str) -> None:
        """Delete an entry that has none below it."""
        with self._explained(what, {}):
            self._connections.write(lambda connection: connection.delete_ext_s(dn))

    def delete_tree(self, dn: str, what: str) -> None:
        """Delete an entry and all below it, a page at a time."""
        while children := self.children(dn, at_most=200):
            for child in children:
                self.delete_tree(child, what)
        self.delete(dn, what)

    def record(
        self, step: str, name: str, detail: Mapping[str, Any] | None = None, *, domain: str = "", mailbox: str = ""
    ) -> None:
        """The audit event of a step that is done: ``step`` is "user.add", ``name`` what it was done to."""
        self._audit.record(
            Event(
                kind=Kind.ADMIN_CHANGED,
                domain=domain or None,
                subscriber=mailbox or None,
                result=f"{step} {name}",
                detail={
                    "actor": self._actor,
                    **{key: value for key, value in (detail or {}).items() if value not in ("", [])},
                },
            )
        )

    def _search(self, query: str) -> list[Attributes]:
        found = self._connections.search(entry.domains_dn(self.base), ldap.SCOPE_SUBTREE, query, ["*"])
        return [attributes for _, attributes in found]

    def _search_handsets(self, query: str) -> list[Attributes]:
        found = self._connections.search(entry.handsets_dn(self.base), ldap.SCOPE_ONELEVEL, query, ["*"])
        return [attributes for _, attributes in found]

    @contextmanager
    def _explained(self, what: str, given: Mapping[str, list[bytes]]) -> Iterator[None]:
        """LDAP's answer in our words."""
        try:
            yield
        except ldap.NO_SUCH_OBJECT:
            raise NotFound(_("{what} does not exist").format(what=what)) from None
        except ldap.NO_SUCH_ATTRIBUTE:
            raise NotFound(_("{what} does not have that").format(what=what)) from None
        except ldap.ALREADY_EXISTS:
            raise AlreadyExists(_("{what} exists already").format(what=what)) from None
        except ldap.CONSTRAINT_VIOLATION:  # slapo-unique
            raise AlreadyExists(f"{what}: {self._taken(given)}") from None
        except ldap.TYPE_OR_VALUE_EXISTS:
            raise AlreadyExists(_("{what} has that already").format(what=what)) from None
        except ldap.INSUFFICIENT_ACCESS:
            raise CaiyouError(
                _("{what}: the directory does not let {dn} do that").format(what=what, dn=self._bind_dn)
            ) from None
        except _WRONG as error:
            raise InputError(f"{what}: {explain(error)}") from None

    def _taken(self, given: Mapping[str, list[bytes]]) -> str:
        """Whose the address or the name is that somebody else has."""
        for attribute in ("caiyouAddress", "caiyouDomainName"):
            for value in given.get(attribute, ()):
                for _dn, other in self.find("*", attribute, value.decode()):
                    name = next(other[key][0].decode() for key in _NAMES if key in other)
                    return _("{value} belongs to {name} already").format(value=value.decode(), name=name)
        return _("an address or a name in it belongs to somebody else already")
