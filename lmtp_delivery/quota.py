"""Room in the mailbox (S5): the owner's warning level, and the folders he lets us empty when new mail does not fit."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

from caiyou import log
from caiyou.directory.model import Subscriber
from caiyou.events import Event, Kind
from lmtp_delivery.doveadm import Doveadm, Mail

logger = logging.getLogger("caiyou.lmtpd")

FOLDERS = ("Trash", "Sent")
OVERHEAD_BYTES = 4096  # Dovecot's own headers, and its quota figures are whole KiB

_SUBJECT = "邮箱空间提醒 Mailbox almost full: {percent}%"
_TEXT = """\
您的邮箱 {mailbox} 已使用 {used}（上限 {limit}，{percent}%）。
空间用完后，新邮件将被退回。请清理“已删除”“已发送”等文件夹，或删除较大的邮件。

Your mailbox {mailbox} now uses {used} of {limit} ({percent}%).
When it is full, new mail will be refused. Please empty Trash and Sent, or delete large messages.
"""


def level_bytes(subscriber: Subscriber) -> int | None:
    """From where on the owner is warned; None: never."""
    if subscriber.quota_bytes <= 0 or not 0 < subscriber.warn_percent < 100:
        return None
    return subscriber.quota_bytes * subscriber.warn_percent // 100


def warning(subscriber: Subscriber, used_bytes: int, postmaster: str, hostname: str, now: datetime) -> bytes:
    """The mail that tells the owner, in Chinese and English: ASCII, lines ending in CR LF."""
    percent = used_bytes * 100 // subscriber.quota_bytes
    mail = EmailMessage(policy=SMTP)
    mail["From"] = HeaderAddress("彩邮 Caiyou", addr_spec=postmaster)
    mail["To"] = HeaderAddress(addr_spec=subscriber.mailbox)
    mail["Subject"] = _SUBJECT.format(percent=percent)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = make_msgid(domain=hostname)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834
    used, limit = _readable(used_bytes), _readable(subscriber.quota_bytes)
    mail.set_content(
        _TEXT.format(mailbox=subscriber.mailbox, used=used, limit=limit, percent=percent), charset="utf-8", cte="base64"
    )
    return mail.as_bytes()


def to_delete(mails: Sequence[Mail], missing_bytes: int) -> list[Mail]:
    """The first of ``mails`` that together make that much room; none where all of them do not: nothing goes in vain."""
    chosen, freed = [], 0
    for mail in mails:
        if freed >= missing_bytes:
            break
        chosen.append(mail)
        freed += mail.size_bytes
    return chosen if freed >= missing_bytes else []


async def make_room(doveadm: Doveadm, subscriber: Subscriber, size_bytes: int, queue_id: str | None) -> list[Event]:
    """Delete the oldest mails of the folders the owner chose until the new one fits; an event for each folder.

    No event: nothing was deleted, it would not have been enough. Raises DoveadmDown.
    """
    host, mailbox = subscriber.mail_host, subscriber.mailbox
    room = await doveadm.room(host, mailbox)
    if room.limit_bytes is None:
        return []
    mails: list[Mail] = []
    for folder in subscriber.empty_when_full:
        if folder in FOLDERS:
            mails += await doveadm.oldest(host, mailbox, folder)
    chosen = to_delete(mails, room.used_bytes + size_bytes + OVERHEAD_BYTES - room.limit_bytes)
    events = []
    for folder in dict.fromkeys(mail.folder for mail in chosen):
        gone = [mail for mail in chosen if mail.folder == folder]
        freed = sum(mail.size_bytes for mail in gone)
        await doveadm.expunge(host, mailbox, folder, [mail.uid for mail in gone])
        logger.info(log.line(queue_id, mailbox=mailbox, emptied=folder, mails=len(gone), bytes=freed))
        events.append(
            Event(
                kind=Kind.QUOTA_EMPTIED,
                at=datetime.now(UTC),
                queue_id=queue_id,
                subscriber=mailbox,
                domain=subscriber.domain,
                size_bytes=freed,
                result=folder,
                detail={"mails": len(gone)},
            )
        )
    return events


def _readable(octets: int) -> str:
    size = octets / 1024
    for unit in ("KB", "MB"):
        if size < 1024:
            return f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GB"
