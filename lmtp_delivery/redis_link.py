"""Redis for one event loop: commands of many callers on one connection, pipelined as they come (RESP 2).

redis-py's asyncio client spends several times the processor time of the whole exchange; hiredis packs and parses in C.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import hiredis
from redis.connection import SSLConnection, parse_url

Command = tuple[str | bytes | int, ...]


class RedisFailed(Exception):
    """The connection failed, or the server refused a command (out of memory, read-only, loading ...)."""


class RedisLink(asyncio.Protocol):
    """One connection. Opened with ``open``; once it has ``failed`` it stays so."""

    def __init__(self, timeout_s: float) -> None:
        self.failed = False
        self._timeout_s = timeout_s
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._due: deque[tuple[int, list[Any], asyncio.Future[list[Any]]]] = deque()
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def open(cls, url: str, timeout_s: float) -> RedisLink:
        """Connect to ``redis://``, ``rediss://`` or ``unix://`` and log in; raises RedisFailed."""
        where: dict[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                if "path" in where:
                    _, link = await loop.create_unix_connection(lambda: cls(timeout_s), where["path"])
                else:
                    tls = ssl.create_default_context() if where.get("connection_class") is SSLConnection else None
                    _, link = await loop.create_connection(
                        lambda: cls(timeout_s), where.get("host", "localhost"), where.get("port", 6379), ssl=tls
                    )
        except (OSError, TimeoutError) as error:
            raise RedisFailed(str(error) or "connecting took too long") from None
        greeting: list[Command] = []
        if password := where.get("password"):
            greeting.append(("AUTH", where["username"], password) if where.get("username") else ("AUTH", password))
        if where.get("db"):
            greeting.append(("SELECT", where["db"]))
        if greeting:
            await link.ask(greeting)
        return link

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The answers in order: bytes, int, list or None. Raises RedisFailed."""
        if not commands:  # no answer would come, and the next one would be taken for it
            return []
        if self.failed or self._transport is None:
            raise RedisFailed("closed")
        packed = b"".join(map(hiredis.pack_command, commands))  # type: ignore[arg-type]
        future: asyncio.Future[list[Any]] = self._loop.create_future()
        self._due.append((len(commands), [], future))
        self._transport.write(packed)
        overdue = self._loop.call_later(self._timeout_s, self._fail, "no answer in time")
        try:
            return await future
        finally:
            overdue.cancel()

    def close(self) -> None:
        """Drop the connection; who still waits hears RedisFailed."""
        self._fail("closed")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """From the event loop."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """From the event loop."""
        self._reader.feed(data)
        try:
            while self._due and (answer := self._reader.gets()) is not False:
                self._take(answer)
        except hiredis.ProtocolError as error:
            self._fail(str(error))

    def connection_lost(self, error: Exception | None) -> None:
        """From the event loop."""
        self._fail(str(error or "closed by the server"))

    def _take(self, answer: Any) -> None:
        count, answers, future = self._due[0]
        answers.append(answer)
        if len(answers) < count:
            return
        self._due.popleft()
        refused = next((a for a in answers if isinstance(a, hiredis.ReplyError)), None)
        if future.done():
            return
        if refused is not None:
            future.set_exception(RedisFailed(str(refused)))
        else:
            future.set_result(answers)

    def _fail(self, why: str) -> None:
        if self.failed:
            return
        self.failed = True
        if self._transport is not None:
            self._transport.abort()
        while self._due:
            future = self._due.popleft()[2]
            if not future.done():
                future.set_exception(RedisFailed(why))
