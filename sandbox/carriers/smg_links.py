"""The simulated SMG's connections: those that the SP binds, and its own to the SP's listener."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from mail2sms.links.wire import Wire
from mail2sms.session.events import Closed
from mail2sms.sgip import codes
from mail2sms.sgip.codes import LoginType, Result
from mail2sms.sgip.events import Answered, Requested, Unanswered
from mail2sms.sgip.frame import encode
from mail2sms.sgip.pdu import Bind, Report
from mail2sms.sgip.session import BY_SP, ClientSession, Limits, ServerSession, SgipSession, State
from mail2sms.sgip.taken import Taken
from sandbox.carriers.smg_outbox import Outgoing

if TYPE_CHECKING:
    from sandbox.carriers.smg import Smg

S = TypeVar("S", bound=SgipSession)

LOGIN_S = 10.0
CALLER_IDLE_S = 10.0
CALLER_ANSWER_S = 3.0
CALLER_RETRY_S = 0.5


class _Sends:
    """What a connection has sent to the SP without an answer."""

    smg: Smg
    sent: dict[int, Outgoing]

    def carry(self, outgoing: Outgoing, wire: _Raw[Any]) -> None:
        """Send it on that connection, with what the faults add."""
        faults, message, sequence_id = self.smg.faults, outgoing.message, outgoing.sequence_id
        wire.session.request(message, wire.now(), sequence_id)
        self.sent[sequence_id] = outgoing
        wire.flush()
        if isinstance(message, Report) and not outgoing.rounds:
            self.smg.counts["reports_repeated"] += faults.report_same_sequence or faults.report_other_content
            if faults.report_same_sequence:
                wire.write(encode(message, sequence_id))
            if faults.report_other_content:
                other = Report(
                    submit_sequence=message.submit_sequence, state=codes.State.FAILED, error_code=Result.BUSY
                )
                wire.write(encode(other, sequence_id))

    def on_answer(self, event: Any) -> bool:
        """Whether the event was about something sent."""
        match event:
            case Answered():
                outgoing = self.sent.pop(event.sequence_id, None)
                if outgoing is not None:
                    self.smg.outbox.answered(outgoing, event.result)
            case Unanswered():
                self.smg.outbox.put_again(self.sent.pop(event.sequence_id))
            case Closed():
                for outgoing in self.sent.values():
                    self.smg.outbox.put_again(outgoing)
                self.sent.clear()
                return False
            case _:
                return False
        return True


class _Raw(Wire[S]):
    """A connection that also carries octets which no session would send."""

    def write(self, octets: bytes) -> None:
        """Write them at once."""
        if self._transport is not None:
            self._transport.write(octets)


class _Session(ServerSession):
    """A server session that may ignore a second BIND."""

    def __init__(self, smg: Smg) -> None:
        limits = Limits(window=32, answer_s=CALLER_ANSWER_S, idle_s=smg.faults.cut_idle_s)
        super().__init__(limits, smg.sequencer, BY_SP, smg.taken)
        self._smg = smg

    def _on_bind(self, sequence_id: int, bind: Bind, now: float) -> None:
        if self.state is State.NEW or not self._smg.faults.ignore_second_bind:
            super()._on_bind(sequence_id, bind, now)


class SpLink(_Raw[ServerSession], _Sends):
    """A connection that the SP binds."""

    def __init__(self, smg: Smg) -> None:
        super().__init__()
        self.smg = smg
        self.sent: dict[int, Outgoing] = {}
        self.peer = ""
        self.since = datetime.now(UTC)
        self.submits = 0
        self.unanswered = 0  # SUBMITs taken and not answered yet
        self.is_cut = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        host, port = transport.get_extra_info("peername")[:2]
        self.peer = f"{host}:{port}"
        session = _Session(self.smg)
        session.waits_for_login(self.now(), LOGIN_S)
        self.begin(session, partial(self.smg.act, self))
        self.smg.connected(self)
        self.be_silent(silent=self.smg.faults.silent)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.smg.disconnected(self)

    def flush(self) -> None:
        self.smg.journal.flush()
        if not self.smg.faults.silent:
            super().flush()

    def answer(self, event: Requested, result: int) -> None:
        """Answer a SUBMIT."""
        self.unanswered -= 1
        self.session.acknowledge(event, result)
        self.flush_soon()

    def leave_unanswered(self, event: Requested, result: int) -> None:
        """Take a SUBMIT as if it were answered: the same again will be."""
        self.unanswered -= 1
        self.session.owed -= 1
        self.smg.taken.answered(event.sequence_id, event.message, result)

    def cut(self) -> None:
        """Break the connection without a word."""
        self.is_cut = True
        self.abort()

    def end(self) -> None:
        """End it in order."""
        if self.session.state is State.OPEN:
            self.session.terminate(self.now())
            self.flush()
        else:
            self.cut()

    def close_soon(self) -> None:
        """Close once what was written is out."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def be_silent(self, *, silent: bool) -> None:
        """Stop reading and writing, or go on."""
        if self._transport is None or self._transport.is_closing():
            return
        if silent:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()
            self.flush()

    def status(self) -> dict[str, Any]:
        """As ``/smg/status`` shows it."""
        return {
            "peer": self.peer,
            "bound": self.session.state is State.OPEN,
            "since": self.since.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "submits": self.submits,
            "unanswered": len(self.sent),
        }


class Caller(_Sends):
    """Binds to the SP's listener when there is something to send, and unbinds when there is nothing for a while."""

    def __init__(self, smg: Smg, host: str, port: int, name: str, password: str) -> None:
        self.smg = smg
        self.sent: dict[int, Outgoing] = {}
        self.wanted = asyncio.Event()
        self._where = host, port
        self._login = name, password
        self._wire: _Raw[ClientSession] | None = None

    @property
    def wire(self) -> _Raw[ClientSession] | None:
        """The connection, while it is bound."""
        wire = self._wire
        return wire if wire is not None and wire.session.state is State.OPEN else None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.wanted.wait()
            self.wanted.clear()
            try:
                await self._once()
            except OSError:
                self.smg.counts["calls_failed"] += 1
            await asyncio.sleep(CALLER_RETRY_S)

    def cut(self) -> None:
        """Break the connection."""
        if self._wire is not None:
            self._wire.abort()

    def end(self) -> None:
        """End it in order."""
        if (wire := self.wire) is not None:
            wire.session.terminate(wire.now())
            wire.flush()

    async def _once(self) -> None:
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(lambda: _Raw[ClientSession](), *self._where)
        limits = Limits(window=32, answer_s=CALLER_ANSWER_S, idle_s=CALLER_IDLE_S)
        session = ClientSession(limits, self.smg.sequencer, frozenset(), Taken())
        name, password = self._login
        session.bind(LoginType.SMG_TO_SP, name, "wrong" if self.smg.faults.wrong_password else password, wire.now())
        self._wire = wire
        try:
            wire.begin(session, self._on)
            await wire.ended.wait()
        finally:
            self._wire = None
            wire.abort()

    def _on(self, event: Any) -> None:
        if not self.on_answer(event):
            self.smg.counts[f"call_{type(event).__name__.lower()}"] += 1
            self.smg.outbox.pump()
