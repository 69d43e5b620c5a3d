"""What is known of one mail transaction before its content."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from caiyou.directory.model import Domain, Subscriber


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One accepted RCPT and where it leads, aliases followed."""

    address: str  # as the peer wrote it, without angle brackets
    mailboxes: tuple[Subscriber, ...] = ()
    outside: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Envelope:
    """One MAIL and its RCPTs. ``mail_from`` is empty for the null sender, ``size_bytes`` is the announced SIZE or 0."""

    mail_from: str
    size_bytes: int = 0
    client_ip: str = ""  # empty: not an IP client
    submission: bool = False
    login: str = ""  # mailbox of the authenticated sender, submission only
    sender: Subscriber | None = None  # the same, as the directory knows him
    recipients: list[Recipient] = field(default_factory=list)
    domains: dict[str, Domain] = field(default_factory=dict)  # of the recipients, those of ours, by name

    @property
    def direction(self) -> str:
        """``in`` from the world, ``out`` from a subscriber."""
        return "out" if self.submission else "in"

    def mailboxes(self) -> Iterator[Subscriber]:
        """Of all recipients, one as often as it is reached."""
        for recipient in self.recipients:
            yield from recipient.mailboxes
