"""The mail that tells a sender that no SMS went since there is no number (N1).

It goes out with the null sender and ``Auto-Submitted``, so nothing answers it; at most once for one message, and no
more than ``sms.notices_per_hour`` to one sender. A standing choice tells once a day for each recipient, since most
people have no number and nobody wants a notice for each mail he writes.
"""

from __future__ import annotations

import logging
import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime, make_msgid
from hashlib import sha256

import redis

from caiyou import log
from caiyou.directory.model import Subscriber
from caiyou.errors import Reply, TempFail
from caiyou.queues import DEDUP_S, Notify
from caiyou.settings import Settings

logger = logging.getLogger("mail2sms.notice")

TIMEOUT_S = 10.0
LISTED = 20  # recipients named in one notice


class Notices:
    """Writes notices; ``per_hour`` to one sender at most."""

    def __init__(self, settings: Settings, connection: redis.Redis, per_hour: int) -> None:
        self._site = settings.site
        self._redis = connection
        self._per_hour = per_hour

    def no_number(self, mail: Notify, sender: Subscriber, recipients: list[str], *, asked: bool) -> None:
        """Tell the sender about recipients without a number. Raises TempFail when the mail cannot be handed over."""
        claims = self._claim(mail, sender, recipients, asked)
        if not claims:
            return
        told = [recipient for recipient in recipients if recipient in claims]
        try:
            self._send(_notice(self._site.postmaster, self._site.hostname, sender, mail, told), sender.mailbox)
        except (OSError, smtplib.SMTPException) as error:
            if _is_for_good(error):
                logger.warning(log.line(mail.queue_id, notice="refused", to=sender.mailbox, why=error))
                return
            self._redis.delete(*claims.values())
            raise TempFail(Reply(451, "4.3.0", f"{self._site.smtp} does not take a notice: {error!r:.200}")) from error
        logger.info(log.line(mail.queue_id, notice="no number", to=sender.mailbox, recipients=len(told)))

    def _claim(self, mail: Notify, sender: Subscriber, recipients: list[str], asked: bool) -> dict[str, str]:
        """Recipients to tell about, each with the key that keeps it from being told twice; claimed before sending."""
        claims = {}
        for recipient in recipients:
            about = mail.message_id if asked else "standing"
            digest = sha256("\0".join((sender.mailbox, recipient, about)).encode("utf-8", "replace")).hexdigest()
            key = f"notice:{digest[:32]}"
            if self._redis.set(key, mail.queue_id, nx=True, ex=DEDUP_S):
                claims[recipient] = key
        if claims and not self._within_limit(sender.mailbox):
            logger.info(log.line(mail.queue_id, notice="withheld", to=sender.mailbox, why="too many this hour"))
            return {}
        return claims

    def _within_limit(self, mailbox: str) -> bool:
        key = f"notices:{mailbox}:{datetime.now(UTC):%Y%m%d%H}"
        with self._redis.pipeline() as pipe:
            pipe.incr(key)
            pipe.expire(key, 7200)
            count, _ = pipe.execute()
        return int(count) <= self._per_hour

    def _send(self, notice: EmailMessage, to: str) -> None:
        host, _, port = self._site.smtp.rpartition(":")
        with smtplib.SMTP(host.strip("[]"), int(port), local_hostname=self._site.hostname, timeout=TIMEOUT_S) as smtp:
            smtp.send_message(notice, from_addr="", to_addrs=[to])


def _is_for_good(error: Exception) -> bool:
    """Whether trying again is no use: every reply is a 5yz."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500


def _notice(postmaster: str, hostname: str, sender: Subscriber, mail: Notify, recipients: list[str]) -> EmailMessage:
    shown = "\n".join(f"  {recipient}" for recipient in recipients[:LISTED])
    if len(recipients) > LISTED:
        shown += f"\n  … {len(recipients) - LISTED}"
    notice = EmailMessage(policy=SMTPUTF8)
    notice["From"] = postmaster
    notice["To"] = sender.mailbox
    notice["Subject"] = "短信未发出：没有收件人的手机号码 / No SMS sent: no mobile number"
    notice["Date"] = format_datetime(datetime.now(UTC))
    notice["Message-ID"] = make_msgid(domain=hostname)
    notice["Auto-Submitted"] = "auto-replied"
    notice["Precedence"] = "bulk"
    if mail.message_id.startswith("<") and mail.message_id.isascii() and mail.message_id.isprintable():
        notice["In-Reply-To"] = notice["References"] = mail.message_id
    subject = mail.subject.encode("utf-8", "replace").decode()
    notice.set_content(
        f"您的邮件“{subject}”已经发出，但没有给下列收件人发短信，因为没有他们的手机号码：\n\n{shown}\n\n"
        "请在通讯录中为收件人填写手机号码。\n\n"
        f'Your mail "{subject}" was sent, but no SMS went to the recipients above, since there is no mobile\n'
        "number for them. Please add the number to your address book.\n",
        charset="utf-8",
        cte="base64",
    )
    return notice
