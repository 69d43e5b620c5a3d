"""The subscriber's reject list (V5), as the milter and the LMTP agent apply it."""

from __future__ import annotations

from caiyou.address import Address, domain_to_unicode
from caiyou.directory.model import Subscriber
from caiyou.errors import InputError


def rejects(subscriber: Subscriber, mail_from: str) -> bool:
    """Whether the list names the envelope sender, his domain or a parent domain; the null sender (bounces) never."""
    return bool(subscriber.reject and mail_from) and not _forms(mail_from).isdisjoint(subscriber.reject)


def _forms(mail_from: str) -> set[str]:
    """What an entry may say to match."""
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
