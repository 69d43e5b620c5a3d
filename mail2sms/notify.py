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
from caiyou.directory.lookup import Directory, People
from caiyou.directory.model import Rule, Subscriber
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
    _notifier().notify([from_payload(Notify, payload)], datetime.now(UTC))


def run_many(payloads: list[dict[str, Any]]) -> None:
    """Several of them together."""
    _notifier().notify([from_payload(Notify, payload) for payload in payloads], datetime.now(UTC))


@cache
def _notifier() -> Notifier:
    return Notifier(current())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sender:
    """The authenticated sender of a mail that asks for SMS. ``asked``: for this mail, not by a standing choice."""

    subscriber: Subscriber
    asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    """What one mail brings. ``without_number``: recipients whom the sender wanted told."""

    mail: Notify
    sender: _Sender | None
    wanted: list[Wanted]
    without_number: list[str]


class Notifier:
    """Weighs mails; keeps its connections to LDAP and Redis."""

    def __init__(self, settings: Settings) -> None:
        sms = settings.table(SmsSettings)
        self._zone = settings.site.timezone
        self._redis: redis.Redis = queues.connect(settings)
        self._directory = Directory(settings)
        self._outgoing = Outgoing(self._redis, sms, self._zone)
        self._notices = Notices(settings, self._redis, sms.notices_per_hour)

    def notify(self, mails: list[Notify], now: datetime) -> None:
        """Weigh mails, each for all its recipients; ``now`` is aware. Several share their searches and their script."""
        who = self._who(mails)
        weighed = [self._weighed(mail, who, now) for mail in mails]
        became = self._outgoing.put([(one.mail, one.wanted) for one in weighed], now)
        for one, outcomes in zip(weighed, became, strict=True):
            for wanted, outcome in zip(one.wanted, outcomes, strict=True):
                logger.info(
                    log.line(
                        one.mail.queue_id,
                        notify=outcome,
                        to=wanted.due.number.masked,
                        recipient=wanted.recipient,
                        why=wanted.due.why,
                        not_before=wanted.due.not_before,
                    )
                )
            if one.sender is not None and one.without_number:
                sender = one.sender
                self._notices.no_number(one.mail, sender.subscriber, one.without_number, asked=sender.asked)

    def _who(self, mails: list[Notify]) -> People | None:
        """What the directory says of all their mailboxes; None for a single one: it is asked as it comes."""
        names = {name for mail in mails for name in (mail.sender, *(mailbox for _, mailbox in mail.recipients)) if name}
        return self._directory.people(names) if len(names) > 1 else None

    def _weighed(self, mail: Notify, who: People | None, now: datetime) -> _Weighed:
        sender = self._sender(mail, who)
        wanted: list[Wanted] = []
        without_number: list[str] = []
        for address, mailbox in mail.recipients:
            subscriber = self._subscriber(mailbox, who)
            decision = self._weigh(mail, sender, address, subscriber, who, now)
            if sender is not None and decision.skipped is Why.NO_NUMBER:
                without_number.append(address)
            if decision.skipped not in (None, Why.OFF):
                self._skip(mail, mailbox or address, decision.skipped)
            wanted += self._wanted(mail, sender, mailbox or address, subscriber, decision)
        return _Weighed(mail=mail, sender=sender, wanted=wanted, without_number=without_number)

    def _subscriber(self, mailbox: str, who: People | None) -> Subscriber | None:
        if not mailbox:
            return None
        known = who.subscribers.get(mailbox) if who is not None else None
        return known or self._directory.subscriber(mailbox)

    def _rules(self, mailbox: str, who: People | None) -> list[Rule]:
        known = who.rules.get(mailbox) if who is not None else None
        return self._directory.rules(mailbox) if known is None else known

    def _sender(self, mail: Notify, who: People | None) -> _Sender | None:
        subscriber = self._subscriber(mail.sender or "", who)
        if subscriber is None or not (mail.asked or subscriber.notify_on_send):
            return None
        return _Sender(subscriber=subscriber, asked=mail.asked)

    def _weigh(
        self,
        mail: Notify,
        sender: _Sender | None,
        address: str,
        subscriber: Subscriber | None,
        who: People | None,
        now: datetime,
    ) -> Decision:
        if subscriber is None and sender is None:
            return Decision(skipped=Why.OFF)
        zone = self._zone_of(subscriber)
        rules = self._rules(subscriber.mailbox, who) if subscriber is not None else []
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
