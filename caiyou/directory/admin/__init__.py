"""Every change of the directory: checked, in clear words when refused, recorded as an event (M7)."""

from __future__ import annotations

from caiyou.directory.admin.aliases import Aliases
from caiyou.directory.admin.blacklist import Blacklist
from caiyou.directory.admin.contacts import Contacts
from caiyou.directory.admin.domains import Domains
from caiyou.directory.admin.handsets import Handsets
from caiyou.directory.admin.rules import Rules
from caiyou.directory.admin.users import Users
from caiyou.directory.admin.writer import Writer
from caiyou.settings import Settings


class Admin:
    """What an administrator may do. ``actor`` is who does it, for the audit log. ``close`` it at the end.

    Methods raise InputError (NotFound, AlreadyExists) for what they were given and DirectoryDown. Lists are iterators
    that hold one page.
    """

    def __init__(self, settings: Settings, actor: str) -> None:
        self._writer = Writer(settings, actor)
        self.domains = Domains(self._writer)
        self.users = Users(self._writer, self.domains)
        self.aliases = Aliases(self._writer, self.domains)
        self.blacklist = Blacklist(self._writer)
        self.handsets = Handsets(self._writer)
        self.rules = Rules(self._writer, self.users)
        self.contacts = Contacts(self._writer, self.users)

    def close(self) -> None:
        """Close the connections."""
        self._writer.close()
