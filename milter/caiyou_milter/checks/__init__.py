"""The rules, one a file: ``name``, ``description``, ``check``.

``blacklist`` looks at the sender, ADDRESS_RULES at a recipient, MAILBOX_RULES at each mailbox that it leads to,
``virus`` at the content. ``check`` returns the reply that refuses (``blacklist``: the entry that matched), or None.
"""

from __future__ import annotations

from typing import Protocol

from caiyou.directory.model import Domain, Resolution, Subscriber
from caiyou.errors import Reply
from caiyou_milter.checks import domain_suspended, quota, reject_list, suspended, unknown
from caiyou_milter.envelope import Envelope
from caiyou_milter.facts import Usage


class AddressRule(Protocol):
    """A module of this package."""

    name: str
    description: str

    def check(self, domain: Domain, resolution: Resolution) -> Reply | None:
        """The reply that refuses the recipient, an address in ``domain`` of ours."""


class MailboxRule(Protocol):
    """A module of this package."""

    name: str
    description: str

    def check(self, envelope: Envelope, mailbox: Subscriber, usage: Usage) -> Reply | None:
        """The reply that refuses the mail for this mailbox."""


ADDRESS_RULES: tuple[AddressRule, ...] = (domain_suspended, unknown)
# In this order, so that Redis is asked last.
MAILBOX_RULES: tuple[MailboxRule, ...] = (suspended, reject_list, quota)
