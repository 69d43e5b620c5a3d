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
from typing import cast

from caiyou import log
from caiyou.errors import Reply
from lmtp_delivery.delivery import IN_DOUBT, STORAGE_DOWN, parse_reply
from lmtp_delivery.message import Message
from lmtp_delivery.settings import Endpoint, LmtpSettings

logger = logging.getLogger("caiyou.lmtpd")

MAX_LINES, MAX_LINE = 100, 8192  # of one answer


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


class Link(asyncio.Protocol):
    """One connection to Dovecot's LMTP. Opened with ``open``; ``close`` it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._down = ""
        self._unread = b""
        self._lines: list[bytes] = []  # of the answer that is coming in
        self._answers: list[Answer] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._patience_s = 0.0
        self._clock = self._loop.call_later(0, _nothing)
        self._writable = asyncio.Event()
        self._writable.set()

    @classmethod
    async def open(cls, endpoint: Endpoint, hostname: str, timeout_s: float) -> Link:
        """Connect and greet; raises LinkDown, OSError, TimeoutError."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout_s):
            if endpoint.path:
                _, link = await loop.create_unix_connection(cls, endpoint.path)
            else:
                _, link = await loop.create_connection(cls, endpoint.host, endpoint.port)
        try:
            greeting = await link.answers(1, timeout_s)
            link.write(b"LHLO %s\r\n" % hostname.encode("idna"))
            greeting += await link.answers(1, timeout_s)
            if [answer.code for answer in greeting] != [b"220", b"250"]:
                raise LinkDown(link.why or f"greeted with {[answer.lines for answer in greeting]}")
        except BaseException:
            link.close()
            raise
        return link

    @property
    def why(self) -> str:
        """Why it is down; empty while it is up."""
        return self._down

    @property
    def usable(self) -> bool:
        """Whether the peer neither closed it nor said what nobody asked for."""
        return not self._down and not self._answers and not self._unread

    def write(self, data: bytes) -> None:
        """Send without waiting; nothing once it is down."""
        if self._transport is not None and not self._down:
            self._transport.write(data)

    async def drained(self, timeout_s: float) -> None:
        """Wait until the peer takes more; raises LinkDown, TimeoutError."""
        if not self._writable.is_set():
            async with asyncio.timeout(timeout_s):
                await self._writable.wait()
        if self._down:
            raise LinkDown(self._down)

    async def answers(self, count: int, timeout_s: float) -> list[Answer]:
        """The next ``count`` answers; fewer when the connection fails, or is silent for ``timeout_s`` and dropped."""
        if len(self._answers) < count and not self._down:
            self._wanted, self._patience_s = count, timeout_s
            self._waiter = self._loop.create_future()
            self._restart_clock()
            try:
                await self._waiter
            finally:
                self._waiter = None
                self._clock.cancel()
        taken, self._answers = self._answers[:count], self._answers[count:]
        return taken

    def close(self) -> None:
        """Drop it."""
        self._fail("closed")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """From the event loop."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """From the event loop."""
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._lines.append(line.rstrip(b"\r"))
            if line[3:4] != b"-":
                if line.startswith(b"421"):
                    self._fail(line.decode("utf-8", "replace"))
                    return
                self._answers.append(Answer(line[:3], self._lines))
                self._lines = []
        if len(self._unread) > MAX_LINE or len(self._lines) > MAX_LINES:
            self._fail("endless answer")
        elif self._waiter is not None and not self._waiter.done():
            if len(self._answers) >= self._wanted:
                self._waiter.set_result(None)
            else:
                self._restart_clock()

    def connection_lost(self, error: Exception | None) -> None:
        """From the event loop."""
        self._fail(str(error or "closed by Dovecot"))

    def pause_writing(self) -> None:
        """From the event loop."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """From the event loop."""
        self._writable.set()

    def _restart_clock(self) -> None:
        self._clock.cancel()
        self._clock = self._loop.call_later(self._patience_s, self._fail, f"silent for {self._patience_s:.0f} s")

    def _fail(self, why: str) -> None:
        if self._down:
            return
        self._down = why
        self._writable.set()
        if self._transport is not None:
            self._transport.abort()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


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
        if self._slots.locked():
            try:
                async with asyncio.timeout(self._settings.reply_s):
                    await self._slots.acquire()
            except TimeoutError:
                self._warn("every connection is busy")
                return [STORAGE_DOWN] * len(envelope.mailboxes)
        else:
            await self._slots.acquire()  # at once
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
                last_piece = await self._send_message(link, envelope)
                outcomes, clean = await self._outcomes(link, last_piece, accepted)
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
        link = await Link.open(self.endpoint, self._hostname, self._settings.connect_s)
        return link, await self._offer(link, commands, len(envelope.mailboxes))

    async def _offer(self, link: Link, commands: bytes, count: int) -> list[Reply | None]:
        try:
            link.write(commands)
            answers = await link.answers(count + 2, self._settings.reply_s)
            if len(answers) < count + 2:
                raise LinkDown(link.why)
            mail, *recipients, data = answers
            if mail.code != b"250":
                return [mail.reply] * count
            if data.code != b"354" and any(answer.code == b"250" for answer in recipients):
                return [data.reply] * count
            return [None if answer.code == b"250" else answer.reply for answer in recipients]
        except BaseException:
            link.close()
            raise

    async def _send_message(self, link: Link, envelope: Envelope) -> bytes:
        """All but the last piece, which is returned: it goes with the final dot in one write."""
        held = envelope.trace
        async for piece in envelope.message.pieces():
            if held:
                link.write(held)
                await link.drained(self._settings.reply_s)
            held = piece
        return held

    async def _outcomes(self, link: Link, last_piece: bytes, count: int) -> tuple[list[Reply], bool]:
        """End the message. From here on a missing answer means doubt."""
        link.write(last_piece + b".\r\n")
        answers = await link.answers(count, self._settings.delivery_s)
        if len(answers) < count:
            self._warn(f"no answer after the message: {link.why}")
        try:
            replies = [answer.reply for answer in answers]
        except LinkDown as error:
            self._warn(error)
            return [IN_DOUBT] * count, False
        return replies + [IN_DOUBT] * (count - len(replies)), len(replies) == count

    def _warn(self, why: object) -> None:
        logger.warning(log.line(None, storage=self.endpoint, why=why))


def _nothing() -> None: ...


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
