"""LMTP to Dovecot (RFC 2033): a pool of open connections for each storage host.

MAIL, every RCPT and DATA go in one write; a connection that Dovecot closed meanwhile is noticed by then and replaced
once, before any of the message was sent. A recipient's outcome is Dovecot's reply, or a temporary one of ours: not sent
(the message did not go out whole, so Dovecot dropped it) or in doubt (it did, and no answer came).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from caiyou import log
from caiyou.errors import Reply
from lmtp_delivery.delivery import IN_DOUBT, STORAGE_DOWN, parse_reply
from lmtp_delivery.message import Message
from lmtp_delivery.settings import Endpoint, LmtpSettings

logger = logging.getLogger("caiyou.lmtpd")

MAX_REPLY_LINES = 100


class LinkDown(Exception):
    """The connection failed, or the peer does not speak LMTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One transaction. ``mail_from`` and ``mailboxes`` are ASCII; ``trace`` is header text put before the message."""

    mail_from: str
    mailboxes: Sequence[str]
    message: Message
    trace: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Dovecot said to one command."""

    code: bytes
    lines: list[bytes]

    @property
    def reply(self) -> Reply:
        """As a recipient's reply; raises LinkDown on what is none."""
        try:
            return parse_reply(self.lines)
        except ValueError as error:
            raise LinkDown(str(error)) from None


class Link:
    """One connection to Dovecot's LMTP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, endpoint: Endpoint, hostname: str) -> Link:
        """Connect and greet; raises LinkDown, OSError."""
        if endpoint.path:
            streams = await asyncio.open_unix_connection(endpoint.path)
        else:
            streams = await asyncio.open_connection(endpoint.host, endpoint.port)
        link = cls(*streams)
        try:
            greeting = await link.answer()
            link.write(b"LHLO %s\r\n" % hostname.encode("idna"))
            hello = await link.answer()
            if greeting.code != b"220" or hello.code != b"250":
                raise LinkDown(f"greeted with {greeting.lines}, {hello.lines}")
        except BaseException:
            link.close()
            raise
        return link

    @property
    def usable(self) -> bool:
        """Whether the peer has not closed it."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    def write(self, data: bytes) -> None:
        """Send without waiting."""
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait until the peer takes more; raises OSError."""
        await self._writer.drain()

    async def answer(self) -> Answer:
        """The next answer; raises LinkDown."""
        lines: list[bytes] = []
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
                raise LinkDown(str(error)) from None
            line = line.rstrip(b"\r\n")
            lines.append(line)
            if line[3:4] != b"-":
                break
            if len(lines) > MAX_REPLY_LINES:
                raise LinkDown("endless reply")
        if line.startswith(b"421"):
            raise LinkDown(line.decode("utf-8", "replace"))
        return Answer(line[:3], lines)

    def close(self) -> None:
        """Drop it."""
        self._writer.close()


class Store:
    """One storage host: its open connections and what goes over them."""

    def __init__(self, endpoint: Endpoint, settings: LmtpSettings, hostname: str) -> None:
        self.endpoint = endpoint
        self._settings = settings
        self._hostname = hostname
        self._idle: deque[Link] = deque()
        self._slots = asyncio.Semaphore(settings.pool)

    async def deliver(self, envelope: Envelope) -> list[Reply]:
        """One reply per mailbox, in order; raises nothing when Dovecot misbehaves."""
        try:
            async with asyncio.timeout(self._settings.reply_s):
                await self._slots.acquire()
        except TimeoutError:
            self._warn("every connection is busy")
            return [STORAGE_DOWN] * len(envelope.mailboxes)
        try:
            return await self._deliver(envelope)
        except (LinkDown, OSError, TimeoutError) as error:
            self._warn(error or "timed out")
            return [STORAGE_DOWN] * len(envelope.mailboxes)
        finally:
            self._slots.release()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    async def _deliver(self, envelope: Envelope) -> list[Reply]:
        link, refusals = await self._begin(envelope)
        clean = False
        try:
            accepted = refusals.count(None)
            outcomes: list[Reply] = []
            if accepted:
                await self._send_message(link, envelope)
                outcomes, clean = await self._outcomes(link, accepted)
        finally:
            if clean and link.usable:
                self._idle.append(link)
            else:
                link.close()
        waiting = iter(outcomes)
        return [refusal or next(waiting) for refusal in refusals]

    async def _begin(self, envelope: Envelope) -> tuple[Link, list[Reply | None]]:
        """Send the envelope over an idle connection, or a new one; for each mailbox why it is refused, None if not."""
        commands = b"MAIL FROM:<%s>\r\n%sDATA\r\n" % (
            envelope.mail_from.encode("ascii"),
            b"".join(b"RCPT TO:<%s>\r\n" % mailbox.encode("ascii") for mailbox in envelope.mailboxes),
        )
        while self._idle:
            link = self._idle.pop()
            if link.usable:
                try:
                    return link, await self._offer(link, commands, len(envelope.mailboxes))
                except (LinkDown, OSError) as error:
                    link.close()
                    logger.info(log.line(None, storage=self.endpoint, pooled="stale", why=error))
                    break
            link.close()
        async with asyncio.timeout(self._settings.connect_s):
            link = await Link.open(self.endpoint, self._hostname)
        return link, await self._offer(link, commands, len(envelope.mailboxes))

    async def _offer(self, link: Link, commands: bytes, count: int) -> list[Reply | None]:
        try:
            async with asyncio.timeout(self._settings.reply_s):
                link.write(commands)
                mail = await link.answer()
                recipients = [await link.answer() for _ in range(count)]
                data = await link.answer()
            if mail.code != b"250":
                return [mail.reply] * count
            if data.code != b"354" and any(answer.code == b"250" for answer in recipients):
                return [data.reply] * count
            return [None if answer.code == b"250" else answer.reply for answer in recipients]
        except BaseException:
            link.close()
            raise

    async def _send_message(self, link: Link, envelope: Envelope) -> None:
        if envelope.trace:
            link.write(envelope.trace)
        async for piece in envelope.message.pieces():
            link.write(piece)
            async with asyncio.timeout(self._settings.reply_s):
                await link.drain()

    async def _outcomes(self, link: Link, count: int) -> tuple[list[Reply], bool]:
        """End the message. From here on a missing reply means doubt."""
        replies: list[Reply] = []
        try:
            link.write(b".\r\n")
            for _ in range(count):
                async with asyncio.timeout(self._settings.delivery_s):
                    replies.append((await link.answer()).reply)
        except (LinkDown, OSError, TimeoutError) as error:
            self._warn(f"no answer after the message: {error or 'timed out'}")
            return replies + [IN_DOUBT] * (count - len(replies)), False
        return replies, True

    def _warn(self, why: object) -> None:
        logger.warning(log.line(None, storage=self.endpoint, why=why))


class Stores:
    """Every storage host by the subscriber's ``mailHost``."""

    def __init__(self, settings: LmtpSettings, hostname: str) -> None:
        self._settings = settings
        self._hostname = hostname
        self._stores: dict[str, Store] = {}

    def of(self, mail_host: str) -> Store:
        """The storage host of a subscriber."""
        store = self._stores.get(mail_host)
        if store is None:
            if mail_host:
                endpoint = Endpoint(host=mail_host, port=self._settings.dovecot_port)
            else:
                endpoint = Endpoint.parse(self._settings.dovecot)
            store = self._stores[mail_host] = Store(endpoint, self._settings, self._hostname)
        return store

    def close(self) -> None:
        """Close every idle connection."""
        for store in self._stores.values():
            store.close()
