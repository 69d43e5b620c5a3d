"""A recipient in a domain of ours that leads nowhere."""

from __future__ import annotations

from caiyou.directory.model import Domain, Resolution
from caiyou.errors import Reply
from caiyou_milter import replies

name = "unknown"
description = "no mailbox and no alias has this address, or its aliases only lead back to themselves"


def check(domain: Domain, resolution: Resolution) -> Reply | None:
    """550 5.1.1, or 550 5.4.6 for a loop (RFC 3463)."""
    if resolution.known:
        return None
    return replies.LOOP if resolution.loop else replies.UNKNOWN
