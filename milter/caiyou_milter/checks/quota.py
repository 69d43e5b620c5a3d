"""S5: one figure for mail and cards; over it, mail is refused before its content is sent."""

from __future__ import annotations

from caiyou.directory.model import Subscriber
from caiyou.errors import Reply
from caiyou_milter import replies
from caiyou_milter.envelope import Envelope
from caiyou_milter.facts import Usage

name = "quota"
description = "the mail, by its announced size, does not fit into the mailbox"


def check(envelope: Envelope, mailbox: Subscriber, usage: Usage) -> Reply | None:
    """552 5.2.2 where it never fits, 452 4.2.2 where the mailbox is full now (the peer tries for days).

    Without an announced size only a mailbox that is already full refuses. One whose owner lets Trash or Sent be
    emptied is left to the LMTP agent, which does that. An unknown figure refuses nothing.
    """
    limit_bytes = mailbox.quota_bytes
    if not limit_bytes:
        return None
    if envelope.size_bytes > limit_bytes:
        return replies.NEVER_FITS
    if mailbox.empty_when_full:
        return None
    used_bytes = usage.used_bytes(mailbox.mailbox)
    if used_bytes is None or used_bytes + max(envelope.size_bytes, 1) <= limit_bytes:
        return None
    return replies.MAILBOX_FULL
