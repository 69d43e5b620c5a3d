"""The LMTP server (RFC 2033): one protocol object for each connection of Postfix.

Not aiosmtpd: its LMTP sends one reply after DATA whatever the number of recipients and tells the peer of exceptions,
and its line reader and command loop cost as much as the delivery itself. Commands that came in one packet are answered
in one; a message is taken in large pieces and kept as it came.

Postfix sends XFORWARD with IDENT, its queue id (``lmtp_send_xforward_command = yes``); without it the id is taken from
the topmost Received header, which Postfix wrote.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import cast

from caiyou import log
from caiyou.errors import Reply
from lmtp_delivery import delivery
from lmtp_delivery.agent import Agent, Mail
from lmtp_delivery.delivery import Destination
from lmtp_delivery.intake import Intake
from lmtp_delivery.message import Message
from lmtp_delivery.settings import LmtpSettings

logger = logging.getLogger("caiyou.lmtpd")

COMMAND_OCTETS = 4096  # SMTPUTF8 and long paths; Postfix's own limit is 2048 (line_length_limit)
AHEAD_OCTETS = 1 << 16  # sent while others are served: a peer that sends more is not read from meanwhile
BOGUS = 20  # wrong commands until the peer is sent away

_PATH = re.compile(r'(?:FROM|TO):[ ]?<((?:"(?:[^"\\]|\\.)*"|[^"<>\\\s])*)>(?: (.*))?', re.IGNORECASE)
_QUEUE_ID = re.compile(r"(?:^| )IDENT=([0-9A-Za-z]{1,40})(?: |$)", re.IGNORECASE)
_CLIENT = re.compile(r"[0-9A-Za-z.:_\[\]-]{1,255}")

_OK = Reply(250, "2.0.0", "Ok")
_BYE = Reply(221, "2.0.0", "Bye")
_VRFY = Reply(252, "2.5.2", "Send some mail, I will try")
_CLOSING = Reply(421, "4.3.2", "Closing, try again later")
_TIMED_OUT = Reply(421, "4.4.2", "Timed out")
_TOO_LONG = Reply(500, "5.5.2", "Line too long")
_UNKNOWN = Reply(500, "5.5.2", "Command not recognised")
_BAD_PARAMETER = Reply(555, "5.5.4", "Unsupported parameter")
_BAD_SYNTAX = Reply(501, "5.5.4", "Syntax error in parameters")
_BAD_SEQUENCE = Reply(503, "5.5.1", "Bad sequence of commands")
_GO_AHEAD = b"354 Ok\r\n"
_OK_LINE = f"{_OK}\r\n".encode()  # the one that is said most


class Session(asyncio.Protocol):
    """One connection of a peer. What it sent is served in order, by one task at a time."""

    def __init__(self, agent: Agent, settings: LmtpSettings, hostname: str, sessions: set[Session]) -> None:
        self._agent = agent
        self._settings = settings
        self._hostname = hostname
        self._sessions = sessions
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._patience = math.inf  # until when (loop.time()) the peer may be silent
        self._writable = asyncio.Event()
        self._writable.set()
        self._ahead = b""  # received and not yet served
        self._replies: list[bytes] = []  # not yet sent
        self._due = 1  # replies, if what is being served fails
        self._bogus = 0
        self._draining = False
        self._client = ""
        self._delivered: list[str] = []  # keys of the last mail, if the peer was waiting for its replies
        self._commands: dict[bytes, Callable[[str], Awaitable[None] | None]] = {
            b"LHLO": self._lhlo,
            b"XFORWARD": self._xforward,
            b"MAIL": self._mail,
            b"RCPT": self._rcpt,
            b"DATA": self._data,
            b"RSET": self._rset,
            b"NOOP": lambda _: self._say(_OK),
            b"VRFY": lambda _: self._say(_VRFY),
            b"QUIT": lambda _: self._goodbye(_BYE),
        }
        self._forget_mail()

    def _forget_mail(self) -> None:
        self._queue_id: str | None = None
        self._mail_from: str | None = None
        self._destinations: list[Destination] = []
        self._message: Message | None = None
        self._intake: Intake | None = None  # while the message comes in
        self._failure: OSError | None = None  # it could not be kept
        self._due = 1

    # --- From the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, unless there are too many."""
        self._transport = cast("asyncio.Transport", transport)
        if len(self._sessions) >= self._settings.sessions:
            self._goodbye(_CLOSING)
            return
        self._sessions.add(self)
        self._transport.write(f"220 {self._hostname} Caiyou LMTP\r\n".encode())
        self._wait(self._settings.command_s)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Served at once, or after what is being served."""
        self._ahead += data
        if self._task is None:
            self._step()
        elif len(self._ahead) > AHEAD_OCTETS and self._transport is not None:
            self._transport.pause_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """A delivery under way goes to its end all the same."""
        self._sessions.discard(self)
        self._transport = None
        self._writable.set()
        if self._clock is not None:
            self._clock.cancel()
        if self._task is None and self._message is not None:
            self._message.close()

    def pause_writing(self) -> None:
        """The peer does not read its replies."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It does again."""
        self._writable.set()

    def drain(self) -> None:
        """Take no further mail; close now if none is under way."""
        self._draining = True
        if self._mail_from is None and self._task is None:
            self._goodbye(_CLOSING)

    # --- What is received, step by step

    def _step(self) -> None:
        if self._intake is None:
            self._begin(self._serve())
        else:
            self._take(self._intake)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        self._patience = math.inf
        self._task = self._loop.create_task(self._guarded(work))

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        """Do one thing, then look what else came. The one place that catches everything."""
        try:
            await work
        except Exception as error:  # a bug of ours: the peer tries again and learns nothing of it
            logger.error(log.line(self._queue_id, error=type(error).__name__), exc_info=error)
            self._replies += [f"{delivery.INTERNAL}\r\n".encode()] * self._due
            self._drop_mail()
        await self._flush()
        self._task = None
        if self._transport is None or self._transport.is_closing():
            self._drop_mail()
            return
        if self._draining and self._mail_from is None:
            self._transport.close()
            return
        self._transport.resume_reading()
        if b"\n" in self._ahead or (self._ahead and self._intake is not None):
            self._step()
        else:
            self._wait(self._settings.command_s if self._intake is None else self._settings.data_s)

    def _take(self, intake: Intake) -> None:
        """The next piece of the message; where it is too big or cannot be kept, it is read on and nothing is kept."""
        message = self._message
        if message is None:
            return
        piece, rest = intake.feed(self._ahead)
        self._ahead = rest or b""
        full = False
        if self._failure is not None or message.size_bytes > self._settings.message_bytes:
            message.size_bytes += len(piece)
        else:
            full = message.add(piece)
        if message.size_bytes > self._settings.message_bytes:
            message.drop()
            if message.size_bytes > 2 * self._settings.message_bytes:
                self._drop_mail()
                self._goodbye(delivery.TOO_BIG)
                return
        if rest is not None:
            self._intake = None
            self._begin(self._whole(message))
        elif full:
            self._begin(self._keep(message))
        else:
            self._wait(self._settings.data_s)

    async def _keep(self, message: Message) -> None:
        try:
            await message.flush()
        except OSError as error:  # raised at the end of the message: the rest of it must not be taken for commands
            self._failure = error
            message.drop()

    async def _whole(self, message: Message) -> None:
        """The message is there: a reply for each recipient."""
        message.finish()
        keys: list[str] = []
        if self._failure is not None:
            raise self._failure
        if message.size_bytes > self._settings.message_bytes or message.bare_lf:
            refusal = delivery.BARE_LF if message.bare_lf else delivery.TOO_BIG
            logger.info(log.line(self._queue_id, size=message.size_bytes, reply=refusal))
            replies = [refusal] * len(self._destinations)
        else:
            mail = Mail(
                mail_from=self._mail_from or "",
                destinations=self._destinations,
                message=message,
                queue_id=self._queue_id or message.queue_id,
                client=self._client,
                known_to_peer=self._delivered,
            )
            replies, keys = await self._agent.deliver(mail)
        self._delivered = [] if self._ahead else keys
        for reply in replies:
            self._say(reply)
        self._drop_mail()

    async def _serve(self) -> None:
        """Every command that is there."""
        while self._intake is None and self._transport is not None and not self._transport.is_closing():
            line, newline, rest = self._ahead.partition(b"\n")
            if not newline and len(line) <= COMMAND_OCTETS:
                return
            self._ahead = (
                rest if newline else b"\0" * (COMMAND_OCTETS + 1)
            )  # of an endless line only that it is too long
            if not newline:
                return
            verb, _, argument = line.rstrip(b"\r").partition(b" ")
            command = self._commands.get(verb.upper())
            if len(line) > COMMAND_OCTETS or command is None:
                self._bogus += 1
                self._say(_UNKNOWN if len(line) <= COMMAND_OCTETS else _TOO_LONG)
                if self._bogus >= BOGUS:
                    self._goodbye(_CLOSING)
                continue
            # A surrogate is an octet that was not UTF-8.
            waiting = command(argument.strip().decode("utf-8", "surrogateescape"))
            if waiting is not None:
                await waiting
            if len(self._replies) > BOGUS:
                await self._flush()

    # --- Commands

    def _lhlo(self, argument: str) -> None:
        if not _CLIENT.fullmatch(argument):
            self._say(_BAD_SYNTAX)
            return
        self._drop_mail()
        self._client = argument
        features = [
            self._hostname,
            "PIPELINING",
            f"SIZE {self._settings.message_bytes}",
            "ENHANCEDSTATUSCODES",
            "8BITMIME",
            "SMTPUTF8",
            "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE",
        ]
        self._replies += [f"250-{feature}\r\n".encode() for feature in features[:-1]]
        self._replies.append(f"250 {features[-1]}\r\n".encode())

    def _xforward(self, argument: str) -> None:
        """Postfix's queue id (XFORWARD_README); its other attributes are of no use here."""
        if self._mail_from is not None:
            self._say(_BAD_SEQUENCE)
            return
        if match := _QUEUE_ID.search(argument):
            self._queue_id = match[1]
        self._say(_OK)

    def _mail(self, argument: str) -> None:
        match = _PATH.fullmatch(argument)
        if self._draining:
            self._goodbye(_CLOSING)
        elif not self._client or self._mail_from is not None:
            self._say(_BAD_SEQUENCE)
        elif match is None or not match[1].isprintable():
            self._say(_BAD_SYNTAX)
        elif refusal := self._bad_parameter((match[2] or "").upper().split()):
            self._say(refusal)
        else:
            self._mail_from = match[1]
            self._say(_OK)

    def _bad_parameter(self, parameters: list[str]) -> Reply | None:
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name == "SIZE" and value.isdecimal() and len(value) <= 20:
                if int(value) > self._settings.message_bytes:
                    return delivery.TOO_BIG
            elif parameter not in ("SMTPUTF8", "BODY=7BIT", "BODY=8BITMIME"):
                return _BAD_PARAMETER
        return None

    async def _rcpt(self, argument: str) -> None:
        match = _PATH.fullmatch(argument)
        if self._mail_from is None:
            self._say(_BAD_SEQUENCE)
        elif match is None or not match[1]:
            self._say(_BAD_SYNTAX)
        elif match[2]:
            self._say(_BAD_PARAMETER)
        elif len(self._destinations) >= self._settings.recipients:
            self._say(delivery.TOO_MANY)
        else:
            address = match[1]
            found = await self._agent.destination(address) if address.isprintable() else delivery.MALFORMED
            if isinstance(found, Reply):
                await self._agent.refused(self._queue_id, address, found)
                self._say(found)
            else:
                self._destinations.append(found)
                self._say(_OK)

    def _data(self, argument: str) -> None:
        if self._ahead:  # it did not wait for 354, so where its message begins is anyone's guess
            self._goodbye(_BAD_SEQUENCE)
        elif argument or not self._destinations:
            self._say(_BAD_SEQUENCE)
        else:
            self._due = len(self._destinations)
            self._message = Message(self._settings.memory_bytes, self._settings.spool)
            self._intake = Intake()
            self._replies.append(_GO_AHEAD)

    def _rset(self, argument: str) -> None:
        self._drop_mail()
        self._say(_OK)

    # --- Replies and time

    def _say(self, reply: Reply) -> None:
        """It goes out with the next ``_flush``, so that commands sent together are answered together."""
        self._replies.append(_OK_LINE if reply is _OK else f"{reply}\r\n".encode())

    async def _flush(self) -> None:
        if self._transport is not None and self._replies:
            self._transport.write(b"".join(self._replies))
        self._replies.clear()
        if not self._writable.is_set():
            self._wait(self._settings.command_s)
            await self._writable.wait()

    def _goodbye(self, reply: Reply) -> None:
        self._say(reply)
        if self._transport is not None:
            self._transport.write(b"".join(self._replies))
            self._replies.clear()
            self._transport.close()

    def _drop_mail(self) -> None:
        if self._message is not None:
            self._message.close()
        self._forget_mail()

    def _wait(self, patience_s: float) -> None:
        self._patience = self._loop.time() + patience_s

    def _watch(self) -> None:
        """Look at the clock when patience may have run out; setting a timer for each command would cost more."""
        now = self._loop.time()
        if now >= self._patience:
            self._goodbye(_TIMED_OUT)
            if self._transport is not None and not self._writable.is_set():
                self._transport.abort()
            return
        self._clock = self._loop.call_later(min(self._settings.command_s, self._settings.data_s) / 4, self._watch)
