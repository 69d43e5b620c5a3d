"""Address books (A1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from gettext import gettext as _

from caiyou.directory import entry
from caiyou.directory.admin.fields import contact_addresses, text
from caiyou.directory.admin.users import Users
from caiyou.directory.admin.writer import Writer
from caiyou.directory.model import Contact, Subscriber
from caiyou.errors import InputError
from caiyou.msisdn import Msisdn


class Contacts:
    """A contact belongs to a subscriber and is named by him."""

    def __init__(self, writer: Writer, users: Users) -> None:
        self._writer = writer
        self._users = users

    def add(self, user: str, name: str, *, mail: Iterable[str] = (), mobile: str = "") -> Contact:
        """Add a contact with a mail address, a mobile or both."""
        found = self._users.get(user)
        name = text(name, _("name"))
        addresses = contact_addresses(mail)
        if not addresses and not mobile:
            raise InputError(_("contact {name} needs a mail address or a mobile").format(name=name))
        values = {
            "name": name,
            "mail": addresses,
            "mobile": Msisdn.parse(mobile, self._writer.region) if mobile else None,
        }
        attributes = entry.attributes(entry.CONTACT, values)
        attributes |= {"caiyouBook": entry.values(found.mailbox), "sn": attributes["cn"]}
        dn = entry.child_dn(entry.mailbox_dn(self._writer.base, found.mailbox), name)
        self._writer.add(
            dn,
            ["inetOrgPerson", "caiyouContact"],
            attributes,
            _("contact {name} of {mailbox}").format(name=name, mailbox=found.mailbox),
        )
        self._record("contact.add", found, name)
        return entry.contact(attributes, self._writer.region)

    def all(self, user: str) -> Iterator[Contact]:
        """His address book."""
        found = self._writer.find("caiyouContact", "caiyouBook", self._users.get(user).mailbox)
        return (entry.contact(attributes, self._writer.region) for _, attributes in found)

    def remove(self, user: str, name: str) -> None:
        """Remove a contact."""
        found = self._users.get(user)
        dn = entry.child_dn(entry.mailbox_dn(self._writer.base, found.mailbox), name)
        self._writer.delete(dn, _("contact {name} of {mailbox}").format(name=name, mailbox=found.mailbox))
        self._record("contact.remove", found, name)

    def _record(self, step: str, of: Subscriber, name: str) -> None:
        self._writer.record(step, of.mailbox, {"name": name}, domain=of.domain, mailbox=of.mailbox)
