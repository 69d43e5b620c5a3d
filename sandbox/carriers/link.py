"""One TCP connection of an SP to a simulated carrier: octets to the session, events to the carrier, octets back."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from mail2sms.session.base import Limits, NotOpen, State

if TYPE_CHECKING:
    from sandbox.carriers.account import Account, Outgoing
    from sandbox.carriers.logins import LoginCarrier

REMEMBERED = 256  # SUBMITs of a link


class SpLink(asyncio.Protocol):
    """The connection, its session and what is on the way on it."""

    def __init__(self, carrier: LoginCarrier) -> None:
        self._carrier = carrier
        self._transport: asyncio.Transport | None = None
        self.session: Any = carrier.new_session(Limits(idle_s=carrier.faults.test_every_s))
        self.account: Account | None = None
        self.peer = ""
        self.since = datetime.now(UTC)
        self.submits = 0
        self.unanswered = 0  # SUBMITs taken and not answered yet
        self.is_cut = False
        self.sent: dict[int, Outgoing] = {}  # DELIVERs without an answer
        self.answers: OrderedDict[int, tuple[Any, Any]] = OrderedDict()  # by sequence id, given or due

    # --- asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # a stream socket's is one
        host, port = transport.get_extra_info("peername")[:2]
        self.peer = f"{host}:{port}"
        self.session.waits_for_login(time.monotonic())
        self._carrier.connected(self)
        self.be_silent(silent=self._carrier.faults.silent)

    def data_received(self, data: bytes) -> None:
        self._act(self.session.receive(data, time.monotonic()))

    def connection_lost(self, exc: Exception | None) -> None:
        self._act(self.session.connection_lost(f"connection lost: {exc or 'by the peer'}"))
        self._carrier.disconnected(self)

    def pause_writing(self) -> None:
        """The SP does not read: it is not read either until it does, so nothing piles up here."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None and not self._carrier.faults.silent:
            self._transport.resume_reading()

    # --- the carrier calls these

    def status(self) -> dict[str, Any]:
        """As ``/<carrier>/status`` shows it."""
        return {
            "peer": self.peer,
            "layout": self._carrier.speaks(self.session),
            "since": self.since.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "submits": self.submits,
            "delivers_unanswered": len(self.sent),
        }

    def send(self, deliver: Any, outgoing: Outgoing, now: float) -> None:
        """Send a DELIVER; ``outgoing`` comes back when it is not taken."""
        self.sent[self.session.deliver(deliver, now)] = outgoing

    def remember(self, sequence_id: int, submit: Any, answer: Any) -> None:
        """Keep the answer of a SUBMIT in case it comes again."""
        self.answers[sequence_id] = (submit, answer)
        if len(self.answers) > REMEMBERED:
            self.answers.popitem(last=False)

    def answer(self, sequence_id: int, answer: Any) -> None:
        """Answer a SUBMIT."""
        self.unanswered -= 1
        self.session.respond(sequence_id, answer)

    def tick(self, now: float) -> None:
        """Time passed."""
        deadline = self.session.deadline
        if deadline is not None and now >= deadline and not self._carrier.faults.silent:
            self._act(self.session.tick(now))

    def cut(self) -> None:
        """Break the connection without a word."""
        self.is_cut = True
        if self._transport is not None:
            self._transport.abort()

    def be_silent(self, *, silent: bool) -> None:
        """Stop reading and writing, or go on."""
        if self._transport is None or self._transport.is_closing():
            return
        if silent:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
            self.flush()

    def end(self) -> None:
        """End it in order."""
        try:
            self.session.terminate(time.monotonic())
        except NotOpen:
            self.cut()
        self.flush()

    def flush(self) -> None:
        """Write what the session has; close when it is over."""
        if self._transport is None or self._transport.is_closing() or self._carrier.faults.silent:
            return
        if data := self.session.data_to_send():
            self._transport.write(data)
        if self.session.state is State.CLOSED:
            self._transport.close()

    def _act(self, events: list[Any]) -> None:
        for event in events:
            self._carrier.act(self, event)
        if events:
            self._carrier.journal.flush()
        self.flush()
