"""N1, N3: the one job that tells the worker of a mail which may become short messages.

Whether one really goes out (conditions, quiet hours, numbers, caps) is the worker's to weigh. No job is made where
nobody can want one: neither a recipient with notification on, nor a sender who asked.
"""

from __future__ import annotations

from datetime import UTC, datetime

from caiyou import mime
from caiyou.queues import Notify
from caiyou_milter.envelope import Envelope
from caiyou_milter.message import Message


def notification(queue_id: str, envelope: Envelope, message: Message, digest_bytes: int) -> Notify | None:
    """The job's payload, or None. Only a sender who logged in may ask (header, subject tag, or his standing choice)."""
    waiting = [
        [recipient.address, mailbox.mailbox]
        for recipient in envelope.recipients
        for mailbox in recipient.mailboxes
        if mailbox.notify
    ]
    asked = bool(envelope.login) and message.asks
    standing = envelope.sender is not None and envelope.sender.notify_on_send
    may_ask = bool(envelope.login) and message.may_be_tagged
    if not (waiting or asked or standing or may_ask):
        return None
    digest = mime.digest_message(message.head(digest_bytes))
    asked = asked or (may_ask and digest.asks_sms)
    recipients = _all(envelope) if asked or standing else waiting
    if not recipients:
        return None
    return Notify(
        queue_id=queue_id,
        message_id=message.message_id or queue_id,
        direction=envelope.direction,
        mail_from=envelope.mail_from,
        header_from=digest.header_from,
        from_address=digest.header_from_address,
        sent_at=(digest.sent_at or datetime.now(UTC)).isoformat(),
        subject=digest.subject,
        text=digest.text,
        urgent=digest.urgent,
        sender=envelope.login or None,
        asked=asked,
        recipients=recipients,
    )


def _all(envelope: Envelope) -> list[list[str]]:
    """Each final recipient once: mailboxes of ours, then addresses outside."""
    found: dict[str, list[str]] = {}
    for recipient in envelope.recipients:
        for mailbox in recipient.mailboxes:
            found.setdefault(mailbox.mailbox, [recipient.address, mailbox.mailbox])
        for address in recipient.outside:
            found.setdefault(address, [address, ""])
    return list(found.values())
