"""The LMTP server (RFC 2033) on aiosmtpd's connection loop.

Ours are the commands of a transaction, since aiosmtpd 1.4.6 sends one reply after DATA whatever the number of
recipients, tells the peer of exceptions, and reads a message line by line. Here a message is read in large pieces up to
CR LF . CR LF and kept as it came.

Postfix sends XFORWARD with IDENT, its queue id (``lmtp_send_xforward_command = yes``); without it the id is taken from
the topmost Received header, which Postfix wrote.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress

from aiosmtpd.lmtp import LMTP

from caiyou import log
from caiyou.errors import Reply
from lmtp_delivery import delivery
from lmtp_delivery.agent import Agent, Mail
from lmtp_delivery.delivery import Destination
from lmtp_delivery.message import Message
from lmtp_delivery.settings import LmtpSettings

logger = logging.getLogger("caiyou.lmtpd")
logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd tells of every command

COMMAND_OCTETS = 4096  # SMTPUTF8 and long paths; Postfix's own limit is 2048 (line_length_limit)
COMMANDS = (b"LHLO", b"XFORWARD", b"MAIL", b"RCPT", b"DATA", b"RSET", b"NOOP", b"VRFY", b"QUIT")
BOGUS = 20  # wrong commands until the peer is sent away
END = b"\r\n.\r\n"

_PATH = re.compile(r'(?:FROM|TO):[ ]?<((?:"(?:[^"\\]|\\.)*"|[^"<>\\\s])*)>(?: (.*))?', re.IGNORECASE)
_QUEUE_ID = re.compile(r"(?:^| )IDENT=([0-9A-Za-z]{1,40})(?: |$)", re.IGNORECASE)

_CLIENT = re.compile(r"[0-9A-Za-z.:_\[\]-]{1,255}")

_OK = b"250 2.0.0 Ok\r\n"
_CLOSING = b"421 4.3.2 Closing, try again\r\n"
_TOO_LONG = Reply(500, "5.5.2", "Line too long")
_UNKNOWN = Reply(500, "5.5.2", "Command not recognised")
_BAD_PARAMETER = Reply(555, "5.5.4", "Unsupported parameter")
_BAD_SYNTAX = Reply(501, "5.5.4", "Syntax error in parameters")
_BAD_SEQUENCE = Reply(503, "5.5.1", "Bad sequence of commands")


class Session(LMTP):
    """One connection of a peer."""

    command_size_limit = COMMAND_OCTETS
    line_length_limit = 1 << 16  # aiosmtpd makes this the reader's limit: the largest piece of a message

    def __init__(self, agent: Agent, settings: LmtpSettings, hostname: str, sessions: set[Session]) -> None:
        super().__init__(
            None,
            data_size_limit=settings.message_bytes,
            enable_SMTPUTF8=True,
            hostname=hostname,
            ident="Caiyou LMTP",
            timeout=settings.command_s,
            loop=asyncio.get_running_loop(),
        )
        self._agent = agent
        self._settings = settings
        self._sessions = sessions
        self._commands = {name: self._smtp_methods[name.decode("ascii")] for name in COMMANDS}
        self._replies: list[bytes] = []
        self._draining = False
        self._replies_due = 1
        self._delivered: list[str] = []  # keys of the last mail, if the peer was waiting for its replies
        self._client = ""
        self._queue_id: str | None = None
        self._mail_from: str | None = None
        self._destinations: list[Destination] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._sessions.discard(self)
        super().connection_lost(error)

    def drain(self) -> None:
        """Take no further mail; close now if none is under way."""
        self._draining = True
        if self._mail_from is None:
            self._goodbye(_CLOSING)

    async def push(self, status: str | bytes) -> None:
        """Reply; it goes out with the next ``_flush``, so that commands sent together are answered together."""
        self._replies.append(status.encode() + b"\r\n" if isinstance(status, str) else status)

    async def _flush(self) -> None:
        self._writer.write(b"".join(self._replies))
        self._replies.clear()
        await self._writer.drain()

    async def _handle_client(self) -> None:
        """Serve until one side goes; aiosmtpd makes it a task, and cancels that when the peer goes."""
        try:
            with suppress(ConnectionError):
                await self._serve()
        finally:
            self._writer.close()

    async def _serve(self) -> None:
        """Commands and replies. The one place that catches everything."""
        if self._draining or len(self._sessions) > self._settings.sessions:
            self._goodbye(_CLOSING)
            return
        await self.push(f"220 {self.hostname} {self.__ident__}")
        bogus = 0
        while self.transport is not None and not self.transport.is_closing() and bogus < BOGUS:
            line = await self._command_line()
            verb, _, argument = line.rstrip(b"\r\n").partition(b" ")
            command = self._commands.get(verb.upper())
            if len(line) > COMMAND_OCTETS or command is None:
                await self.push(f"{_TOO_LONG if len(line) > COMMAND_OCTETS else _UNKNOWN}")
                bogus += 1
                continue
            try:
                # A surrogate is an octet that was not UTF-8.
                await command(argument.strip().decode("utf-8", "surrogateescape"))
            except ConnectionError:
                raise
            except Exception as error:  # a bug of ours: the peer tries again and learns nothing of it
                logger.error(log.line(self._queue_id, error=type(error).__name__), exc_info=error)
                due, self._replies_due = self._replies_due, 1
                await self.push("\r\n".join([str(delivery.INTERNAL)] * due))
                self._forget_mail()
        self._goodbye(b"".join(self._replies))

    async def _command_line(self) -> bytes:
        """The next line; of one that is longer than any command, its beginning."""
        if not self._is_ahead:
            await self._flush()
            self._reset_timeout()
        beginning = b""
        while True:
            try:
                rest = await self._reader.readuntil(b"\n")
                return beginning or rest
            except asyncio.LimitOverrunError as overrun:
                await self._flush()
                beginning = (await self._reader.readexactly(overrun.consumed))[: COMMAND_OCTETS + 1]

    async def smtp_LHLO(self, arg: str) -> None:
        if not arg or not _CLIENT.fullmatch(arg):
            await self.push(f"{_BAD_SYNTAX}")
            return
        self._forget_mail()
        self._client = arg
        features = [
            self.hostname,
            "PIPELINING",
            f"SIZE {self._settings.message_bytes}",
            "ENHANCEDSTATUSCODES",
            "8BITMIME",
            "SMTPUTF8",
            "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE",
        ]
        await self.push("".join(f"250-{feature}\r\n" for feature in features[:-1]) + f"250 {features[-1]}")

    async def smtp_XFORWARD(self, arg: str) -> None:
        """Postfix's queue id (XFORWARD_README); its other attributes are of no use here."""
        if self._mail_from is not None:
            await self.push(f"{_BAD_SEQUENCE}")
            return
        if match := _QUEUE_ID.search(arg or ""):
            self._queue_id = match[1]
        await self.push(_OK)

    async def smtp_MAIL(self, arg: str) -> None:
        refusal = None
        match = _PATH.fullmatch(arg or "")
        if self._draining:
            self._goodbye(b"".join(self._replies) + _CLOSING)
            return
        if not self._client or self._mail_from is not None:
            refusal = _BAD_SEQUENCE
        elif match is None or not match[1].isprintable():
            refusal = _BAD_SYNTAX
        else:
            refusal = self._bad_parameter((match[2] or "").upper().split())
        if refusal is not None or match is None:
            await self.push(f"{refusal}")
            return
        self._mail_from = match[1]
        await self.push(_OK)

    def _bad_parameter(self, parameters: list[str]) -> Reply | None:
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name == "SIZE" and value.isdecimal():
                if int(value) > self._settings.message_bytes:
                    return delivery.TOO_BIG
            elif parameter not in ("SMTPUTF8", "BODY=7BIT", "BODY=8BITMIME"):
                return _BAD_PARAMETER
        return None

    async def smtp_RCPT(self, arg: str) -> None:
        match = _PATH.fullmatch(arg or "")
        if self._mail_from is None:
            await self.push(f"{_BAD_SEQUENCE}")
        elif match is None or not match[1]:
            await self.push(f"{_BAD_SYNTAX}")
        elif match[2]:
            await self.push(f"{_BAD_PARAMETER}")
        elif len(self._destinations) >= self._settings.recipients:
            await self.push(f"{delivery.TOO_MANY}")
        else:
            await self._recipient(match[1])

    async def _recipient(self, address: str) -> None:
        found: Destination | Reply = delivery.MALFORMED
        if address.isprintable():  # a surrogate is an octet that was not UTF-8
            found = await self._agent.destination(address, self._mail_from or "")
        if isinstance(found, Reply):
            await self._agent.refused(self._queue_id, address, found)
            await self.push(f"{found}")
            return
        self._destinations.append(found)
        await self.push(_OK)

    async def smtp_DATA(self, arg: str) -> None:
        # Ahead: it did not wait for 354, so where its message begins is anyone's guess.
        if arg or not self._destinations or self._is_ahead:
            await self.push(f"{_BAD_SEQUENCE}")
            if self._is_ahead:
                self._goodbye(b"".join(self._replies))
            return
        self._replies_due = len(self._destinations)
        message = Message(self._settings.memory_bytes, self._settings.spool)
        try:
            await self._receive(message)
        except BaseException:
            message.close()
            raise
        refusal = self._refusal(message)
        if refusal is not None:
            message.close()
            replies, keys = [refusal] * len(self._destinations), list[str]()
            logger.info(log.line(self._queue_id, size=message.size_bytes, reply=refusal))
        else:
            replies, keys = await self._deliver(message)
        self._replies_due = 1
        self._forget_mail()
        self._delivered = [] if self._is_ahead else keys
        await self.push("\r\n".join(map(str, replies)))
        if self._draining:
            self._goodbye(b"".join(self._replies))

    async def _receive(self, message: Message) -> None:
        """Read up to the lone dot; where the message is too big, or cannot be kept, read on but keep nothing.

        Raises OSError then, at the end: what is left unread would be taken for commands.
        """
        # So that CR LF . CR LF ends an empty message too.
        self._reader.feed_data(b"\r\n")
        await self.push(b"354 Ok\r\n")
        await self._flush()
        first, last = True, False
        failure: OSError | None = None
        while not last:
            self._reset_timeout(self._settings.data_s)
            try:
                piece = await self._reader.readuntil(END)
                piece, last = piece[: 2 - len(END)], True
            except asyncio.LimitOverrunError as overrun:
                piece = await self._reader.readexactly(overrun.consumed)
            if first:
                piece, first = piece[2:], False
            if failure is not None:
                message.size_bytes += len(piece)
            else:
                try:
                    await message.add(piece)
                except OSError as error:
                    failure = error
                    message.drop()
            if message.size_bytes > self._settings.message_bytes:
                message.drop()
                if message.size_bytes > 2 * self._settings.message_bytes:
                    self._goodbye(f"{delivery.TOO_BIG}\r\n".encode())
                    raise ConnectionResetError("message without end")
        if failure is not None:
            raise failure
        message.finish()

    def _refusal(self, message: Message) -> Reply | None:
        if message.size_bytes > self._settings.message_bytes:
            return delivery.TOO_BIG
        return delivery.BARE_LF if message.bare_lf else None

    async def _deliver(self, message: Message) -> tuple[list[Reply], list[str]]:
        mail = Mail(
            mail_from=self._mail_from or "",
            destinations=self._destinations,
            message=message,
            queue_id=self._queue_id or message.queue_id,
            client=self._client,
            known_to_peer=self._delivered,
        )

        async def deliver() -> tuple[list[Reply], list[str]]:
            try:
                return await self._agent.deliver(mail)
            finally:
                message.close()

        # Dovecot's time does not count as the peer's silence. The peer may leave, the delivery goes to its end.
        self._stop_clock()
        outcome = await asyncio.shield(asyncio.create_task(deliver()))
        self._reset_timeout()
        return outcome

    async def smtp_QUIT(self, arg: str) -> None:
        await self.push(b"221 2.0.0 Bye\r\n")
        self._goodbye(b"".join(self._replies))

    async def smtp_RSET(self, arg: str) -> None:
        self._forget_mail()
        await self.push(_OK)

    async def smtp_NOOP(self, arg: str) -> None:
        await self.push(_OK)

    async def smtp_VRFY(self, arg: str) -> None:
        await self.push(b"252 2.5.2 Send some mail, I will try\r\n")

    def _forget_mail(self) -> None:
        self._queue_id = self._mail_from = None
        self._destinations = []

    def _goodbye(self, reply: bytes) -> None:
        if self.transport is not None:
            self._writer.write(reply)
            self.transport.close()

    @property
    def _is_ahead(self) -> bool:
        """Whether the peer has sent more than was asked for. (StreamReader has no public way to say.)"""
        return bool(self._reader._buffer)  # type: ignore[attr-defined]

    def _stop_clock(self) -> None:
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()

    def _timeout_cb(self) -> None:
        self._goodbye(b"421 4.4.2 Timed out\r\n")
