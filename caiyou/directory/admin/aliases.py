"""Aliases (A4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from gettext import gettext as _

import ldap
import ldap.dn
import ldapurl

from caiyou.address import Address
from caiyou.directory import entry
from caiyou.directory.admin.domains import Domains
from caiyou.directory.admin.writer import Writer
from caiyou.directory.model import Alias, State
from caiyou.errors import InputError, NotFound


class Aliases:
    """An alias is named by its address, in any spelling."""

    def __init__(self, writer: Writer, domains: Domains) -> None:
        self._writer = writer
        self._domains = domains

    def add(self, alias: str, targets: Iterable[str] = (), *, member_url: str = "") -> None:
        """Add an alias, or targets to it; ``member_url`` makes its members what the directory finds.

        A target is an address of ours that somebody has, or an outside one. Refused where mail would go in a circle.
        """
        address = Address.parse(alias)
        name = str(address)
        values = list(dict.fromkeys(str(Address.parse(target)) for target in targets))
        if not values and not member_url:
            raise InputError(_("alias {name} needs a target").format(name=name))
        self._check_targets(name, values)
        wanted = entry.attributes(entry.ALIAS, {"targets": values})
        members = entry.attributes(entry.ALIAS, {"member_url": _member_url(member_url)}) if member_url else {}
        dn = entry.alias_dn(self._writer.base, name)
        what = _("alias {name}").format(name=name)
        if self._writer.read(dn) is not None:
            self._writer.change(dn, what, replace=members, add=wanted if values else None)
        else:
            self._domains.get(address.domain)
            attributes = wanted | members | entry.attributes(entry.ALIAS, {"address": name, "state": State.ACTIVE})
            attributes["caiyouAddress"] = entry.values(address.spellings)
            attributes["caiyouOwner"] = entry.values(address.domain)
            self._writer.add(dn, ["caiyouAliasEntry"], attributes, what)
        self._writer.record("alias.add", name, {"targets": values, "member_url": member_url}, domain=address.domain)

    def get(self, alias: str) -> Alias:
        """The alias; raises NotFound."""
        name = str(Address.parse(alias))
        attributes = self._writer.read(entry.alias_dn(self._writer.base, name))
        if attributes is None:
            raise NotFound(_("alias {name} does not exist").format(name=name))
        return entry.alias(attributes)

    def all(self, domain: str | None = None) -> Iterator[Alias]:
        """The aliases of a domain, or of every domain."""
        if domain:
            found = self._writer.find("caiyouAliasEntry", "caiyouOwner", self._domains.get(domain).name)
        else:
            found = self._writer.below(entry.domains_dn(self._writer.base), "caiyouAliasEntry")
        return (entry.alias(attributes) for _, attributes in found)

    def remove(self, alias: str, targets: Iterable[str] = ()) -> None:
        """Remove an alias, or only some of its targets; the last target goes with the alias alone."""
        found = self.get(alias)
        dn, what = entry.alias_dn(self._writer.base, found.address), _("alias {name}").format(name=found.address)
        values = [str(Address.parse(target)) for target in targets]
        if not values:
            self._writer.delete(dn, what)
        elif not set(found.targets) - set(values) and not found.member_url:
            raise InputError(_("{what} would be left without a target; remove the alias instead").format(what=what))
        else:
            self._writer.change(dn, what, drop={"caiyouTarget": entry.values(values)})
        self._writer.record("alias.remove", found.address, {"targets": values}, domain=found.address.rpartition("@")[2])

    def _check_targets(self, name: str, targets: list[str]) -> None:
        if name in targets:
            raise InputError(_("{name} cannot be a target of itself").format(name=name))
        unknown = self._writer.walk().unknown(targets)
        if unknown:
            raise NotFound(_("nobody has {names}").format(names=", ".join(unknown)))
        if self._writer.walk().passes(targets, name):
            raise InputError(_("mail to {name} would go in a circle: a target leads back to it").format(name=name))


def _member_url(text: str) -> str:
    """An LDAP URL (RFC 4516) that Postfix can expand; raises InputError."""
    if not text:
        return ""
    try:
        url = ldapurl.LDAPUrl(text)
    except ValueError:
        raise InputError(
            _("{text!r} is no LDAP URL; expected something like ldap:///BASE??sub?(ou=Sales)").format(text=text)
        ) from None
    if url.urlscheme != "ldap" or url.hostport or not url.dn or not url.filterstr:
        raise InputError(_("{text!r}: expected ldap:///BASE??sub?(FILTER), without a host").format(text=text))
    if not ldap.dn.is_dn(url.dn) or not _is_filter(url.filterstr):
        raise InputError(_("{text!r}: the base or the filter in it is malformed").format(text=text))
    return text


def _is_filter(text: str) -> bool:
    """Whether libldap takes it (RFC 4515), which looks before it connects. One that it does not stops Postfix."""
    try:
        ldap.initialize("ldapi://%2Fdev%2Fnull").search_ext("", ldap.SCOPE_BASE, text)
    except ldap.FILTER_ERROR:
        return False
    except ldap.SERVER_DOWN:
        pass
    return True
