"""One TCP connection under a session: octets in, events out, what the session has to say written once a turn.

Nothing piles up here. While the peer does not read what we write, it is not read either. While more than
``MOST_OWED`` of its requests wait to be recorded, it is not read, and the session's clock stands still: what is not
read cannot be answered in time, and that is not the peer's fault. Only where nothing is recorded for
``MOST_HELD_S`` the connection is cut: a new one owes nothing, and the peer sends again what it got no answer to.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar, cast

from caiyou import log

logger = logging.getLogger("mail2sms.links")

CLOSE_S = 2.0  # what is written already may take so long to go out
MOST_OWED = 1000
MOST_HELD_S = 600.0
CONNECTION_LOST = "connection lost"


class StreamSession(Protocol):
    """What is needed of a session: see ``mail2sms.session.base``."""

    @property
    def is_closed(self) -> bool: ...

    @property
    def deadline(self) -> float | None: ...

    def receive(self, data: bytes, now: float) -> list[Any]: ...

    def tick(self, now: float) -> list[Any]: ...

    def connection_lost(self, why: str) -> list[Any]: ...

    def data_to_send(self) -> bytes: ...

    def acknowledge(self, event: Any) -> None:
        """Answer a request of the peer. Does nothing when the session is closed."""


S = TypeVar("S", bound=StreamSession)


class Wire(asyncio.Protocol, Generic[S]):
    """The connection. It is not read before ``begin``."""

    session: S

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._act: Callable[[Any], None]
        self._timer: asyncio.TimerHandle | None = None
        self._flushing = False
        self._blocked = False  # the peer does not read
        self._owed = 0  # requests of the peer that are not recorded yet
        self._held_at: float | None = None  # since when it is not read for their sake
        self._held_s = 0.0

    def begin(self, session: S, act: Callable[[Any], None]) -> None:
        """Carry this session; each of its events goes to ``act``."""
        self.session, self._act = session, act
        self._wait()
        self._read_or_not()
        self.flush()

    def now(self) -> float:
        """The session's clock."""
        return (self._loop.time() if self._held_at is None else self._held_at) - self._held_s

    def owe(self, event: Any) -> Callable[[], None]:
        """The ``done`` of a request of the peer: to be called once, when it is recorded."""
        self._owed += 1
        if self._owed > MOST_OWED and self._held_at is None:
            self._held_at = self._loop.time()
            self._read_or_not()

        def done() -> None:
            self._owed -= 1
            if self._held_at is not None and self._owed <= MOST_OWED // 2:
                self._held_s += self._loop.time() - self._held_at
                self._held_at = None
                self._read_or_not()
            self.session.acknowledge(event)
            self.flush_soon()

        return done

    def flush_soon(self) -> None:
        """Write at the end of this turn of the loop: many PDUs, one system call."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what the session has to say; close when it is over."""
        self._flushing = False
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if data := self.session.data_to_send():
            transport.write(data)
        if self.session.is_closed:
            transport.close()
            self._loop.call_later(CLOSE_S, transport.abort)

    def abort(self) -> None:
        """Cut the connection; what is not written is lost."""
        if self._transport is not None:
            self._transport.abort()

    # --- asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # a stream socket's is one
        self._transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        self._take(self.session.receive(data, self.now()))
        self.flush()

    def pause_writing(self) -> None:
        self._blocked = True
        self._read_or_not()

    def resume_writing(self) -> None:
        self._blocked = False
        self._read_or_not()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:  # it was begun
            self._timer.cancel()
            self._take(self.session.connection_lost(str(exc) if exc else CONNECTION_LOST))
        self.ended.set()

    # --- inside

    def _take(self, events: list[Any]) -> None:
        for event in events:
            try:
                self._act(event)
            except Exception:  # the events behind it may be answers, and must not be lost with it
                logger.exception(log.line(None, event=type(event).__name__, why="its owner failed"))

    def _read_or_not(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._blocked or self._held_at is not None:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _wait(self) -> None:
        # Deadlines only move out while traffic flows, so looking once a second is enough and costs nothing.
        deadline = self.session.deadline
        wait_s = 1.0 if deadline is None else min(1.0, max(0.01, deadline - self.now()))
        self._timer = self._loop.call_later(wait_s, self._on_timer)

    def _on_timer(self) -> None:
        deadline, now = self.session.deadline, self.now()
        if self._held_at is not None and self._loop.time() - self._held_at > MOST_HELD_S:
            self._take(self.session.connection_lost(f"nothing was recorded for {MOST_HELD_S:.0f} s"))
            self.abort()
        elif deadline is not None and deadline <= now:
            self._take(self.session.tick(now))
            self.flush()
        self._wait()
