"""A CMPP link: the client session of ``mail2sms.cmpp`` on a TCP connection.

It connects, logs in, and comes back after every end: with growing pauses after a lost connection, late after a refused
login (wrong credentials must not hammer the carrier). Numbers on the wire are national without +86, others with 00
before the country code.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from caiyou import log
from caiyou.errors import SettingsError
from caiyou.settings import secret
from mail2sms.cmpp import events
from mail2sms.cmpp.codes import Result, Status, Version
from mail2sms.cmpp.link import NotOpen
from mail2sms.cmpp.pdu import Submit
from mail2sms.cmpp.session import ClientSession, Limits, Login, State
from mail2sms.content import part_of, text_of
from mail2sms.links import Answer, LinkState, Mo, MtPart, Outcome, Report, ReportState, Sink
from mail2sms.pace import Backoff
from mail2sms.settings.cmpp import CmppLinkSettings

logger = logging.getLogger("mail2sms.links.cmpp")

READ_OCTETS = 1 << 16
CONNECTION_LOST = "connection lost"

REPORT_STATES = {
    "DELIVRD": ReportState.DELIVERED,
    "EXPIRED": ReportState.EXPIRED,
    "ACCEPTD": ReportState.PENDING,
    "ACCEPTED": ReportState.PENDING,
    "ENROUTE": ReportState.PENDING,
}


class CmppLink:
    """One login at an ISMG."""

    def __init__(self, name: str, settings: CmppLinkSettings) -> None:
        self._name = name
        self._settings = settings
        self._session: ClientSession | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._tags: dict[int, int] = {}  # sequence_id to the gateway's tag
        self._flushing = False
        self.account = settings.account_name
        self.capacity = 0
        self.notes: dict[str, str] = {}

    # --- called by the gateway

    def submit(self, tag: int, part: MtPart) -> Answer | None:
        """See ``Link.submit``."""
        session = self._session
        if session is None or session.free == 0:
            return Answer(outcome=Outcome.UNSENT)
        try:
            sequence_id = session.submit(self._pdu(part), asyncio.get_running_loop().time())
        except ValueError as error:
            return Answer(outcome=Outcome.REFUSED, result=f"cannot be sent: {error}")
        self._tags[sequence_id] = tag
        self._flush_soon()
        return None

    async def run(self, sink: Sink, stop_s: float) -> None:
        """See ``Link.run``."""
        lost = Backoff(self._settings.reconnect_s, self._settings.reconnect_max_s)
        while True:
            ended = _Ended()
            try:
                ended = await self._once(sink, stop_s)
            finally:
                self._forget(sink, ended.why)
            if ended.was_open:
                lost.reset()
            if ended.refused:
                pause = self._settings.refused_s
                sink.changed(LinkState.REFUSED, f"{ended.why}; next try in {pause:.0f} s")
            else:
                pause = lost.pause_s()
                sink.changed(LinkState.DOWN, ended.why)
            await asyncio.sleep(pause)

    # --- one connection

    async def _once(self, sink: Sink, stop_s: float) -> _Ended:
        """Connect, log in, serve until the end of it. Cancelled: log out, then go on being cancelled."""
        loop = asyncio.get_running_loop()
        where = f"{self._settings.host}:{self._settings.port}"
        sink.changed(LinkState.CONNECTING, where)
        try:
            password = secret(self._settings.secret_file)
        except SettingsError as error:  # tried again, since somebody may mend it
            return _Ended(why=str(error), refused=True)
        try:
            async with asyncio.timeout(self._settings.connect_s):
                reader, writer = await asyncio.open_connection(self._settings.host, self._settings.port)
        except (OSError, TimeoutError) as error:
            return _Ended(why=f"{where}: {error or 'no answer'}")
        session = self._session = ClientSession(self._login(password), self._limits())
        self._writer = writer
        ended = _Ended(why=CONNECTION_LOST)
        try:
            session.connect(loop.time(), datetime.now())  # noqa: DTZ005  the text wants the local clock's digits
            self._flush()
            await self._serve(session, reader, sink, ended)
        except asyncio.CancelledError:
            await self._log_out(session, reader, sink, ended, stop_s)
            raise
        finally:
            self._act(session.connection_lost(CONNECTION_LOST), sink, ended)
            self._session = self._writer = None
            writer.transport.abort()
        return ended

    async def _serve(self, session: ClientSession, reader: asyncio.StreamReader, sink: Sink, ended: _Ended) -> None:
        loop = asyncio.get_running_loop()
        timer = asyncio.create_task(self._tick(session, sink, ended))
        try:
            while session.state is not State.CLOSED:
                data = await reader.read(READ_OCTETS)
                if not data:
                    return
                self._act(session.receive(data, loop.time()), sink, ended)
                self._flush()
        except OSError as error:
            ended.why = str(error)
        finally:
            timer.cancel()

    async def _tick(self, session: ClientSession, sink: Sink, ended: _Ended) -> None:
        """Time for the session; a session that ends by time wakes the reader by closing the connection."""
        loop = asyncio.get_running_loop()
        while session.state is not State.CLOSED:
            deadline = session.deadline
            # Deadlines only move out while traffic flows, so looking once a second is enough and costs nothing.
            await asyncio.sleep(1.0 if deadline is None else min(1.0, max(0.01, deadline - loop.time())))
            if session.deadline is not None and session.deadline <= loop.time():
                self._act(session.tick(loop.time()), sink, ended)
                self._flush()
        if self._writer is not None:
            self._writer.close()

    async def _log_out(
        self, session: ClientSession, reader: asyncio.StreamReader, sink: Sink, ended: _Ended, stop_s: float
    ) -> None:
        """Answers that are on their way are still taken."""
        self.capacity = 0
        ended.why = "stopped"
        try:
            async with asyncio.timeout(stop_s):
                session.terminate(asyncio.get_running_loop().time())
                self._flush()
                await self._serve(session, reader, sink, ended)
        except NotOpen:  # stopped before it was logged in
            return
        except TimeoutError:
            logger.warning(log.line(None, link=self._name, terminate="no answer"))

    def _act(self, found: list[events.Event], sink: Sink, ended: _Ended) -> None:
        for event in found:
            match event:
                case events.SubmitAnswered():
                    self._answered(event, sink)
                case events.Reported():
                    sink.reported(_report(event), self._taken(event))
                case events.Delivered():
                    sink.received(_mo(event), self._taken(event))
                case events.SubmitUnanswered():
                    self._lost(event.sequence_id, "no answer", sink)
                case events.Connected():
                    ended.was_open = True
                    self.capacity = self._settings.window
                    if not event.authentic:
                        logger.warning(log.line(None, link=self._name, forgave="AuthenticatorISMG is wrong"))
                    sink.changed(LinkState.UP, f"CMPP {event.layout >> 4}.{event.layout & 15}")
                case events.LoginRefused():
                    # Too many links and the like pass; what is wrong with the credentials does not.
                    ended.refused = event.status < Status.OTHER
                    ended.why = event.why
                case events.Closed():
                    self.capacity = 0
                    if ended.why == CONNECTION_LOST:
                        ended.why = event.why
                    for sequence_id in event.unanswered:
                        self._lost(sequence_id, event.why, sink)
                case events.Forgave():
                    logger.warning(log.line(None, link=self._name, forgave=event.what))
                case events.Malformed():
                    logger.warning(log.line(None, link=self._name, malformed=event.command, why=event.why))
                case _:
                    pass

    def _answered(self, event: events.SubmitAnswered, sink: Sink) -> None:
        tag = self._tags.pop(event.sequence_id, None)
        if tag is None:
            return
        if event.result == Result.OK:
            sink.answered(tag, Answer(outcome=Outcome.ACCEPTED, ref=f"{event.msg_id:016x}"))
            return
        outcome = Outcome.BUSY if event.result == Result.FLOW_CONTROL else Outcome.REFUSED
        sink.answered(tag, Answer(outcome=outcome, result=_result(event.result)))

    def _lost(self, sequence_id: int, why: str, sink: Sink) -> None:
        tag = self._tags.pop(sequence_id, None)
        if tag is not None:
            sink.answered(tag, Answer(outcome=Outcome.LOST, result=why))

    def _forget(self, sink: Sink, why: str) -> None:
        """Whatever the session did not name is in doubt too."""
        self.capacity = 0
        for sequence_id in list(self._tags):
            self._lost(sequence_id, why, sink)

    def _taken(self, event: events.Delivered | events.Reported) -> Callable[[], None]:
        session = self._session

        def done() -> None:
            if session is not None and session is self._session:
                session.acknowledge(event)
                self._flush_soon()

        return done

    # --- out

    def _flush_soon(self) -> None:
        """Write at the end of this turn of the loop: many PDUs, one system call."""
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._session is not None and self._writer is not None and not self._writer.is_closing():
            data = self._session.data_to_send()
            if data:
                self._writer.write(data)

    def _pdu(self, part: MtPart) -> Submit:
        settings, segment = self._settings, part.segment
        return Submit(
            pk_total=segment.total,
            pk_number=segment.number,
            registered_delivery=1,
            service_id=settings.service_id,
            fee_user_type=2,
            tp_udhi=int(segment.total > 1),
            msg_fmt=segment.msg_fmt,
            msg_src=settings.sp_id,
            fee_type=settings.fee_type,
            fee_code=settings.fee_code,
            src_id=settings.src_id,
            dest_terminal_ids=(_terminal(part.to),),
            msg_content=segment.udh + segment.body,
        )

    def _login(self, password: str) -> Login:
        version = Version.V30 if self._settings.version == "3.0" else Version.V20
        return Login(
            sp_id=self._settings.sp_id,
            secret=password,
            version=version,
            require_proof=self._settings.strict_auth,
        )

    def _limits(self) -> Limits:
        settings = self._settings
        return Limits(window=settings.window, answer_s=settings.answer_s, tries=settings.tries, idle_s=settings.idle_s)


class _Ended:
    """How a connection ended."""

    __slots__ = ("refused", "was_open", "why")

    def __init__(self, why: str = "stopped", refused: bool = False) -> None:
        self.why = why
        self.refused = refused
        self.was_open = False


def _report(event: events.Reported) -> Report:
    report = event.report
    stat = report.stat.strip().upper()
    return Report(
        ref=f"{report.msg_id:016x}",
        state=REPORT_STATES.get(stat, ReportState.FAILED),
        stat=stat or "UNKNOWN",
        to=report.dest_terminal_id,
    )


def _mo(event: events.Delivered) -> Mo:
    deliver = event.deliver
    part = part_of(deliver.tp_udhi, deliver.msg_content)
    return Mo(
        ref=f"{deliver.msg_id:016x}",
        sender=deliver.src_terminal_id,
        to=deliver.dest_id,
        text=text_of(deliver.msg_fmt, part.body),
        reference=part.reference,
        number=part.number,
        total=part.total,
    )


def _terminal(number: str) -> str:
    """A number as an ISMG wants it."""
    return number[2:] if number.startswith("86") and len(number) == 13 else f"00{number}"


def _result(code: int) -> str:
    """``8 flow control``."""
    try:
        return f"{code} {Result(code).name.lower().replace('_', ' ')}"
    except ValueError:
        return str(code)
