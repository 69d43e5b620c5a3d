"""V5: the subscriber's own reject list."""

from __future__ import annotations

from caiyou.directory.model import Subscriber
from caiyou.directory.reject import rejects
from caiyou.errors import Reply
from caiyou_milter import replies
from caiyou_milter.envelope import Envelope
from caiyou_milter.facts import Usage

name = "reject_list"
description = "the recipient refuses this sender's address or domain (with subdomains)"


def check(envelope: Envelope, mailbox: Subscriber, usage: Usage) -> Reply | None:
    """550 5.7.1. The envelope sender is what is known at RCPT; the null sender (bounces) is never refused."""
    return replies.REJECTED if rejects(mailbox, envelope.mail_from) else None
