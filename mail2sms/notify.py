"""The job ``notify``: one accepted mail becomes the short messages that its sender or its recipients want (N1, N3).

For each final recipient: his rules (on arrival) and the sender's wish (on sending) are weighed, both together give at
most one message to one number. It may run twice for one mail, after a crash; ``mail2sms.outgoing`` sees to the rest.

Raises DirectoryDown and Redis' connection errors: the worker tries the job again when they are back.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import redis

from caiyou import log, queues
from caiyou.directory.lookup import Directory
from caiyou.directory.model import Subscriber
from caiyou.events import FIELD, STREAM, Event, Kind
from caiyou.msisdn import Msisdn
from caiyou.queues import Notify, from_payload
from caiyou.settings import Settings, current
from mail2sms.compose import compose
from mail2sms.notice import Notices
from mail2sms.outgoing import Outgoing, Payer, Wanted, event_id
from mail2sms.rules import Decision, Why, merge, on_arrival, on_send
from mail2sms.settings import SmsSettings

logger = logging.getLogger("mail2sms.notify")


def run(payload: dict[str, Any]) -> None:
    """The rq job (caiyou.queues.NOTIFY_JOB)."""
    _notifier().notify(from_payload(Notify, payload), datetime.now(UTC))


@cache
def _notifier() -> Notifier:
    return Notifier(current())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sender:
    """The authenticated sender of a mail that asks for SMS. ``asked``: for this mail, not by a standing choice."""

    subscriber: Subscriber
    asked: bool


class Notifier:
    """Weighs mails; keeps its connections to LDAP and Redis."""

    def __init__(self, settings: Settings) -> None:
        sms = settings.table(SmsSettings)
        self._zone = settings.site.timezone
        self._redis: redis.Redis = queues.connect(settings)
        self._directory = Directory(settings)
        self._outgoing = Outgoing(self._redis, sms, self._zone)
        self._notices = Notices(settings, self._redis, sms.notices_per_hour)

    def notify(self, mail: Notify, now: datetime) -> None:
        """Weigh one mail for all its recipients; ``now`` is aware."""
        sender = self._sender(mail)
        wanted: list[Wanted] = []
        without_number: list[str] = []
        for address, mailbox in mail.recipients:
            subscriber = self._directory.subscriber(mailbox) if mailbox else None
            decision = self._weigh(mail, sender, address, subscriber, now)
            if sender is not None and decision.skipped is Why.NO_NUMBER:
                without_number.append(address)
            if decision.skipped not in (None, Why.OFF):
                self._skip(mail, mailbox or address, decision.skipped)
            wanted += self._wanted(mail, sender, mailbox or address, subscriber, decision)
        for one, became in zip(wanted, self._outgoing.put(mail, wanted, now), strict=True):
            logger.info(
                log.line(
                    mail.queue_id,
                    notify=became,
                    to=one.due.number.masked,
                    recipient=one.recipient,
                    why=one.due.why,
                    not_before=one.due.not_before,
                )
            )
        if sender is not None and without_number:
            self._notices.no_number(mail, sender.subscriber, without_number, asked=sender.asked)

    def _sender(self, mail: Notify) -> _Sender | None:
        if not mail.sender:
            return None
        subscriber = self._directory.subscriber(mail.sender)
        if subscriber is None or not (mail.asked or subscriber.notify_on_send):
            return None
        return _Sender(subscriber=subscriber, asked=mail.asked)

    def _weigh(
        self, mail: Notify, sender: _Sender | None, address: str, subscriber: Subscriber | None, now: datetime
    ) -> Decision:
        if subscriber is None and sender is None:
            return Decision(skipped=Why.OFF)
        zone = self._zone_of(subscriber)
        rules = self._directory.rules(subscriber.mailbox) if subscriber is not None else []
        arrival = (
            on_arrival(subscriber, rules, mail, now, zone) if subscriber is not None else Decision(skipped=Why.OFF)
        )
        if sender is None:
            return arrival
        contact = self._contact(sender.subscriber.mailbox, address, subscriber)
        return merge(arrival, on_send(contact, subscriber, rules, now, zone))

    def _contact(self, mailbox: str, address: str, subscriber: Subscriber | None) -> Msisdn | None:
        """The sender's own entry for the address he wrote, or for another address of that recipient."""
        for candidate in dict.fromkeys([address, *(subscriber.addresses if subscriber else ())]):
            number = self._directory.contact_mobile(mailbox, candidate)
            if number is not None:
                return number
        return None

    def _wanted(
        self, mail: Notify, sender: _Sender | None, recipient: str, subscriber: Subscriber | None, decision: Decision
    ) -> list[Wanted]:
        found = []
        for due in decision.due:
            # Who asked for it pays for it.
            payer = sender.subscriber if sender is not None and due.why is Why.ASKED else subscriber
            if payer is None:
                continue
            zone = self._zone_of(subscriber or payer)
            long = payer.long_sms
            found.append(
                Wanted(
                    due=due,
                    recipient=recipient,
                    payer=Payer(
                        subscriber=payer.mailbox,
                        domain=payer.domain,
                        month_fen=payer.sms_month_fen,
                        domain_month_fen=payer.domain_sms_month_fen,
                    ),
                    text=compose(mail, zone=zone, long=long),
                    long=long,
                    zone=zone,
                )
            )
        return found

    def _skip(self, mail: Notify, recipient: str, why: Why) -> None:
        event = Event(
            kind=Kind.NOTIFY_SKIPPED,
            id=f"{event_id(mail, recipient)}-skipped",
            queue_id=mail.queue_id,
            message_id=mail.message_id,
            subscriber=recipient,
            result=why.value,
        )
        self._redis.xadd(STREAM, {FIELD: event.to_json()})
        logger.info(log.line(mail.queue_id, notify="skipped", recipient=recipient, why=why))

    def _zone_of(self, subscriber: Subscriber | None) -> ZoneInfo:
        """His zone, or the site's; what is no zone counts as none."""
        try:
            return ZoneInfo((subscriber.timezone if subscriber else "") or self._zone)
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo(self._zone)
