"""A login at a carrier over TCP, whatever protocol it speaks: connect, log in, serve, log out, and come back.

It comes back after every end: with growing pauses after a lost connection, late after a refused login (wrong
credentials must not hammer the carrier). A protocol derives from ``StreamLink`` and says how its session begins, how a
part becomes a request, and what its events mean.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from typing import Any, Generic, Protocol, TypeVar

from caiyou import log
from caiyou.errors import SettingsError
from caiyou.settings import secret
from mail2sms.links import Answer, LinkState, MtPart, Outcome, Sink
from mail2sms.links.wire import CONNECTION_LOST, StreamSession, Wire
from mail2sms.pace import Backoff
from mail2sms.session.base import Limits, NotOpen
from mail2sms.session.events import Closed, Forgave, LoginRefused, Malformed, SubmitUnanswered
from mail2sms.settings.link import CarrierTable

logger = logging.getLogger("mail2sms.links")


class ClientSession(StreamSession, Protocol):
    """What is needed of a session that sends."""

    @property
    def free(self) -> int:
        """Requests that may be sent now; 0 unless it is open."""

    def terminate(self, now: float) -> None:
        """Log out. Raises NotOpen."""


S = TypeVar("S", bound=ClientSession)


class StreamLink(ABC, Generic[S]):
    """One login at a carrier."""

    def __init__(self, name: str, settings: CarrierTable, account: str) -> None:
        self._name = name
        self._carrier = settings
        self._wire: Wire[S] | None = None  # while a session is on it
        self._tags: dict[Hashable, int] = {}  # the request's sequence id to the gateway's tag
        self._sink: Sink
        self._ended = _Ended()
        self.account = account
        self.capacity = 0
        self.notes: dict[str, str] = {}
        self.whole = False

    # --- the protocol's part

    @abstractmethod
    def _log_in(self, password: str, now: float) -> S:
        """A new session whose login is ready to be sent. Raises ValueError where it cannot be."""

    @abstractmethod
    def _send(self, session: S, part: MtPart, now: float) -> Hashable:
        """Send a part; its sequence id. Raises ValueError where it cannot be sent."""

    def _on(self, event: Any) -> None:
        """What an event of the session means. A protocol takes its own and leaves the others to this."""
        match event:
            case SubmitUnanswered():
                self._answer(event.sequence_id, Answer(outcome=Outcome.LOST, result="no answer"))
            case LoginRefused():
                self._ended.refused = self._is_lasting(event.status)
                self._ended.why = event.why
            case Closed():
                self.capacity = 0
                if self._ended.why == CONNECTION_LOST:
                    self._ended.why = event.why
                for sequence_id in event.unanswered:
                    self._answer(sequence_id, Answer(outcome=Outcome.LOST, result=event.why))
            case Forgave():
                logger.warning(log.line(None, link=self._name, forgave=event.what))
            case Malformed():
                logger.warning(log.line(None, link=self._name, malformed=event.command, why=event.why))
            case _:
                pass

    def _is_lasting(self, status: int) -> bool:
        """Whether a login refused with this status will be refused again until somebody mends it."""
        return True

    def _say(self, state: LinkState, why: str) -> None:
        """Tell the gateway how the link stands."""
        self._sink.changed(state, why)

    async def _rested(self) -> bool:
        """Whether the end of a connection was no loss; a protocol may wait here until one is needed again."""
        return False

    def _limits(self) -> Limits:
        """The session's."""
        settings = self._carrier
        return Limits(window=settings.window, answer_s=settings.answer_s, tries=settings.tries, idle_s=settings.idle_s)

    def _up(self, why: str, *, sends: bool = True) -> None:
        """The login is taken; ``sends``: parts may go over it."""
        self._ended.was_open = True
        self.capacity = self._carrier.window if sends else 0
        self._say(LinkState.UP, why)

    def _answer(self, sequence_id: Hashable, answer: Answer) -> None:
        """A request is answered, or will not be."""
        tag = self._tags.pop(sequence_id, None)
        if tag is not None:
            self._sink.answered(tag, answer)

    def _done(self, event: Any) -> Callable[[], None]:
        """What acknowledges a request of the carrier, once it is recorded."""
        assert self._wire is not None  # noqa: S101  events come from one
        return self._wire.owe(event)

    # --- called by the gateway

    def submit(self, tag: int, part: MtPart) -> Answer | None:
        """See ``Link.submit``."""
        wire = self._wire
        if wire is None or self.capacity == 0 or wire.session.free == 0:
            return Answer(outcome=Outcome.UNSENT)
        try:
            sequence_id = self._send(wire.session, part, wire.now())
        except ValueError as error:
            return Answer(outcome=Outcome.REFUSED, result=f"cannot be sent: {error}", elsewhere=True)
        self._tags[sequence_id] = tag
        wire.flush_soon()
        return None

    async def run(self, sink: Sink, stop_s: float) -> None:
        """See ``Link.run``."""
        self._sink = sink
        lost = Backoff(self._carrier.reconnect_s, self._carrier.reconnect_max_s)
        while True:
            self._ended = _Ended()
            try:
                await self._once(stop_s)
            finally:
                self._forget()
            ended = self._ended
            if ended.was_open:
                lost.reset()
            if await self._rested():
                continue
            if ended.refused:
                pause = self._carrier.refused_s
                self._say(LinkState.REFUSED, f"{ended.why}; next try in {pause:.0f} s")
            else:
                pause = lost.pause_s()
                self._say(LinkState.DOWN, ended.why)
            await asyncio.sleep(pause)

    # --- one connection

    async def _once(self, stop_s: float) -> None:
        """Connect, log in, serve until the end of it. Cancelled: log out, then go on being cancelled."""
        settings, ended = self._carrier, self._ended
        where = f"{settings.host}:{settings.port}"
        self._say(LinkState.CONNECTING, where)
        try:
            password = secret(settings.secret_file)
        except SettingsError as error:  # tried again, since somebody may mend it
            ended.why, ended.refused = str(error), True
            return
        try:
            async with asyncio.timeout(settings.connect_s):
                wire = await self._connected()
        except (OSError, TimeoutError) as error:
            ended.why = f"{where}: {error or 'no answer'}"
            return
        try:
            session = self._log_in(password, wire.now())
            self._wire = wire
            wire.begin(session, self._on)
            await wire.ended.wait()
        except ValueError as error:
            ended.why, ended.refused = f"cannot log in: {error}", True
        except asyncio.CancelledError:
            await self._log_out(wire, stop_s)
            raise
        finally:
            self._wire = None
            wire.abort()

    async def _connected(self) -> Wire[S]:
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(lambda: Wire[S](), self._carrier.host, self._carrier.port)
        return wire

    async def _log_out(self, wire: Wire[S], stop_s: float) -> None:
        """Answers that are on their way are still taken."""
        self.capacity = 0
        self._ended.why = "stopped"
        try:
            async with asyncio.timeout(stop_s):
                wire.session.terminate(wire.now())
                wire.flush()
                await wire.ended.wait()
        except NotOpen:  # stopped before it was logged in
            return
        except TimeoutError:
            logger.warning(log.line(None, link=self._name, terminate="no answer"))

    def _forget(self) -> None:
        """Whatever the session did not name is in doubt too."""
        self.capacity = 0
        for sequence_id in list(self._tags):
            self._answer(sequence_id, Answer(outcome=Outcome.LOST, result=self._ended.why))


class _Ended:
    """How a connection ended."""

    __slots__ = ("refused", "was_open", "why")

    def __init__(self) -> None:
        self.why = CONNECTION_LOST
        self.refused = False
        self.was_open = False
