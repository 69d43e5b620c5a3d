"""V6: mail on the system blacklist is accepted and disappears; its sender learns nothing."""

from __future__ import annotations

from caiyou_milter.envelope import Envelope
from caiyou_milter.facts import Blacklist

name = "blacklist"
description = "the sender's address, its domain (with subdomains) or the client's network is listed"


def check(envelope: Envelope, blacklist: Blacklist) -> str | None:
    """The entry that matched. Subscribers who log in are not looked up: one who misbehaves is suspended instead."""
    return None if envelope.submission else blacklist.entry(envelope.mail_from, envelope.client_ip)
