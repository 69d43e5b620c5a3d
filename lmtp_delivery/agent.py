"""One mail through the agent: recipients looked up, handed to Dovecot, outcomes recorded, then told to the peer."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from caiyou import log
from caiyou.directory.model import Subscriber
from caiyou.errors import DirectoryDown, Reply
from caiyou.events import Event, Kind
from caiyou.settings import Settings
from lmtp_delivery import delivery, quota
from lmtp_delivery.delivery import Destination
from lmtp_delivery.doveadm import Doveadm, DoveadmDown
from lmtp_delivery.dovecot import Envelope, Stores
from lmtp_delivery.journal import Begun, Journal, Standing, Usage
from lmtp_delivery.lookup import Lookup
from lmtp_delivery.message import Message
from lmtp_delivery.settings import LmtpSettings

logger = logging.getLogger("caiyou.lmtpd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One transaction as the peer gave it. ``queue_id`` None: not Postfix, so nothing tells its mails apart."""

    mail_from: str
    destinations: Sequence[Destination]
    message: Message
    queue_id: str | None
    client: str  # its name in LHLO
    known_to_peer: Sequence[str] = ()  # keys of earlier deliveries that the peer has shown to know of


@dataclass(slots=True, kw_only=True)
class _Attempt:
    """One mailbox of one mail."""

    subscriber: Subscriber
    key: str | None
    begun: Begun = field(default_factory=Begun)
    started: float = field(default_factory=time.time)
    usage: Usage = field(default_factory=Usage)
    reply: Reply | None = None  # for the peer; None while it is open
    repeated: bool = False  # settled by an earlier attempt, and recorded by it

    @property
    def is_open(self) -> bool:
        return self.reply is None


class Agent:
    """Everything one worker process shares. ``start`` it, ``close`` it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.table(LmtpSettings)
        self._hostname = settings.site.hostname
        self._postmaster = settings.site.postmaster
        self._lookup = Lookup(settings)
        self._journal = Journal(settings, self._settings.remember_s)
        self._stores = Stores(self._settings, self._hostname)
        self._doveadm = Doveadm(self._settings)
        self._emptying: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()
        self._warnings: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to serve."""
        await self._lookup.start()
        await self._journal.start()

    async def close(self) -> None:
        """Finish what is under way and close."""
        await asyncio.gather(*self._warnings, return_exceptions=True)
        self._stores.close()
        await self._doveadm.close()
        await self._journal.close()
        await self._lookup.close()

    async def destination(self, address: str, mail_from: str) -> Destination | Reply:
        """The mailbox that a recipient means, or why it gets nothing."""
        try:
            subscriber, resolution = await self._lookup.find(address)
        except DirectoryDown as error:
            logger.warning(log.line(None, directory="down", why=error))
            return delivery.DIRECTORY_DOWN
        return delivery.decide(address, subscriber, resolution, mail_from)

    async def refused(self, queue_id: str | None, address: str, reply: Reply) -> None:
        """Record a recipient that was refused before the message came."""
        logger.info(log.line(queue_id, to=address, status=_status(reply), reply=reply))
        event = Event(kind=_kind(reply), queue_id=queue_id, result=str(reply), detail={"to": address})
        await self._journal.finish([], [event])

    async def deliver(self, mail: Mail) -> tuple[list[Reply], list[str]]:
        """One reply per destination, each recorded; and the keys of what was delivered, see ``Mail.known_to_peer``."""
        attempts: dict[str, _Attempt] = {}
        for destination in mail.destinations:
            if destination.mailbox not in attempts:
                key = mail.message.key(mail.queue_id, destination.mailbox) if mail.queue_id else None
                attempts[destination.mailbox] = _Attempt(subscriber=destination.subscriber, key=key)
        await self._begin(mail, list(attempts.values()))
        events: list[Event] = []
        try:
            await self._settle_doubt(mail, list(attempts.values()))
            await self._send(mail, [a for a in attempts.values() if a.is_open])
            for attempt in attempts.values():
                if attempt.reply and delivery.is_full(attempt.reply) and attempt.subscriber.empty_when_full:
                    events += await self._send_after_emptying(mail, attempt)
        finally:
            for attempt in attempts.values():
                if attempt.is_open:  # our own bug, or the process ends: Dovecot may have it or not
                    attempt.reply = delivery.IN_DOUBT
            await self._record(mail, list(attempts.values()), events)
        self._warn_owners(mail, list(attempts.values()))
        replies = {mailbox: delivery.for_peer(a.reply) for mailbox, a in attempts.items() if a.reply}
        delivered = [a.key for a in attempts.values() if a.key and a.reply and a.reply.code == 250]
        return [replies[destination.mailbox] for destination in mail.destinations], delivered

    async def _begin(self, mail: Mail, attempts: Sequence[_Attempt]) -> None:
        keyed = [a for a in attempts if a.key]
        limited = [a for a in attempts if quota.level_bytes(a.subscriber) is not None]
        begun, usage = await self._journal.begin(
            [a.key for a in keyed if a.key],
            [a.subscriber.mailbox for a in limited],
            mail.known_to_peer,
            lambda: mail.message.received_at,
        )
        for attempt, standing in zip(keyed, begun, strict=True):
            attempt.begun = standing
        for attempt, used in zip(limited, usage, strict=True):
            attempt.usage = used

    async def _settle_doubt(self, mail: Mail, attempts: Sequence[_Attempt]) -> None:
        """What earlier attempts left open."""
        for attempt in attempts:
            standing = attempt.begun.standing
            if standing is Standing.DONE:
                attempt.reply, attempt.repeated = attempt.begun.reply, True
            elif standing is Standing.UNDER_WAY:
                attempt.reply, attempt.repeated = delivery.UNDER_WAY, True
            elif standing is Standing.IN_DOUBT and mail.queue_id:
                subscriber = attempt.subscriber
                try:
                    found = await self._doveadm.holds(
                        subscriber.mail_host,
                        subscriber.mailbox,
                        mail.queue_id,
                        mail.message.message_id,
                        attempt.begun.since - 120,  # the store's clock may differ
                    )
                except DoveadmDown as error:
                    logger.warning(log.line(mail.queue_id, doveadm="down", why=error))
                    attempt.reply = delivery.IN_DOUBT
                else:
                    if found:
                        attempt.reply = Reply(250, "2.0.0", f"<{subscriber.mailbox}> Saved by an earlier attempt")

    async def _send(self, mail: Mail, attempts: Sequence[_Attempt]) -> None:
        """One transaction per storage host."""
        by_host: dict[str, list[_Attempt]] = {}
        for attempt in attempts:
            by_host.setdefault(attempt.subscriber.mail_host, []).append(attempt)
        sender, trace = self._sender(mail)

        async def send(host: str, group: Sequence[_Attempt]) -> None:
            mailboxes = [attempt.subscriber.mailbox for attempt in group]
            envelope = Envelope(mail_from=sender, mailboxes=mailboxes, message=mail.message, trace=trace)
            for attempt, reply in zip(group, await self._stores.of(host).deliver(envelope), strict=True):
                attempt.reply = reply

        if len(by_host) == 1:
            await send(*next(iter(by_host.items())))
        else:
            await asyncio.gather(*(send(host, group) for host, group in by_host.items()))

    def _sender(self, mail: Mail) -> tuple[str, bytes]:
        """The envelope sender for Dovecot, and the trace header that keeps a Chinese one (RFC 6531 3.7.3).

        Dovecot 2.3 takes such a sender but stores ``Return-Path: <>``; so that is what it is told.
        """
        sender = delivery.ascii_sender(mail.mail_from)
        if sender is not None:
            return sender, b""
        return "", (
            f"Received: from {mail.client}\r\n\tby {self._hostname} (Caiyou) with UTF8LMTP"
            + (f" id {mail.queue_id}" if mail.queue_id else "")
            + f"\r\n\t(envelope-from <{mail.mail_from}>); {format_datetime(datetime.now(UTC))}\r\n"
        ).encode()

    async def _send_after_emptying(self, mail: Mail, attempt: _Attempt) -> list[Event]:
        mailbox = attempt.subscriber.mailbox
        lock = self._emptying.setdefault(mailbox, asyncio.Lock())  # kept for as long as somebody holds or awaits it
        async with lock:
            try:
                events = await quota.make_room(
                    self._doveadm, attempt.subscriber, mail.message.size_bytes, mail.queue_id
                )
            except DoveadmDown as error:
                logger.warning(log.line(mail.queue_id, doveadm="down", why=error))
                return []
            if events:
                attempt.usage = Usage()  # no longer true
                attempt.reply = None
                await self._send(mail, [attempt])
        return events

    async def _record(self, mail: Mail, attempts: Sequence[_Attempt], events: list[Event]) -> None:
        outcomes = []
        for attempt in attempts:
            reply = attempt.reply or delivery.IN_DOUBT
            logger.info(
                log.line(
                    mail.queue_id,
                    to=attempt.subscriber.mailbox,
                    store=attempt.subscriber.mail_host or None,
                    size=mail.message.size_bytes,
                    status=_status(reply),
                    reply=reply,
                )
            )
            if attempt.repeated:
                continue
            # The first attempt's time: a mail that it stored is searched for from then on.
            doubt_since = (attempt.begun.since or attempt.started) if reply is delivery.IN_DOUBT else 0.0
            outcomes.append((attempt.key, reply, doubt_since))
            events.append(_event(mail, attempt, reply))
        await self._journal.finish(outcomes, events)

    def _warn_owners(self, mail: Mail, attempts: Sequence[_Attempt]) -> None:
        for attempt in attempts:
            used, level = attempt.usage.used_bytes, quota.level_bytes(attempt.subscriber)
            if used is None or level is None or attempt.reply is None or attempt.reply.code != 250:
                continue
            used += mail.message.size_bytes
            if (used >= level) is attempt.usage.warned:
                continue
            if used >= level:
                step = self._warn(attempt.subscriber, used)
            else:
                step = self._journal.set_warned(attempt.subscriber.mailbox, False)
            task = asyncio.create_task(step)
            self._warnings.add(task)
            task.add_done_callback(functools.partial(_end, self._warnings))

    async def _warn(self, subscriber: Subscriber, used_bytes: int) -> None:
        if not await self._journal.claim_warning(subscriber.mailbox):
            return
        now = datetime.now(UTC)
        message = Message(self._settings.memory_bytes, self._settings.spool)
        await message.add(quota.warning(subscriber, used_bytes, self._postmaster, self._hostname, now))
        envelope = Envelope(mail_from="", mailboxes=[subscriber.mailbox], message=message)
        [reply] = await self._stores.of(subscriber.mail_host).deliver(envelope)
        logger.info(log.line(None, to=subscriber.mailbox, quota="warned", used=used_bytes, reply=reply))
        if 400 <= reply.code <= 499:
            return  # the claim lapses, the next delivery tries again
        await self._journal.set_warned(subscriber.mailbox, True)
        event = Event(
            kind=Kind.QUOTA_WARNED,
            at=now,
            subscriber=subscriber.mailbox,
            domain=subscriber.domain,
            size_bytes=used_bytes,
            result=str(reply),
        )
        await self._journal.finish([], [event])


def _event(mail: Mail, attempt: _Attempt, reply: Reply) -> Event:
    kind = _kind(reply)
    # Recorded again after a crash in between, a delivery is the same fact; each deferral is one of its own.
    known: dict[str, Any] = {"id": attempt.key} if kind is Kind.MAIL_DELIVERED and attempt.key else {}
    return Event(
        kind=kind,
        queue_id=mail.queue_id,
        message_id=mail.message.message_id,
        subscriber=attempt.subscriber.mailbox,
        domain=attempt.subscriber.domain,
        size_bytes=mail.message.size_bytes,
        result=str(reply),
        **known,
    )


def _kind(reply: Reply) -> Kind:
    if reply.code < 400:
        return Kind.MAIL_DELIVERED
    return Kind.MAIL_DEFERRED if reply.code < 500 else Kind.MAIL_BOUNCED


def _status(reply: Reply) -> str:
    return _kind(reply).value.removeprefix("mail.")


def _end(tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
    tasks.discard(task)
    if not task.cancelled() and (error := task.exception()):
        logger.error(log.line(None, task="warning"), exc_info=error)
