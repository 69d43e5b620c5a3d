"""A mailbox that receives nothing now."""

from __future__ import annotations

from caiyou.directory.model import State, Subscriber
from caiyou.errors import Reply
from caiyou_milter import replies
from caiyou_milter.envelope import Envelope
from caiyou_milter.facts import Usage

name = "suspended"
description = "the mailbox (or the domain it lives in) is suspended, or closed"


def check(envelope: Envelope, mailbox: Subscriber, usage: Usage) -> Reply | None:
    """550 5.2.1 for suspended; a closed mailbox answers as one that does not exist."""
    if mailbox.state is State.ACTIVE:  # the worse of its own state and its domain's
        return None
    if mailbox.state is State.CLOSED:
        return replies.UNKNOWN
    return replies.SUSPENDED
