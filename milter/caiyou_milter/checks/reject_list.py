"""V5: the subscriber's own reject list."""

from __future__ import annotations

from caiyou.address import Address, domain_to_unicode
from caiyou.directory.model import Subscriber
from caiyou.errors import InputError, Reply
from caiyou_milter import replies
from caiyou_milter.envelope import Envelope
from caiyou_milter.facts import Usage

name = "reject_list"
description = "the recipient refuses this sender's address or domain (with subdomains)"


def check(envelope: Envelope, mailbox: Subscriber, usage: Usage) -> Reply | None:
    """550 5.7.1. The envelope sender is what is known at RCPT; the null sender (bounces) is never refused."""
    if not mailbox.reject or not envelope.mail_from:
        return None
    return None if _forms(envelope.mail_from).isdisjoint(mailbox.reject) else replies.REJECTED


def _forms(mail_from: str) -> set[str]:
    """What an entry may say to match: the address, its domain, and each parent domain."""
    try:
        sender = Address.parse(mail_from)
        address, domain = str(sender), sender.domain
    except InputError:
        address = mail_from.lower()
        domain = _domain(address.rpartition("@")[2])
    labels = domain.split(".")
    return {address} | {".".join(labels[i:]) for i in range(len(labels))}


def _domain(text: str) -> str:
    try:
        return domain_to_unicode(text)
    except InputError:
        return text
